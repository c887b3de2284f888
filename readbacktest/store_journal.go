package readbacktest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// since returns the records that a journal yields, by key, and checks their order.
func (t storeTest) since(journal submit.Journal, after uint64, labels ...string) map[string]submit.Record {
	t.Helper()
	found := make(map[string]submit.Record)
	for r, err := range journal.Since(t.ctx, submit.KindJob, after, labels, false) {
		require.NoError(t, err)
		require.Greater(t, r.Revision, after, "in the order of revisions")
		after = r.Revision
		found[r.Key] = r
	}
	return found
}

// journal lists records that are Done and others, by revision and label.
func (t storeTest) journal() {
	there, ok := t.there.(submit.Journal)
	if !ok {
		return
	}
	assert.Empty(t, t.since(there, 0))
	labels := []string{"queued", "confirmed", "unconfirmed", ""}
	var all []submit.Record
	for i := range 40 {
		r := job(fmt.Sprint("job ", i), fmt.Sprint(i))
		r.Label = "queued"
		r = t.made(r)
		r.Label = labels[i%4]
		r.Done = i%4 != 0
		all = append(all, t.changed(r))
	}
	_ = t.made(submit.Record{Kind: submit.KindLease, Key: "job 0", Value: []byte("of another kind"), Label: "queued"})
	found := t.since(there, 0)
	require.Len(t, found, 40)
	for _, r := range all {
		t.equal(r, found[r.Key])
		t.same(r)
	}
	assert.Len(t, t.since(there, all[29].Revision), 10)
	assert.Empty(t, t.since(there, all[39].Revision))
	for _, wait := range []bool{false, true} { // as of a store that is an older copy now
		n := 0
		ctx, cancel := context.WithTimeout(t.ctx, 10*time.Second)
		for r, err := range there.Since(ctx, submit.KindJob, all[39].Revision+1<<40, nil, wait) {
			assert.Zero(t, r)
			assert.ErrorIs(t, err, submit.ErrAhead)
			n++
		}
		cancel()
		assert.Equal(t, 1, n)
	}
	for i, want := range []string{"confirmed", "unconfirmed"} {
		found := t.since(there, 0, want)
		assert.Len(t, found, 20, "and those without a label")
		t.equal(all[i+1], found[fmt.Sprint("job ", i+1)])
	}
	assert.Len(t, t.since(there, 0, "confirmed", "queued"), 30)
	require.NoError(t, t.here.Delete(t.ctx, all[0]))
	assert.NotContains(t, t.since(there, 0), "job 0", "what is deleted is not listed")
	n := 0
	for range there.Since(t.ctx, submit.KindJob, 0, nil, false) {
		if n++; n == 5 {
			break
		}
	}
	assert.Equal(t, 5, n)
}

// journalIsStable lists records of one label while one record changes: the others must be
// listed each time.
func (t storeTest) journalIsStable() {
	there, ok := t.there.(submit.Journal)
	if !ok {
		return
	}
	var records []submit.Record
	for i := range 100 {
		r := job(fmt.Sprint("job ", i), "")
		r.Label, r.Done = "confirmed", true
		if i%10 == 0 {
			r.Label = "unconfirmed"
		}
		records = append(records, t.made(r))
	}
	require.Len(t, t.since(there, 0, "unconfirmed"), 10)
	var changing sync.WaitGroup
	stop := make(chan struct{})
	changing.Go(func() { // one becomes confirmed and unconfirmed again, all the time
		r := records[0]
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			r.Label = []string{"confirmed", "unconfirmed"}[i%2]
			revision, err := t.here.Update(t.ctx, r)
			if !assert.NoError(t, err) {
				return
			}
			r.Revision = revision
		}
	})
	for range 20 {
		found := t.since(there, 0, "unconfirmed")
		for i := 10; i < 100; i += 10 {
			assert.Contains(t, found, fmt.Sprint("job ", i))
		}
		for _, r := range found {
			assert.Equal(t, "unconfirmed", r.Label)
		}
	}
	close(stop)
	changing.Wait()
	assert.Equal(t, 100, len(t.since(there, 0, "confirmed"))+len(t.since(there, 0, "unconfirmed")))
}

// journalWaits follows changes that several goroutines make at once: it must miss none, and
// keep the order.
func (t storeTest) journalWaits() {
	there, ok := t.there.(submit.Journal)
	if !ok {
		return
	}
	const writers, each = 4, 50
	first := t.made(job("first", ""))
	ctx, cancel := context.WithTimeout(t.ctx, time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			for i := range each {
				r := job(fmt.Sprint(n, " ", i), "")
				r.Label, r.Done = "confirmed", true
				t.made(r)
			}
		})
	}
	seen := map[string]bool{}
	last := first.Revision
	for r, err := range there.Since(ctx, submit.KindJob, first.Revision, []string{"confirmed"}, true) {
		require.NoError(t, err)
		require.GreaterOrEqual(t, r.Revision, last)
		last = r.Revision
		if seen[r.Key] = true; len(seen) == writers*each {
			break
		}
	}
	all.Wait()
	ctx, cancel = context.WithTimeout(t.ctx, 100*time.Millisecond)
	defer cancel()
	n := 0
	for _, err := range there.Since(ctx, submit.KindJob, last, nil, true) {
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		n++
	}
	assert.Equal(t, 1, n, "the end of the context, once")
}
