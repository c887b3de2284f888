package world

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Arrival is how the body of an answer arrives.
type Arrival uint8

const (
	AtOnce  Arrival = iota
	Late            // the second half of it
	Cut             // only the first half of it
	Stalled         // all of it, but not its end
	Endless         // and more, as long as anybody reads
)

// String returns the arrival in lower case.
func (a Arrival) String() string {
	return [...]string{"at once", "late", "cut", "stalled", "endless"}[a]
}

// Bodies says how bodies arrive, those of reads before the calm. Its zero value
// is at once.
type Bodies struct {
	Chance float64 // that one does not arrive at once
	How    []Arrival
	Wait   time.Duration // of those that are late, at most
}

func drawBodies(d Dice) Bodies {
	b := Bodies{Chance: 0.02 + d.Float64()/2, Wait: d.Between(time.Millisecond, 15*time.Second)}
	for range 1 + d.IntN(2) {
		b.How = append(b.How, OneOf(d, Late, Late, Cut, Stalled, Endless))
	}
	return b
}

// throw draws how one body arrives.
func (b *Bodies) throw(d Dice) (how Arrival, wait time.Duration) {
	luck, which, share := d.Float64(), d.Float64(), d.Float64()
	if luck >= b.Chance {
		return AtOnce, 0
	}
	return b.How[int(which*float64(len(b.How)))], time.Duration(share * float64(b.Wait))
}

// filler is what endless bodies consist of, and fillEvery how often it comes.
var filler = bytes.Repeat([]byte{' '}, 32<<10)

const fillEvery = 50 * time.Millisecond

// body is one of virtual time. It counts that it is closed.
type body struct {
	w    *World
	ctx  context.Context
	how  Arrival
	wait time.Duration
	rest [][]byte // pieces to come; all but the first arrive late
	late bool     // the first piece has been read
	look int      // that it answers; negative if it answers a write

	once   sync.Once
	closed chan struct{}
}

func (w *World) newBody(ctx context.Context, r *Reply) *body {
	all := []byte(r.Body)
	b := &body{w: w, ctx: ctx, how: r.how, wait: r.wait, rest: [][]byte{all}, look: r.look, closed: make(chan struct{})}
	half := len(all) / 2
	switch b.how {
	case Late:
		b.rest = [][]byte{all[:half], all[half:]}
	case Cut:
		b.rest = [][]byte{all[:half]}
	}
	return b
}

func (b *body) Read(p []byte) (int, error) {
	for {
		if err := b.over(); err != nil {
			return 0, err
		}
		if len(b.rest) == 0 {
			switch b.how {
			case Cut:
				return 0, io.ErrUnexpectedEOF
			case Stalled:
				if err := b.pause(-1); err != nil {
					return 0, err
				}
			case Endless:
				if err := b.pause(fillEvery); err != nil {
					return 0, err
				}
				b.rest = [][]byte{filler}
			default:
				return 0, io.EOF
			}
			continue
		}
		if len(b.rest) == 1 && b.how == Late && !b.late {
			b.late = true
			if err := b.pause(b.wait); err != nil {
				return 0, err
			}
		}
		if n := copy(p, b.rest[0]); n > 0 {
			b.rest[0] = b.rest[0][n:]
			return n, nil
		}
		if len(p) == 0 {
			return 0, nil
		}
		b.rest = b.rest[1:]
	}
}

// over returns why nothing can be read any more.
func (b *body) over() error {
	select {
	case <-b.closed:
		return http.ErrBodyReadAfterClose
	default:
	}
	if b.how != AtOnce && b.ctx.Err() != nil {
		return b.cut()
	}
	return nil
}

// pause waits, without end if d is negative.
func (b *body) pause(d time.Duration) error {
	var due <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
		return nil
	case <-b.closed:
		return http.ErrBodyReadAfterClose
	case <-b.ctx.Done():
		return b.cut()
	}
}

// cut notes that the body was cut short by the end of the request's context.
func (b *body) cut() error {
	if b.look >= 0 {
		b.w.mu.Lock()
		b.w.Looks[b.look].Cut = true
		b.w.mu.Unlock()
	}
	return b.w.over(b.ctx)
}

func (b *body) Close() error {
	b.once.Do(func() {
		close(b.closed)
		b.w.mu.Lock()
		defer b.w.mu.Unlock()
		b.w.Closed++
		if b.look >= 0 { // only now it is answered, or given up
			now := time.Now()
			b.w.Looks[b.look].Answered, b.w.Looks[b.look].Ended = now, now
		}
	})
	return nil
}
