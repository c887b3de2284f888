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

	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

const (
	// lookAnyway is the time between two looks at all watched records, to make up for
	// lost notices.
	lookAnyway = time.Second

	// lookShare bounds the load of looks: after a look, at least lookShare times its
	// duration passes before the next.
	lookShare = 10

	// lookAtLast is the longest time between two looks, however long they take.
	lookAtLast = 5 * time.Second
)

// pace says when to look again. Its zero value is ready for use.
type pace struct{ usual time.Duration }

// next returns the time until the next look, after a look that took so long: wait, if looks
// are quick. Only several slow looks in a row make it longer, since the machine may have
// been busy during one of them.
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

// hub notifies those who watch records, in this process and others, of changes, and those who
// take jobs of new ones.
type hub struct {
	mu        sync.Mutex
	watches   map[uint32]map[*watch]struct{} // by hash
	arrivals  map[chan struct{}]struct{}
	unsent    map[uint32]struct{} // hashes of changes that other processes must be notified of
	listening bool                // there is a connection that listens

	wakeSender chan struct{} // has an item when unsent is not empty
}

func (h *hub) init() {
	h.watches = make(map[uint32]map[*watch]struct{})
	h.arrivals = make(map[chan struct{}]struct{})
	h.unsent = make(map[uint32]struct{})
	h.wakeSender = make(chan struct{}, 1)
}

// hash identifies a record in notices. Two records may have the same.
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

// awaitJobs returns a channel that gets an item when there may be new jobs.
func (h *hub) awaitJobs() (ping chan struct{}, leave func()) {
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

// changed notifies of a change that this process made.
func (h *hub) changed(kind submit.Kind, key string) {
	at := hash(kind, key)
	h.mu.Lock()
	h.unsent[at] = struct{}{}
	h.wake(at)
	h.mu.Unlock()
	signal(h.wakeSender)
}

// notified handles a notice of another process. An empty payload says that there are new
// jobs.
func (h *hub) notified(payload string) {
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

// setListening notes whether a connection listens, and wakes everybody: notices may have been
// missed before.
func (h *hub) setListening(yes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listening = yes
	for at := range h.watches {
		h.wake(at)
	}
	for ping := range h.arrivals {
		signal(ping)
	}
}

func (h *hub) listens() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.listening
}

// wake notifies those who watch records of a hash. The caller holds the lock.
func (h *hub) wake(at uint32) {
	for w := range h.watches[at] {
		signal(w.ping)
	}
}

// watched returns all watches.
func (h *hub) watched() (all []*watch) {
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
	default: // it has one already
	}
}

const (
	// maxPerNotice is how many changes one notice carries: the server allows 8,000 bytes.
	maxPerNotice = 1000

	// noticePause is the time between two notices of one process. Notices of all
	// processes wait for each other in the server, though not for the disk.
	noticePause = 10 * time.Millisecond
)

// takeUnsent removes and returns the changes for one notice.
func (h *hub) takeUnsent() (some []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for at := range h.unsent {
		if some = append(some, at); len(some) == maxPerNotice {
			signal(h.wakeSender)
			break
		}
	}
	for _, at := range some {
		delete(h.unsent, at)
	}
	return some
}

// payload encodes hashes for a notice.
func payload(some []uint32) string {
	data := make([]byte, 0, 4*len(some))
	for _, at := range some {
		data = binary.BigEndian.AppendUint32(data, at)
	}
	return base64.RawStdEncoding.EncodeToString(data)
}

// hashes is the reverse of payload. It returns nothing for an invalid payload.
func hashes(payload string) (some []uint32) {
	data, _ := base64.RawStdEncoding.DecodeString(payload)
	for ; len(data) >= 4; data = data[4:] {
		some = append(some, binary.BigEndian.Uint32(data))
	}
	return some
}

// notifying notifies other processes of changes that were made. A NOTIFY within the
// transaction of a change would make all changes wait for each other. A notice that is lost
// is made up for by polling.
func (s *Store) notifying() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.hub.wakeSender:
		}
		if some := s.hub.takeUnsent(); len(some) > 0 && !s.options.NoListen {
			ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
			_, _ = s.pool.Exec(ctx, "SELECT pg_notify($1, $2)", s.options.channel(), payload(some))
			cancel()
		}
		if !pause.For(s.ctx, noticePause) {
			return
		}
	}
}

// polling checks all watched records again and again.
func (s *Store) polling() {
	var looks pace
	var took time.Duration
	for {
		wait := time.Duration(s.lookAfter.Load())
		if !s.hub.listens() {
			wait = min(wait, s.options.Poll)
		}
		if !pause.For(s.ctx, looks.next(took, wait)) {
			return
		}
		began := time.Now()
		for some := range slices.Chunk(s.hub.watched(), maxPerNotice) {
			s.checkWatches(some)
		}
		took = time.Since(began)
	}
}

// checkWatches wakes those whose record has changed. After an error it wakes all, and each
// reads its record itself.
func (s *Store) checkWatches(some []*watch) {
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
