package submit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// changes makes changes of records. If the store can make many at once, those that
// are due while one step is under way are made together by the next: a single one
// never waits for others, and many share what a durable step costs. So many as the
// store has said it would rather make one by one, are.
type changes struct {
	store   Store
	batches BatchStore      // nil if the store makes none
	ctx     context.Context // of batches
	timeout time.Duration   // of each
	took    func(time.Duration)

	mu      sync.Mutex
	busy    bool      // a batch is under way
	singles int       // under way
	few     int       // as many at once are made singly
	learned time.Time // when the store said so
	queue   []*change
}

// change is one that waits for its turn.
type change struct {
	record Record
	err    error
	done   chan struct{} // closed when revision and err are set
	alone  bool          // it is to be made by who waits
	gone   bool          // nobody waits any more
}

// maxBytes is how long the values of a batch are together.
const maxBytes = 1 << 20

// relearn is after how long a store is asked again whether it makes so few at once: it
// may have refused them for a reason that has passed.
const relearn = time.Minute

var errAbandoned = errors.New("submit: the change waited for longer than its time")

// change creates a record whose revision is zero, and updates any other. It returns
// the new revision, and that of r if it fails.
func (c *changes) change(ctx context.Context, r Record) (uint64, error) {
	if c.batches == nil {
		return c.one(ctx, r)
	}
	c.mu.Lock()
	if c.few > 0 && time.Since(c.learned) > relearn {
		c.few = 0
	}
	if !c.busy && len(c.queue) == 0 && c.singles <= c.few {
		c.singles++
		c.mu.Unlock()
		defer c.landed()
		return c.one(ctx, r)
	}
	mine := &change{record: r, done: make(chan struct{})}
	c.queue = append(c.queue, mine)
	c.mu.Unlock()
	select {
	case <-mine.done:
	case <-ctx.Done():
		c.mu.Lock()
		c.queue = slices.DeleteFunc(c.queue, func(one *change) bool { return one == mine })
		mine.gone = true
		alone := mine.alone
		c.mu.Unlock()
		if alone {
			c.landed()
		}
		return r.Revision, errAbandoned // it may be in the step that is under way
	}
	if mine.alone {
		defer c.landed()
		return c.one(ctx, r)
	}
	return mine.record.Revision, mine.err
}

// landed notes the end of a change that was made singly.
func (c *changes) landed() {
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

// next makes what has come meanwhile the next step, if there is any and nothing is under
// way. The caller has the lock.
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
	if n <= max(c.few, 1) {
		c.release(batch)
		return
	}
	c.busy = true
	go c.together(batch)
}

// release has each change be made by whoever waits for it. Nobody waits any more for one
// that took longer than its time. The caller has the lock.
func (c *changes) release(batch []*change) {
	for _, one := range batch {
		if one.gone {
			continue
		}
		c.singles++
		one.alone = true
		close(one.done)
	}
	c.next()
}

// together makes changes in one step, or says that each is to be made alone.
func (c *changes) together(batch []*change) {
	records := make([]Record, len(batch))
	for i, one := range batch {
		records[i] = one.record
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	began := time.Now()
	revisions, err := c.batches.ChangeAll(ctx, records)
	if err == nil {
		c.took(time.Since(began))
	}
	unsupported := errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, ErrTooLarge)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy = false
	if unsupported {
		c.few, c.learned = max(c.few, len(batch)), time.Now()
	}
	if unsupported || errors.Is(err, ErrExists) || errors.Is(err, ErrConflict) || errors.Is(err, ErrTooLarge) {
		c.release(batch)
		return
	}
	for i, one := range batch {
		if one.err = err; err == nil {
			one.record.Revision = revisions[i]
		}
		close(one.done)
	}
	c.next()
}
