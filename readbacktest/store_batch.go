package readbacktest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// batched calls f if the store makes batches.
func (t storeTest) batched(f func(here submit.BatchStore)) {
	here, ok := t.here.(submit.BatchStore)
	if !ok {
		return
	}
	first := make([]submit.Record, submit.MaxBatch) // the largest, since a store may refuse small batches
	for i := range first {
		first[i] = job(fmt.Sprint("a first batch ", i), "")
	}
	_, err := here.ChangeAll(t.ctx, first)
	if errors.Is(err, errors.ErrUnsupported) {
		t.gone(first[0])
		return
	}
	require.NoError(t, err)
	f(here)
}

// changeAll makes a batch; or its changes one by one, if the store refuses the batch, which
// must not have made any of them.
func (t storeTest) changeAll(here submit.BatchStore, records []submit.Record) []uint64 {
	t.Helper()
	revisions, err := here.ChangeAll(t.ctx, records)
	if !errors.Is(err, errors.ErrUnsupported) {
		require.NoError(t, err)
		require.Len(t, revisions, len(records))
		return revisions
	}
	for _, r := range records {
		change := here.Update
		if r.Revision == 0 {
			change = here.Create
		}
		revision, err := change(t.ctx, r)
		require.NoError(t, err)
		revisions = append(revisions, revision)
	}
	return revisions
}

// batch makes batches of every size, with records of every kind.
func (t storeTest) batch() {
	t.batched(func(here submit.BatchStore) {
		for _, n := range []int{1, 2, 63, submit.MaxBatch} {
			records := make([]submit.Record, n)
			for i := range records {
				records[i] = job(fmt.Sprint(n, " of ", i), fmt.Sprint(i))
			}
			for range 3 {
				revisions := t.changeAll(here, records)
				for i := range records {
					require.Greater(t, revisions[i], records[i].Revision)
					records[i].Revision = revisions[i]
					t.same(records[i])
					records[i].Value = append([]byte("changed "), records[i].Value...)
				}
			}
		}
		// Created, updated, ended and of two kinds at once.
		old := t.made(job("old", "1"))
		ends := t.made(job("ends", "1"))
		old.Value, ends.Done, ends.Keep = []byte("2"), true, 0
		records := []submit.Record{old, job("new", "1"), ends, {Kind: submit.KindLease, Key: "new", Value: []byte("lease")}}
		revisions := t.changeAll(here, records)
		for i, revision := range revisions {
			records[i].Revision = revision
			t.same(records[i])
		}
		listed := t.listed(submit.KindJob)
		assert.NotContains(t, listed, "ends")
		t.equal(records[0], listed["old"])
		t.changed(records[1])
		// As large as it may be.
		large := []submit.Record{job("large 1", strings.Repeat("x", 512<<10)), job("large 2", strings.Repeat("y", 512<<10))}
		revisions = t.changeAll(here, large)
		for i := range large {
			large[i].Revision = revisions[i]
			t.same(large[i])
		}
	})
}

// batchIsRefused makes batches with one record of a wrong revision: then none may be changed.
func (t storeTest) batchIsRefused() {
	t.batched(func(here submit.BatchStore) {
		there := t.made(job("there", "1"))
		stale := there
		there.Value = []byte("2")
		there = t.changed(there)
		missing := job("missing", "")
		missing.Revision = 1 << 40
		for name, wrong := range map[string]submit.Record{"exists": job("there", ""), "stale": stale, "missing": missing} {
			for at := range 3 {
				records := []submit.Record{job("one", ""), job("two", "")}
				for i := range 30 { // enough to be worth a step
					records = append(records, job(fmt.Sprint("more ", i), ""))
				}
				records = slices.Insert(records, []int{0, 1, len(records)}[at], wrong)
				_, err := here.ChangeAll(t.ctx, records)
				require.True(t, errors.Is(err, submit.ErrExists) || errors.Is(err, submit.ErrConflict) ||
					errors.Is(err, errors.ErrUnsupported), "%s: %v", name, err)
				t.gone(job("one", ""))
				t.gone(job("two", ""))
				t.gone(job("more 29", ""))
				t.gone(missing)
				t.same(there)
			}
		}
	})
}

// batchesRace makes batches of the same records at once: only one of them may be made, as a
// whole.
func (t storeTest) batchesRace() {
	t.batched(func(submit.BatchStore) {
		for round := range 10 {
			var records []submit.Record
			for i := range 32 {
				records = append(records, t.made(job(fmt.Sprint(round, " ", i), "")))
			}
			var won atomic.Int64
			var all sync.WaitGroup
			for n := range 8 {
				all.Go(func() {
					store := t.here
					if n%2 == 1 {
						store = t.there
					}
					mine := make([]submit.Record, len(records))
					for i, r := range records {
						r.Value = fmt.Append(nil, n)
						mine[i] = r
					}
					_, err := store.(submit.BatchStore).ChangeAll(t.ctx, mine)
					if err == nil {
						won.Add(1)
						return
					}
					assert.True(t, errors.Is(err, submit.ErrConflict) || errors.Is(err, errors.ErrUnsupported), "%v", err)
				})
			}
			all.Wait()
			assert.LessOrEqual(t, won.Load(), int64(1))
			first, err := t.there.Get(t.ctx, submit.KindJob, records[0].Key)
			require.NoError(t, err)
			for _, r := range records {
				got, err := t.there.Get(t.ctx, submit.KindJob, r.Key)
				require.NoError(t, err)
				require.Equal(t, string(first.Value), string(got.Value), "all or none")
			}
		}
	})
}
