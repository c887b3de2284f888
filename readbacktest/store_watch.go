package readbacktest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

func (t storeTest) watch() {
	_, err := t.there.Watch(t.ctx, submit.KindJob, "a", 0)
	require.ErrorIs(t, err, submit.ErrNotFound)
	r := t.made(job("a", "1"))
	for _, after := range []uint64{0, r.Revision - 1, r.Revision + 1} {
		got, err := t.there.Watch(t.ctx, submit.KindJob, "a", after)
		require.NoError(t, err, "at once")
		t.equal(r, got)
	}

	last := r
	last.Done, last.Keep = true, time.Hour
	for _, change := range []func(){
		func() { r.Value = []byte("2"); r = t.changed(r) },
		func() { last.Value, last.Revision = r.Value, r.Revision; r = t.changed(last) },
	} {
		wait := t.watching(r)
		t.letWatch()
		t.made(job(fmt.Sprint("not watched ", r.Revision), ""))
		change()
		got, err := wait()
		require.NoError(t, err)
		t.equal(r, got)
	}
	wait := t.watching(r)
	t.letWatch()
	require.NoError(t, t.here.Delete(t.ctx, r))
	_, err = wait()
	require.ErrorIs(t, err, submit.ErrNotFound)
}

// letWatch gives calls of Watch time to begin. They wait inside the store, so that the test
// cannot know when they do.
func (t storeTest) letWatch() { time.Sleep(50 * time.Millisecond) }

// watching begins to watch r there, and returns a function that waits for the result.
func (t storeTest) watching(r submit.Record) (wait func() (submit.Record, error)) {
	type end struct {
		r   submit.Record
		err error
	}
	ended := make(chan end, 1)
	go func() {
		got, err := t.there.Watch(t.ctx, r.Kind, r.Key, r.Revision)
		ended <- end{got, err}
	}()
	return func() (submit.Record, error) {
		e := <-ended
		return e.r, e.err
	}
}

func (t storeTest) watchMany() {
	var waits []func() (submit.Record, error)
	var all []submit.Record
	for key := range 5 {
		r := t.made(job(fmt.Sprint(key), ""))
		for range 3 {
			waits = append(waits, t.watching(r))
		}
		all = append(all, r)
	}
	t.letWatch()
	for _, r := range all {
		t.changed(r)
	}
	for i, wait := range waits {
		r, err := wait()
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(i/3), r.Key)
	}
}

// errOver is the cause of a context that a test ends.
var errOver = errors.New("over")

func (t storeTest) endedContext() {
	r := t.made(job("a", "1"))
	ctx, cancel := context.WithCancelCause(t.ctx)
	watched := make(chan error, 1)
	go func() {
		_, err := t.there.Watch(ctx, submit.KindJob, "a", r.Revision)
		watched <- err
	}()
	t.letWatch()
	cancel(errOver)
	require.ErrorIs(t, <-watched, errOver)
	_, err := t.there.Watch(ctx, submit.KindJob, "a", r.Revision)
	require.ErrorIs(t, err, errOver)

	_, err = t.here.Create(ctx, job("b", ""))
	require.Error(t, err)
	_, err = t.here.Update(ctx, r)
	require.Error(t, err)
	_, err = t.here.Get(ctx, submit.KindJob, "a")
	require.Error(t, err)
	require.Error(t, t.here.Delete(ctx, r))
	errs := 0
	for got, err := range t.here.List(ctx, submit.KindJob) {
		require.Error(t, err)
		assert.Zero(t, got)
		errs++
	}
	assert.Equal(t, 1, errs)
	t.same(r)
}
