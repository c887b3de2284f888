package poll_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// FuzzUntil holds the loop to its two laws: it never calls ready what the reads
// did not show, and never misses what they show in time.
func FuzzUntil(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed)
	}
	f.Add(uint64(1_017_529)) // a guess that is kept too long in a streak
	f.Fuzz(func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) { newGame(seed).play(t) })
	})
}

// The same as FuzzUntil, in one bubble and so faster.
func TestUntil_laws(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		promised := 0
		const games = 4_000
		for seed := range uint64(games) {
			g := newGame(1e6 + seed)
			g.play(t)
			if g.promised() {
				promised++
			}
		}
		assert.Greater(t, promised, games/4, "most games must ask for something")
	})
}

// game is one run against a replica that does as it likes before the value is
// visible, and from then on shows it to every read that begins.
type game struct {
	seed    uint64
	rng     *rand.Rand
	opts    poll.Options
	context bool          // the deadline is the context's
	zero    time.Time     // beginning of the clock
	end     time.Duration // of the run at the latest
	window  time.Duration // end of the window of every pending read; zero if none
	visible time.Duration

	// The reserve, as the package documentation defines it.
	slowest  time.Duration
	answered bool
	deadline time.Duration // as the reads have it: the end, or that of the window
	reserve  time.Duration // when the current read was planned
	atStake  struct {      // when the value became visible
		reserve, deadline time.Duration
		lost              bool // an older read ended later, and opened a window
	}

	streak int
	reads  []poll.Read
	told   bool // the current read brought an answer
}

func newGame(seed uint64) *game {
	rng := rand.New(rand.NewPCG(seed, 0))
	g := &game{seed: seed, rng: rng, zero: time.Now()}
	g.end = g.between(10*time.Millisecond, time.Hour)
	g.visible = time.Duration(rng.Int64N(int64(g.end)))
	if g.chance(5) {
		g.visible = 0
	}
	g.opts = poll.Options{
		Settle:      1 + rng.IntN(4),
		ReadTimeout: g.between(g.end/10, 2*g.end),
		Schedule:    g.schedule(),
		Observe:     g.observe,
	}
	if g.chance(2) {
		g.opts.Reserve = g.between(time.Nanosecond, g.end)
	}
	if g.context = g.chance(3); !g.context {
		g.opts.Within = g.end
	}
	if g.chance(4) {
		g.zero = g.zero.Add(-g.end / 3)
		g.opts.Since = g.zero
	}
	if g.chance(4) {
		g.window = 1 + time.Duration(rng.Int64N(int64(g.end)))
	}
	g.deadline = g.end
	g.plan(time.Since(g.zero))
	g.atStake.reserve, g.atStake.deadline = g.reserve, g.deadline
	return g
}

func (g *game) chance(n int) bool { return g.rng.IntN(n) == 0 }

// between draws a duration whose order of magnitude is uniform.
func (g *game) between(least, most time.Duration) time.Duration {
	d := least
	for d < most/2 && !g.chance(8) {
		d *= 2
	}
	return min(d+time.Duration(g.rng.Int64N(int64(d))), most)
}

func (g *game) schedule() readback.Schedule {
	wait := g.between(g.end/200, g.end)
	switch g.rng.IntN(7) {
	case 0:
		return readback.Backoff{Initial: wait, Max: wait, NoJitter: true}
	case 1:
		return readback.Backoff{Initial: wait, Max: 2 * g.end}
	case 2:
		return readback.Backoff{FirstRead: wait, Initial: wait, Max: wait}
	case 3:
		return timetable{0} // no more reads
	case 4:
		return always(2 * g.end) // after the deadline
	case 5:
		return timetable{0, g.end / 4, g.end / 2, g.end - time.Millisecond}
	}
	return timetable{wait, 2 * wait, 3 * wait, 3*wait + 1, g.end - 1}
}

// plan computes the reserve for the next read.
func (g *game) plan(now time.Duration) {
	g.reserve = g.opts.Reserve
	if g.opts.Reserve == 0 {
		called := time.Duration(0)
		if !g.opts.Since.IsZero() {
			called = g.end / 3
		}
		g.reserve = (g.end - called) / 10
	}
	if g.answered {
		g.reserve = 2 * g.slowest
	}
	needed := time.Duration(g.opts.Settle - g.streak)
	g.reserve = min(max(g.reserve, time.Millisecond), (g.deadline-now)/(2*needed))
}

