package submit

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is a [Store] in the memory of the process, for tests and for jobs that
// need not survive it. Make it with [NewMemory].
type Memory struct {
	mu       sync.Mutex
	revision uint64 // the last one given
	records  map[memoryKey]memoryRecord
	pending  map[Kind]map[string]struct{} // keys of the records that are not done
	watched  map[memoryKey]*memoryWatch
	changed  chan struct{} // closed at the next change of any record, if somebody waits
	done     int           // how many records are done
	swept    int           // how many of them the last sweep left
}

type memoryKey struct {
	kind Kind
	key  string
}

// memoryWatch is the wait of all who watch one record.
type memoryWatch struct {
	changed  chan struct{} // closed at the next change
	watchers int
}

type memoryRecord struct {
	value    []byte
	revision uint64
	done     bool
	label    string
	keep     time.Duration
	changed  time.Time // if done
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		records: make(map[memoryKey]memoryRecord),
		pending: make(map[Kind]map[string]struct{}),
		watched: make(map[memoryKey]*memoryWatch),
	}
}

// Batching returns a view of m that is a [BatchStore] too. In memory that is not faster;
// it is for tests.
func (m *Memory) Batching() BatchStore { return batchMemory{m} }

type batchMemory struct{ *Memory }

// ChangeAll implements [BatchStore].
func (m batchMemory) ChangeAll(ctx context.Context, records []Record) ([]uint64, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		switch found, ok := m.find(memoryKey{r.Kind, r.Key}); {
		case r.Revision == 0 && ok:
			return nil, ErrExists
		case r.Revision != 0 && (!ok || found.revision != r.Revision):
			return nil, ErrConflict
		}
	}
	revisions := make([]uint64, len(records))
	for i, r := range records {
		revisions[i] = m.put(memoryKey{r.Kind, r.Key}, r)
	}
	return revisions, nil
}

// Create implements [Store].
func (m *Memory) Create(ctx context.Context, r Record) (uint64, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := memoryKey{r.Kind, r.Key}
	if _, ok := m.find(at); ok {
		return 0, ErrExists
	}
	return m.put(at, r), nil
}

// Update implements [Store].
func (m *Memory) Update(ctx context.Context, r Record) (uint64, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := memoryKey{r.Kind, r.Key}
	if found, ok := m.find(at); !ok || found.revision != r.Revision {
		return 0, ErrConflict
	}
	return m.put(at, r), nil
}

// Delete implements [Store].
func (m *Memory) Delete(ctx context.Context, r Record) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := memoryKey{r.Kind, r.Key}
	if found, ok := m.find(at); !ok || found.revision != r.Revision {
		return ErrConflict
	}
	m.drop(at)
	m.wake(at)
	return nil
}

// Get implements [Store].
func (m *Memory) Get(ctx context.Context, kind Kind, key string) (Record, error) {
	if ctx.Err() != nil {
		return Record{}, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.get(memoryKey{kind, key})
}

// List implements [Store].
func (m *Memory) List(ctx context.Context, kind Kind) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		m.mu.Lock()
		// Only the keys of one kind: leases are listed often, and jobs may be many.
		keys := slices.AppendSeq(make([]string, 0, len(m.pending[kind])), maps.Keys(m.pending[kind]))
		m.mu.Unlock()
		for _, key := range keys {
			if ctx.Err() != nil {
				yield(Record{}, context.Cause(ctx))
				return
			}
			m.mu.Lock()
			r, err := m.get(memoryKey{kind, key})
			m.mu.Unlock()
			if err == nil && !r.Done && !yield(r, nil) {
				return
			}
		}
	}
}

// Watch implements [Store].
func (m *Memory) Watch(ctx context.Context, kind Kind, key string, after uint64) (Record, error) {
	at := memoryKey{kind, key}
	for ctx.Err() == nil {
		r, w, err := m.getOrWatch(at, after)
		if w == nil {
			return r, err
		}
		select {
		case <-w.changed:
		case <-ctx.Done():
			m.leave(at, w)
		}
	}
	return Record{}, context.Cause(ctx)
}

