package pgstore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/readback-go/readback/submit"
)

const (
	// lookAnyway is the time between two looks at all that is watched, for
	// notices that were lost.
	lookAnyway = time.Second

	// lookShare bounds how much of one server process looks take: after a look as
	// many times its length pass before the next.
	lookShare = 10

	// lookAtLast is the longest time between looks, however long they take.
	lookAtLast = 5 * time.Second
)

// pace says when to look again. It begins anew with its zero value.
type pace struct{ usual time.Duration }

// next returns how long to wait after a look that took so long, if looks are cheap:
// wait. Several long ones in a row make looks seldom, and one does not, for it may
// be the machine that was busy.
func (p *pace) next(took, wait time.Duration) time.Duration {
	p.usual = min(took, 2*p.usual+100*time.Microsecond)
	return max(wait, min(lookShare*p.usual, lookAtLast))
}

// Watch implements [submit.Store].
func (s *Store) Watch(ctx context.Context, kind submit.Kind, key string, after uint64) (submit.Record, error) {
	w := s.hub.join(kind, key, after)
	defer s.hub.leave(w)
	for {
		r, err := s.Get(ctx, kind, key)
		if err != nil || r.Revision != after {
			return r, err
		}
		select {
		case <-ctx.Done():
			return submit.Record{}, context.Cause(ctx)
		case <-s.ctx.Done():
			return submit.Record{}, ErrClosed
		case <-w.ping:
		}
	}
}

// watch is one call of Watch.
type watch struct {
	kind  submit.Kind
	key   string
	after uint64
	ping  chan struct{} // has an item when the record may have changed
}

// hub brings word of changes to all who watch, in this process and others, and of
// jobs that have come.
type hub struct {
	mu       sync.Mutex
	watches  map[uint32]map[*watch]struct{} // by hash
	arrivals map[chan struct{}]struct{}
	untold   map[uint32]struct{} // hashes of changes that others are to be told
	hears    bool                // there is a connection that listens

	tell chan struct{} // has an item when there is something untold
}

func (h *hub) init() {
	h.watches = make(map[uint32]map[*watch]struct{})
	h.arrivals = make(map[chan struct{}]struct{})
	h.untold = make(map[uint32]struct{})
	h.tell = make(chan struct{}, 1)
}

// hash is what is told of a record.
func hash(kind submit.Kind, key string) uint32 {
	sum := fnv.New32a()
	sum.Write([]byte{byte(kind)})
	sum.Write([]byte(key))
	return sum.Sum32()
}

func (h *hub) join(kind submit.Kind, key string, after uint64) *watch {
	w := &watch{kind, key, after, make(chan struct{}, 1)}
	at := hash(kind, key)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watches[at] == nil {
		h.watches[at] = make(map[*watch]struct{})
	}
	h.watches[at][w] = struct{}{}
	return w
}

func (h *hub) leave(w *watch) {
	at := hash(w.kind, w.key)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watches[at], w)
	if len(h.watches[at]) == 0 {
		delete(h.watches, at)
	}
}

// await returns a channel that has an item when jobs may have come.
func (h *hub) await() (ping chan struct{}, leave func()) {
	ping = make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.arrivals[ping] = struct{}{}
	return ping, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.arrivals, ping)
	}
}

// changed brings word of a change that this process made.
func (h *hub) changed(kind submit.Kind, key string) {
	at := hash(kind, key)
	h.mu.Lock()
	h.untold[at] = struct{}{}
	h.wake(at)
	h.mu.Unlock()
	signal(h.tell)
}

// heard brings word of what others told.
func (h *hub) heard(payload string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if payload == "" {
		for ping := range h.arrivals {
			signal(ping)
		}
		return
	}
	for _, at := range hashes(payload) {
		h.wake(at)
	}
}

// hearing notes whether somebody listens. Who begins to may have missed anything.
func (h *hub) hearing(yes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hears = yes
	for at := range h.watches {
		h.wake(at)
	}
	for ping := range h.arrivals {
		signal(ping)
	}
}

func (h *hub) heeds() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hears
}

// wake is called with the lock held.
func (h *hub) wake(at uint32) {
	for w := range h.watches[at] {
		signal(w.ping)
	}
}

// all returns what is watched.
func (h *hub) all() (all []*watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, some := range h.watches {
		for w := range some {
			all = append(all, w)
		}
	}
	return all
}

// signal puts an item into a channel that has room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has one
	}
}

const (
	// maxTold is how many changes one notice tells: a notice has up to 8,000
	// bytes.
	maxTold = 1000

	// tellPause is the time between two notices. Those who wait for one wait for
	// each other in the server, if only for a moment: they wait for no disk.
	tellPause = 10 * time.Millisecond
)

// take returns some changes that others are to be told.
func (h *hub) take() (some []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for at := range h.untold {
		if some = append(some, at); len(some) == maxTold {
			signal(h.tell)
			break
		}
	}
	for _, at := range some {
		delete(h.untold, at)
	}
	return some
}

// payload tells hashes.
func payload(some []uint32) string {
	data := make([]byte, 0, 4*len(some))
	for _, at := range some {
		data = binary.BigEndian.AppendUint32(data, at)
	}
	return base64.RawStdEncoding.EncodeToString(data)
}

// hashes is the reverse of payload. What is none tells nothing.
func hashes(payload string) (some []uint32) {
	data, _ := base64.RawStdEncoding.DecodeString(payload)
	for ; len(data) >= 4; data = data[4:] {
		some = append(some, binary.BigEndian.Uint32(data))
	}
	return some
}

// telling tells other processes of changes after they were made: a notice within
// a change's transaction would have all changes wait for each other. A notice that
// is lost so is made up for by their looks.
func (s *Store) telling() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.hub.tell:
		}
		if some := s.hub.take(); len(some) > 0 && !s.options.NoListen {
			ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
			_, _ = s.pool.Exec(ctx, "SELECT pg_notify($1, $2)", s.options.channel(), payload(some))
			cancel()
		}
		if !sleep(s.ctx, tellPause) {
			return
		}
	}
}

// looking looks at all that is watched again and again.
func (s *Store) looking() {
	var looks pace
	var took time.Duration
	for {
		wait := time.Duration(s.anyway.Load())
		if !s.hub.heeds() {
			wait = min(wait, s.options.Poll)
		}
		if !sleep(s.ctx, looks.next(took, wait)) {
			return
		}
		began := time.Now()
		for some := range slices.Chunk(s.hub.all(), maxTold) {
			s.look(some)
		}
		took = time.Since(began)
	}
}

// look pings those who watch what has changed. After an error it pings all: they
// find out themselves.
func (s *Store) look(some []*watch) {
	var (
		kinds     []int16
		keys      []string
		revisions []int64
	)
	for _, w := range some {
		kinds, keys, revisions = append(kinds, int16(w.kind)), append(keys, w.key), append(revisions, int64(w.after))
	}
	ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, s.sql.watch, kinds, keys, revisions)
	var changed []int64
	if err == nil {
		changed, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if err != nil {
		for _, w := range some {
			signal(w.ping)
		}
		return
	}
	for _, n := range changed {
		signal(some[n-1].ping)
	}
}