// read answers as a replica may: before the value is visible anything, and it
// may hang; afterwards what was written, within the reserve.
func (g *game) read(ctx context.Context) (answer, error) {
	at := time.Since(g.zero)
	var a answer
	if at >= g.visible {
		a = ready
		switch longest := min(g.reserve, g.opts.ReadTimeout); g.rng.IntN(3) {
		case 0:
			a.takes = longest
		case 1:
			a.takes = time.Duration(g.rng.Int64N(int64(longest) + 1))
		}
	} else {
		a = []answer{notFound, notFound, stale, ready, unavailable, setback, hanging}[g.rng.IntN(7)]
		if a.takes == 0 && g.chance(2) {
			a.takes = g.between(1, g.end/2)
		}
		if a.says.Verdict == poll.Pending {
			a.says.Until = g.window
		}
		if g.chance(8) {
			a.says.RetryAfter = g.between(1, 2*g.end)
		}
	}
	// An answer that comes as the context ends is an answer.
	g.told = true
	if a.takes > 0 {
		answered := time.NewTimer(a.takes)
		defer answered.Stop()
		select {
		case <-answered.C:
		case <-ctx.Done():
			if g.told = time.Since(g.zero)-at >= a.takes; !g.told {
				return answer{}, fmt.Errorf("read: %w", ctx.Err())
			}
		}
	}
	return a, a.err
}

func (g *game) observe(read poll.Read) {
	g.reads = append(g.reads, read)
	if g.told {
		g.answered = true
		g.slowest = max(g.slowest, read.Ended-read.Began)
	}
	switch {
	case read.Verdict == poll.Ready:
		g.streak++
		g.deadline = g.end
	case read.Verdict == poll.Pending:
		g.streak = 0
		if g.window > 0 && g.window != g.deadline {
			g.deadline = g.window
			g.atStake.lost = read.Ended > g.visible
		}
	case read.Status == setback.says.Status && read.Note == "setback":
		g.streak = -1
	}
	if g.streak < g.opts.Settle {
		g.plan(read.Ended)
	}
	if read.Ended <= g.visible {
		g.atStake.reserve, g.atStake.deadline = g.reserve, g.deadline
	}
}

// promised reports whether the run has to end ready: the value is visible
// settle + 1 reserves before the deadline.
func (g *game) promised() bool {
	reserves := time.Duration(g.opts.Settle+1) * max(g.atStake.reserve, time.Millisecond)
	return g.atStake.deadline-g.visible >= reserves && !g.atStake.lost
}

func (g *game) play(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	if g.context {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, g.zero.Add(g.end))
		defer cancel()
	}
	got, err := poll.Until(ctx, g.read, judgeGame, g.opts)
	took := time.Since(g.zero)

	require.LessOrEqual(t, took, g.end, g)
	require.LessOrEqual(t, len(g.reads), 1000, g)
	for i := range g.reads[min(1, len(g.reads)):] {
		wait := g.reads[i+1].Began - g.reads[i].Ended
		hurry := g.reads[i].Verdict == poll.Ready || g.reads[i].Reason == "read cut short"
		require.True(t, wait >= time.Millisecond || wait >= 0 && hurry, g)
	}
	if err == nil {
		// Soundness.
		require.Equal(t, poll.Ready, got.says.Verdict, g)
		require.Equal(t, g.opts.Settle, g.streak, g)
		return
	}
	require.ErrorIs(t, err, poll.ErrNotReady, g)
	require.NotEmpty(t, g.reads, g)
	byWindow := g.deadline < g.end
	require.Equal(t, byWindow, errors.Is(err, poll.ErrWindow), g)
	require.Equal(t, g.context && !byWindow, errors.Is(err, context.DeadlineExceeded), g)
	require.Equal(t, max(g.deadline, g.reads[len(g.reads)-1].Ended), took, g)
	// Promptness.
	require.False(t, g.promised(), g)
}

// judgeGame is judge, with a note by which the observer knows a setback.
func judgeGame(a answer, err error, read poll.Read) poll.Judgement {
	j := judge(a, err, read)
	if j.Setback {
		j.Note = "setback"
	}
	return j
}

// String tells what happened, for the message of a failed test.
func (g *game) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: settle %d, visible at %v, deadline %v, reserve %v, read timeout %v, %T %v\n",
		g.seed, g.opts.Settle, g.visible, g.atStake.deadline, g.atStake.reserve, g.opts.ReadTimeout, g.opts.Schedule, g.opts.Schedule)
	for _, r := range g.reads {
		fmt.Fprintf(&b, "%3d %v to %v %v %v\n", r.N, r.Began, r.Ended, r.Verdict, r.Reason)
	}
	return b.String()
}
