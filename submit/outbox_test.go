package submit_test

import (
	"context"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/submit"
)

// inbox is a Memory into which transactions record jobs. It looks for them every
// 100 ms.
type inbox struct {
	*submit.Memory

	mu    sync.Mutex
	fresh map[string]uint64 // revision by key
	looks int
	fails bool
}

func newInbox() *inbox { return &inbox{Memory: submit.NewMemory(), fresh: make(map[string]uint64)} }

// record is what a transaction does that commits.
func (in *inbox) record(t *testing.T, r submit.Record) {
	t.Helper()
	revision, err := in.Create(t.Context(), r)
	require.NoError(t, err)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.fresh[r.Key] = revision
}

func (in *inbox) look(ctx context.Context) (found []submit.Record, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.looks++; in.fails {
		return nil, errDown
	}
	for key, revision := range in.fresh {
		r, err := in.Get(ctx, submit.KindJob, key)
		if err != nil || r.Revision != revision {
			delete(in.fresh, key)
			continue
		}
		found = append(found, r)
	}
	return found, nil
}

func (in *inbox) Arrivals(ctx context.Context) iter.Seq2[submit.Record, error] {
	return func(yield func(submit.Record, error) bool) {
		for pause.For(ctx, 100*time.Millisecond) {
			found, err := in.look(ctx)
			if err != nil {
				yield(submit.Record{}, err)
				return
			}
			for _, r := range found {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// draft returns the record of a job.
func draft(t *testing.T, s *submitter, key string, o order) submit.Record {
	t.Helper()
	d, err := s.Draft(t.Context(), key, o)
	require.NoError(t, err)
	return d.Record()
}

func TestInbox(t *testing.T) {
	t.Parallel()
	bubble(t, "Run takes in what comes", func(t *testing.T) {
		w, store := &world{}, newInbox()
		s := w.on(t, store)
		defer running(s)()
		time.Sleep(time.Minute)
		store.record(t, draft(t, s, "a", order{Name: "a"}))
		time.Sleep(200 * time.Millisecond)
		ended(t, s, "a", confirmed)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "of several processes one takes it in", func(t *testing.T) {
		w, store := &world{}, newInbox()
		one, other := w.on(t, store), w.on(t, store)
		defer running(one)()
		defer running(other)()
		for _, key := range []string{"a", "b", "c", "d"} {
			store.record(t, draft(t, one, key, order{}))
		}
		time.Sleep(time.Second)
		for _, key := range []string{"a", "b", "c", "d"} {
			assert.Equal(t, 1, w.sent(key), key)
		}
		assert.Equal(t, 4, one.Progress().Confirmed+other.Progress().Confirmed)
	})
	bubble(t, "a Run that comes later", func(t *testing.T) {
		w, store := &world{}, newInbox()
		s := w.on(t, store)
		store.record(t, draft(t, s, "a", order{}))
		time.Sleep(time.Hour)
		assert.Zero(t, w.sent("a"))
		defer running(s)()
		time.Sleep(time.Second)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "a Run that joins a Submit", func(t *testing.T) {
		w, store := &world{lag: time.Minute}, newInbox()
		s := w.on(t, store)
		submitted := make(chan error, 1)
		go func() {
			_, err := s.Submit(within(t, 20*time.Second), "long", order{})
			submitted <- err
		}()
		time.Sleep(time.Second)
		store.record(t, draft(t, s, "a", order{}))
		time.Sleep(time.Second)
		assert.Zero(t, w.sent("a"), "a Submit works for itself")
		stop := running(s)
		time.Sleep(time.Second)
		assert.Equal(t, 1, w.sent("a"))
		require.Error(t, <-submitted)
		stop()
	})
	bubble(t, "a Submit of its key sends it without a Run", func(t *testing.T) {
		w, store := &world{}, newInbox()
		s := w.on(t, store)
		store.record(t, draft(t, s, "a", order{Name: "a"}))
		res, err := s.Submit(t.Context(), "a", order{Name: "a"})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "trouble with the inbox passes", func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		w, store := &world{}, newInbox()
		s := w.on(t, store, func(o *options) { o.Policy.Logger = zap.New(core) })
		defer running(s)()
		store.mu.Lock()
		store.fails, store.looks = true, 0
		store.mu.Unlock()
		time.Sleep(time.Minute)
		store.mu.Lock()
		store.fails = false
		assert.InDelta(t, 54, store.looks, 5, "once in 1.1 s")
		store.mu.Unlock()
		assert.NotZero(t, logs.FilterMessage("submit: the store fails").Len())
		store.record(t, draft(t, s, "a", order{}))
		time.Sleep(2 * time.Second)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "what was taken in without a word from the store", func(t *testing.T) {
		w, store := &world{}, newInbox()
		p := newProcess(w, store)
		lost := 2 // answers
		p.fails = func(what string) (before, after bool) {
			if what != "update job" || lost == 0 {
				return false, false
			}
			lost--
			return false, true
		}
		here := struct {
			*process
			*inboxOf
		}{p, &inboxOf{store}}
		s := w.on(t, here)
		defer running(s)()
		store.record(t, draft(t, s, "a", order{}))
		time.Sleep(15 * time.Second)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "what cannot be read is told once in a while", func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		w, store := &world{}, newInbox()
		s := w.on(t, store, func(o *options) { o.Policy.Logger = zap.New(core) })
		defer running(s)()
		newer := draft(t, s, "newer", order{})
		newer.Value = []byte(strings.Replace(string(newer.Value), `"submit":1`, `"submit":99`, 1))
		store.record(t, newer)
		other := draft(t, s, "other", order{})
		other.Value = []byte(strings.Replace(string(other.Value), `"job":{"Name":""}`, `"job":{"Name":7}`, 1))
		store.record(t, other)
		time.Sleep(10 * time.Second)
		assert.Equal(t, 2, logs.FilterMessage("submit: a job must be left alone").Len())
		time.Sleep(10 * time.Minute)
		assert.Less(t, logs.FilterMessage("submit: a job must be left alone").Len(), 50)
		assert.Zero(t, w.sent("newer")+w.sent("other"))
	})
	bubble(t, "the process that took it in dies at any point", func(t *testing.T) {
		for point := 1; ; point++ {
			w, store := &world{}, newInbox()
			p := newProcess(w, store)
			p.dieAt = point
			here := struct {
				*process
				*inboxOf
			}{p, &inboxOf{store}}
			s := w.on(t, here, func(o *options) { o.Flow = p.flow }, everySecond)
			over := make(chan struct{})
			go func() {
				s.Run(p.ctx)
				close(over)
			}()
			synctest.Wait()
			store.record(t, draft(t, s, "a", order{}))
			time.Sleep(5 * time.Second)
			dead := p.ctx.Err() != nil
			p.kill()
			<-over
			next := w.on(t, store, everySecond)
			stop := running(next)
			time.Sleep(5 * time.Minute)
			res, err := next.Lookup(t.Context(), "a")
			require.NoError(t, err, point)
			assert.NotZero(t, res.Outcome, "died at %d", point)
			assert.LessOrEqual(t, w.sent("a"), 1, "died at %d", point)
			w.agrees(t, "a", res, point)
			stop()
			if !dead {
				return
			}
		}
	})
}

// inboxOf gives a process the arrivals of an inbox.
type inboxOf struct{ of *inbox }

func (i *inboxOf) Arrivals(ctx context.Context) iter.Seq2[submit.Record, error] {
	return i.of.Arrivals(ctx)
}

func TestSubmitter_Draft(t *testing.T) {
	t.Parallel()
	w, store := &world{}, submit.NewMemory()
	s := w.on(t, store)
	d, err := s.Draft(t.Context(), "a", order{Name: "one"})
	require.NoError(t, err)
	_, err = s.Lookup(t.Context(), "a")
	require.ErrorIs(t, err, submit.ErrNotFound, "nothing is recorded")
	r := d.Record()
	assert.Equal(t, submit.KindJob, r.Kind)
	assert.Equal(t, "a", r.Key)
	assert.False(t, r.Done)

	same, err := s.Draft(t.Context(), "a", order{Name: "one"})
	require.NoError(t, err)
	other, err := s.Draft(t.Context(), "a", order{Name: "two"})
	require.NoError(t, err)
	joins := func(d submit.Draft, found submit.Record) {
		t.Helper()
		joined, err := d.Joins(found)
		require.NoError(t, err)
		assert.True(t, joined)
	}
	joins(same, r)
	_, err = other.Joins(r)
	require.ErrorIs(t, err, submit.ErrKeyReused)
	r.Value = []byte("{")
	_, err = same.Joins(r)
	require.ErrorContains(t, err, "not a record")

	// A job that was submitted is the same job, also when it has ended.
	require.NoError(t, s.Enqueue(t.Context(), "b", order{Name: "b"}))
	b, err := s.Draft(t.Context(), "b", order{Name: "b"})
	require.NoError(t, err)
	found, err := store.Get(t.Context(), submit.KindJob, "b")
	require.NoError(t, err)
	joins(b, found)
	_, err = s.Submit(t.Context(), "b", order{Name: "b"})
	require.NoError(t, err)
	found, err = store.Get(t.Context(), submit.KindJob, "b")
	require.NoError(t, err)
	require.True(t, found.Done)
	joins(b, found)

	for _, key := range []string{"", "\n", strings.Repeat("k", 256)} {
		_, err := s.Draft(t.Context(), key, order{})
		require.ErrorIs(t, err, consistency.ErrInvalid)
	}
	_, err = s.Draft(t.Context(), "long", order{Name: strings.Repeat("x", 300<<10)})
	require.ErrorIs(t, err, consistency.ErrInvalid)
	assert.Zero(t, submit.Draft{}.Record())
}

func TestResultOf(t *testing.T) {
	t.Parallel()
	w, store := &world{}, submit.NewMemory()
	s := w.on(t, store)
	res, err := submit.ResultOf[string](draft(t, s, "a", order{}))
	require.NoError(t, err)
	assert.Zero(t, res.Outcome)
	_, err = s.Submit(t.Context(), "a", order{})
	require.NoError(t, err)
	found, err := store.Get(t.Context(), submit.KindJob, "a")
	require.NoError(t, err)
	res, err = submit.ResultOf[string](found)
	require.NoError(t, err)
	assert.Equal(t, confirmed, res.Outcome)
	assert.Equal(t, "a", res.Written)
	_, err = submit.ResultOf[string](submit.Record{Value: []byte("{")})
	require.ErrorContains(t, err, "not a record")
}
