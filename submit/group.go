package submit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// changes makes changes of records. If the store is a [BatchStore], changes that come
// while a batch is under way form the next batch: they share the cost of a durable step,
// and a single change never waits for others to come. One batch is under way at a time:
// the server of natsstore takes them one after the other, and two of 32 changes each took
// longer there than one of 64. The store can refuse a batch as not worth it; batches of
// that size or less are then made one by one.
type changes struct {
	store   Store
	batches BatchStore      // nil if the store makes none
	ctx     context.Context // of batches
	timeout time.Duration   // of each
	took    func(time.Duration)

	mu          sync.Mutex
	busy        bool      // a batch is under way, or changes for the next one are waited for
	singles     int       // under way
	singlesUpTo int       // batches of this size or less are made one by one
	learnedAt   time.Time // when the store refused such a batch
	queue       []*change

	gathering *time.Timer // nil if no changes are waited for
	want      int         // so many in the queue are enough
}

// change is a change that waits for its turn.
type change struct {
	record    Record
	err       error
	done      chan struct{} // closed when revision and err are set
	single    bool          // the goroutine that waits is to make it
	abandoned bool          // nobody waits any more
}

// maxBytes is the greatest sum of the lengths of the values of a batch, unless it is one
// value alone.
const maxBytes = 1 << 20

// relearn is how long a refused batch size is remembered: the store may have refused it
// for a reason that has passed.
const relearn = time.Minute

var errAbandoned = errors.New("submit: the change waited for longer than its time")

// change creates a record whose revision is zero, and updates any other. It returns
// the new revision, and that of r if it fails.
func (c *changes) change(ctx context.Context, r Record) (uint64, error) {
	if c.batches == nil {
		return c.one(ctx, r)
	}
	c.mu.Lock()
	if c.singlesUpTo > 0 && time.Since(c.learnedAt) > relearn {
		c.singlesUpTo = 0
	}
	if !c.busy && len(c.queue) == 0 && c.singles <= c.singlesUpTo {
		c.singles++
		c.mu.Unlock()
		defer c.singleDone()
		return c.one(ctx, r)
	}
	mine := &change{record: r, done: make(chan struct{})}
	c.queue = append(c.queue, mine)
	if c.gathering != nil && len(c.queue) >= c.want {
		c.gathered()
	}
	c.mu.Unlock()
	select {
	case <-mine.done:
	case <-ctx.Done():
		c.mu.Lock()
		c.queue = slices.DeleteFunc(c.queue, func(one *change) bool { return one == mine })
		mine.abandoned = true
		alone := mine.single
		c.mu.Unlock()
		if alone {
			c.singleDone()
		}
		return r.Revision, errAbandoned // it may be in the step that is under way
	}
	if mine.single {
		defer c.singleDone()
		return c.one(ctx, r)
	}
	return mine.record.Revision, mine.err
}

// singleDone notes the end of a change that was made on its own.
func (c *changes) singleDone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.singles--
	c.next()
}

func (c *changes) one(ctx context.Context, r Record) (uint64, error) {
	began := time.Now()
	change := c.store.Update
	if r.Revision == 0 {
		change = c.store.Create
	}
	revision, err := change(ctx, r)
	if err != nil {
		return r.Revision, err
	}
	c.took(time.Since(began))
	return revision, nil
}

// next begins the next batch, if changes wait and nothing is under way. The caller holds
// the lock.
func (c *changes) next() {
	if c.busy || c.singles > 0 || len(c.queue) == 0 {
		return
	}
	n, bytes := 0, 0
	for n < min(len(c.queue), MaxBatch) {
		if bytes += len(c.queue[n].record.Value); n > 0 && bytes > maxBytes {
			break
		}
		n++
	}
	batch := slices.Clone(c.queue[:n])
	c.queue = slices.Delete(c.queue, 0, n)
	if n <= max(c.singlesUpTo, 1) {
		c.makeSingly(batch)
		return
	}
	c.busy = true
	go c.makeBatch(batch)
}

// makeSingly has the goroutine that waits for each change make it. An abandoned change
// is skipped. The caller holds the lock.
func (c *changes) makeSingly(batch []*change) {
	for _, one := range batch {
		if one.abandoned {
			continue
		}
		c.singles++
		one.single = true
		close(one.done)
	}
	c.next()
}

// makeBatch makes changes in one step, or one by one if the store refuses the batch.
func (c *changes) makeBatch(batch []*change) {
	records := make([]Record, len(batch))
	for i, one := range batch {
		records[i] = one.record
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	began := time.Now()
	revisions, err := c.batches.ChangeAll(ctx, records)
	took := time.Since(began)
	if err == nil {
		c.took(took)
	}
	unsupported := errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, ErrTooLarge)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if unsupported {
		c.singlesUpTo, c.learnedAt = max(c.singlesUpTo, len(batch)), time.Now()
	}
	if unsupported || errors.Is(err, ErrExists) || errors.Is(err, ErrConflict) || errors.Is(err, ErrTooLarge) {
		c.makeSingly(batch)
		return
	}
	for i, one := range batch {
		if one.err = err; err == nil {
			one.record.Revision = revisions[i]
		}
		close(one.done)
	}
	if err == nil {
		c.gather(len(batch)+len(c.queue), took/2)
		return
	}
	c.next()
}

// gather begins the next step when so many are due, or after a while. Those of the last
// step, whose jobs are likely to go on at once, thus share one with those who came
// meanwhile, and do not take turns with them: a step of many takes little longer than
// one of half as many. The caller has the lock.
func (c *changes) gather(want int, atMost time.Duration) {
	c.busy, c.want = true, want
	var timer *time.Timer
	timer = time.AfterFunc(atMost, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.gathering == timer {
			c.gathered()
		}
	})
	c.gathering = timer
}

// gathered ends the wait for those of the next step. The caller has the lock.
func (c *changes) gathered() {
	c.gathering.Stop()
	c.gathering, c.busy = nil, false
	c.next()
}