// Since implements [Journal].
func (m *Memory) Since(ctx context.Context, kind Kind, after uint64, labels []string, wait bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if m.isAhead(after) {
			yield(Record{}, ErrAhead)
			return
		}
		for ctx.Err() == nil {
			found, changed := m.since(kind, after, labels, wait)
			for _, r := range found {
				if ctx.Err() != nil {
					break
				}
				if !yield(r, nil) {
					return
				}
				after = r.Revision
			}
			if !wait && ctx.Err() == nil {
				return
			}
			if len(found) == 0 {
				select {
				case <-changed:
				case <-ctx.Done():
				}
			}
		}
		yield(Record{}, context.Cause(ctx))
	}
}

func (m *Memory) isAhead(revision uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return revision > m.revision
}

// since returns the records after a revision, and what is closed at the next change.
func (m *Memory) since(kind Kind, after uint64, labels []string, wait bool) (found []Record, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for at, r := range m.records {
		if at.kind != kind || r.revision <= after || r.expired() ||
			len(labels) > 0 && r.label != "" && !slices.Contains(labels, r.label) {
			continue
		}
		if r, err := m.get(at); err == nil {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b Record) int { return cmp.Compare(a.Revision, b.Revision) })
	if wait && m.changed == nil {
		m.changed = make(chan struct{})
	}
	return found, m.changed
}

// getOrWatch returns a record, or what to wait for if its revision is still after.
func (m *Memory) getOrWatch(at memoryKey, after uint64) (Record, *memoryWatch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.get(at)
	if err != nil || r.Revision != after {
		return r, nil, err
	}
	w := m.watched[at]
	if w == nil {
		w = &memoryWatch{changed: make(chan struct{})}
		m.watched[at] = w
	}
	w.watchers++
	return Record{}, w, nil
}

func (m *Memory) leave(at memoryKey, w *memoryWatch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.watchers--; w.watchers == 0 && m.watched[at] == w {
		delete(m.watched, at)
	}
}

func (m *Memory) get(at memoryKey) (Record, error) {
	found, ok := m.find(at)
	if !ok {
		return Record{}, ErrNotFound
	}
	return Record{
		Kind: at.kind, Key: at.key, Value: found.value,
		Revision: found.revision, Done: found.done, Keep: found.keep, Label: found.label,
	}, nil
}

// find returns the record at a key, and drops it if its time is over.
func (m *Memory) find(at memoryKey) (memoryRecord, bool) {
	found, ok := m.records[at]
	if ok && found.expired() {
		m.drop(at)
		m.wake(at)
		ok = false
	}
	return found, ok
}

func (r *memoryRecord) expired() bool {
	return r.done && r.keep > 0 && time.Since(r.changed) > r.keep
}

func (m *Memory) put(at memoryKey, r Record) uint64 {
	m.drop(at)
	m.revision++
	put := memoryRecord{value: r.Value, revision: m.revision, done: r.Done, keep: r.Keep, label: r.Label}
	if r.Done {
		put.changed = time.Now()
		m.done++
	} else {
		if m.pending[at.kind] == nil {
			m.pending[at.kind] = make(map[string]struct{})
		}
		m.pending[at.kind][at.key] = struct{}{}
	}
	m.records[at] = put
	m.wake(at)
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
	m.sweep()
	return m.revision
}

func (m *Memory) drop(at memoryKey) {
	found, ok := m.records[at]
	if !ok {
		return
	}
	if found.done {
		m.done--
	}
	delete(m.records, at)
	delete(m.pending[at.kind], at.key)
}

// wake tells those who watch a record that it has changed.
func (m *Memory) wake(at memoryKey) {
	if w := m.watched[at]; w != nil {
		close(w.changed)
		delete(m.watched, at)
	}
}

// sweepFrom is the number of done records below which there is no sweep.
const sweepFrom = 1000

// sweep forgets the records whose time is over. It runs only when the number of done
// records has doubled, so that its cost is shared by as many changes.
func (m *Memory) sweep() {
	if m.done < sweepFrom || m.done < 2*m.swept {
		return
	}
	for at, r := range m.records {
		if r.expired() {
			m.drop(at)
			m.wake(at)
		}
	}
	m.swept = m.done
}
