package readbacktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// TestStore tests that a store keeps the contract of [submit.Store], and those of
// [submit.BatchStore] and [submit.Journal] if it is one.
//
// Open is called once for each subtest. It returns two handles of one new and empty store,
// as two processes would have them; they may be the same. It should use t.Cleanup to close
// them. The subtests run one after another in real time, each for a few seconds; a subtest
// that takes five minutes fails.
func TestStore(t *testing.T, open func(t *testing.T) (here, there submit.Store)) {
	for _, test := range []struct {
		name string
		run  func(storeTest)
	}{
		{"create", storeTest.create},
		{"update", storeTest.update},
		{"delete", storeTest.delete},
		{"kinds", storeTest.kinds},
		{"keys", storeTest.keys},
		{"values", storeTest.values},
		{"too large", storeTest.tooLarge},
		{"done", storeTest.done},
		{"list", storeTest.list},
		{"list is not behind", storeTest.listIsNotBehind},
		{"get is not behind", storeTest.getIsNotBehind},
		{"watch", storeTest.watch},
		{"watch many", storeTest.watchMany},
		{"ended context", storeTest.endedContext},
		{"one creates", storeTest.oneCreates},
		{"one updates", storeTest.oneUpdates},
		{"one deletes", storeTest.oneDeletes},
		{"batch", storeTest.batch},
		{"batch is refused", storeTest.batchIsRefused},
		{"batches race", storeTest.batchesRace},
		{"journal", storeTest.journal},
		{"journal is stable", storeTest.journalIsStable},
		{"journal that waits", storeTest.journalWaits},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			here, there := open(t)
			test.run(storeTest{t, ctx, here, there})
		})
	}
}

// storeTest is one subtest. Changes are made on the store here, and checked on the store
// there.
type storeTest struct {
	*testing.T
	ctx         context.Context
	here, there submit.Store
}

func job(key, value string) submit.Record {
	return submit.Record{Kind: submit.KindJob, Key: key, Value: []byte(value)}
}

// made creates r and returns it with its revision.
func (t storeTest) made(r submit.Record) submit.Record {
	t.Helper()
	revision, err := t.here.Create(t.ctx, r)
	require.NoError(t, err)
	require.Positive(t, revision)
	r.Revision = revision
	return r
}

// changed updates r and returns it with its revision.
func (t storeTest) changed(r submit.Record) submit.Record {
	t.Helper()
	revision, err := t.here.Update(t.ctx, r)
	require.NoError(t, err)
	require.Greater(t, revision, r.Revision)
	r.Revision = revision
	return r
}

// same checks that the store there has r.
func (t storeTest) same(r submit.Record) {
	t.Helper()
	got, err := t.there.Get(t.ctx, r.Kind, r.Key)
	require.NoError(t, err)
	t.equal(r, got)
}

func (t storeTest) equal(want, got submit.Record) {
	t.Helper()
	assert.True(t, bytes.Equal(want.Value, got.Value), "value: %d bytes, not %d", len(got.Value), len(want.Value))
	want.Value, got.Value = nil, nil
	assert.Equal(t, want, got)
}

func (t storeTest) gone(r submit.Record) {
	t.Helper()
	_, err := t.there.Get(t.ctx, r.Kind, r.Key)
	require.ErrorIs(t, err, submit.ErrNotFound)
}

// listed returns the records of a kind there, by key.
func (t storeTest) listed(kind submit.Kind) map[string]submit.Record {
	t.Helper()
	found := make(map[string]submit.Record)
	for r, err := range t.there.List(t.ctx, kind) {
		require.NoError(t, err)
		require.NotContains(t, found, r.Key, "listed twice")
		found[r.Key] = r
	}
	return found
}

func (t storeTest) create() {
	t.gone(job("a", ""))
	r := t.made(job("a", "first"))
	t.same(r)
	_, err := t.there.Create(t.ctx, job("a", "second"))
	require.ErrorIs(t, err, submit.ErrExists)
	t.same(r)

	with := job("b", "a revision is ignored")
	with.Revision = 1 << 40
	t.same(t.made(with))
}

func (t storeTest) update() {
	_, err := t.here.Update(t.ctx, job("a", "none"))
	require.ErrorIs(t, err, submit.ErrConflict, "of nothing")
	first := t.made(job("a", "1"))
	second := first
	second.Value = []byte("2")
	second = t.changed(second)
	t.same(second)

	late := first
	late.Value = []byte("late")
	_, err = t.there.Update(t.ctx, late)
	require.ErrorIs(t, err, submit.ErrConflict)
	late.Revision = second.Revision + 1
	_, err = t.there.Update(t.ctx, late)
	require.ErrorIs(t, err, submit.ErrConflict)
	late.Revision = 0
	_, err = t.there.Update(t.ctx, late)
	require.ErrorIs(t, err, submit.ErrConflict)
	t.same(second)

	other := t.made(job("b", "another key's revision fits only that"))
	late.Revision = other.Revision
	_, err = t.there.Update(t.ctx, late)
	require.ErrorIs(t, err, submit.ErrConflict)
	t.same(second)
}

func (t storeTest) delete() {
	require.ErrorIs(t, t.here.Delete(t.ctx, job("a", "")), submit.ErrConflict, "of nothing")
	first := t.made(job("a", "1"))
	second := t.changed(first)
	require.ErrorIs(t, t.there.Delete(t.ctx, first), submit.ErrConflict)
	t.same(second)
	require.NoError(t, t.there.Delete(t.ctx, second))
	t.gone(second)
	require.ErrorIs(t, t.there.Delete(t.ctx, second), submit.ErrConflict, "twice")
	_, err := t.here.Update(t.ctx, second)
	require.ErrorIs(t, err, submit.ErrConflict)
	assert.Empty(t, t.listed(submit.KindJob))

	again := t.made(job("a", "again"))
	assert.Greater(t, again.Revision, second.Revision)
	_, err = t.here.Update(t.ctx, second)
	require.ErrorIs(t, err, submit.ErrConflict, "the revision of another life")
	t.same(again)
}

func (t storeTest) kinds() {
	lease := submit.Record{Kind: submit.KindLease, Key: "a", Value: []byte("lease")}
	r := t.made(job("a", "job"))
	t.gone(lease)
	lease = t.made(lease)
	t.same(r)
	t.same(lease)
	assert.Len(t, t.listed(submit.KindJob), 1)
	t.equal(lease, t.listed(submit.KindLease)["a"])
	require.NoError(t, t.here.Delete(t.ctx, lease))
	t.gone(lease)
	t.same(r)
}

func (t storeTest) keys() {
	all := []string{
		"a", "A", "a.b", "a/b", "/a", "a/", ".", "..", ".a", "a.", "a..b", "*", ">", "a.*", "a.>", "$", "_", "-", "=", "a=",
		" ", " a", "a ", "a b", `"`, `\`, "%", "%2F", "#", "?", ":", "~", "job", "lease", "0", "null",
		strings.Repeat("k", 255), strings.Repeat("~", 255), strings.Repeat(".", 255),
	}
	for _, key := range all {
		t.same(t.made(job(key, key)))
	}
	found := t.listed(submit.KindJob)
	assert.Len(t, found, len(all))
	for _, key := range all {
		assert.Equal(t, key, string(found[key].Value))
	}
}

func (t storeTest) values() {
	var every []byte
	for b := range 256 {
		every = append(every, byte(b))
	}
	for name, value := range map[string][]byte{
		"none": nil, "empty": {}, "zero": {0}, "every": every, "large": bytes.Repeat(every, 2048),
	} {
		r := t.made(submit.Record{Kind: submit.KindJob, Key: name, Value: value})
		t.same(r)
		r.Value = append([]byte("changed "), value[:len(value)/2]...)
		t.same(t.changed(r))
	}
}

// tooLarge checks records that the store refuses because of their size: nothing of them is
// kept, neither alone nor in a batch, and the other records stay. A store may also accept
// them.
func (t storeTest) tooLarge() {
	r := t.made(job("a", "small"))
	for _, size := range []int{1 << 20, 2 << 20, 9 << 20} {
		large := r
		large.Value = bytes.Repeat([]byte("x"), size)
		revision, err := t.here.Update(t.ctx, large)
		if err == nil {
			large.Revision = revision
			t.same(large)
			r = t.changed(submit.Record{Kind: r.Kind, Key: r.Key, Value: []byte("small"), Revision: revision})
			continue
		}
		require.ErrorIs(t, err, submit.ErrTooLarge)
		for range 2 {
			large.Key = "b"
			_, err = t.here.Create(t.ctx, large)
			require.ErrorIs(t, err, submit.ErrTooLarge, "each time")
			t.gone(large)
		}
		t.same(r)
		r.Value = fmt.Append(nil, "small, after ", size)
		r = t.changed(r)
	}
	if s, ok := t.here.(submit.BatchStore); ok {
		records := make([]submit.Record, 40)
		for i := range records {
			records[i] = job(fmt.Sprint("one of many ", i), "small")
		}
		records[20].Value = bytes.Repeat([]byte("x"), 9<<20)
		if _, err := s.ChangeAll(t.ctx, records); err != nil {
			require.True(t, errors.Is(err, submit.ErrTooLarge) || errors.Is(err, errors.ErrUnsupported), "%v", err)
			for _, one := range records {
				t.gone(one)
			}
		}
	}
	t.same(r)
}

func (t storeTest) done() {
	r := t.made(job("a", "1"))
	r.Done, r.Keep = true, time.Hour
	r = t.changed(r)
	t.same(r)
	assert.Empty(t, t.listed(submit.KindJob))
	_, err := t.there.Create(t.ctx, job("a", "2"))
	require.ErrorIs(t, err, submit.ErrExists)

	r.Keep = 0
	r = t.changed(r)
	t.same(r)
	r.Done = false
	r = t.changed(r)
	t.same(r)
	t.equal(r, t.listed(submit.KindJob)["a"])

	born := job("b", "done from the beginning")
	born.Done, born.Keep = true, 24*time.Hour
	born = t.made(born)
	t.same(born)
	assert.NotContains(t, t.listed(submit.KindJob), "b")
	require.NoError(t, t.there.Delete(t.ctx, born))
	t.gone(born)
}

func (t storeTest) list() {
	assert.Empty(t, t.listed(submit.KindJob))
	const jobs = 300
	for i := range jobs {
		r := t.made(job(fmt.Sprint("job ", i), fmt.Sprint(i)))
		if i%3 == 0 {
			r.Done = true
			t.changed(r)
		}
	}
	found := t.listed(submit.KindJob)
	assert.Len(t, found, jobs*2/3)
	for i := range jobs {
		r, ok := found[fmt.Sprint("job ", i)]
		require.Equal(t, i%3 != 0, ok)
		if ok {
			t.same(r)
		}
	}
	n := 0
	for range t.there.List(t.ctx, submit.KindJob) {
		if n++; n == 10 {
			break
		}
	}
	assert.Equal(t, 10, n)
	for r, err := range t.there.List(t.ctx, submit.KindJob) {
		require.NoError(t, err)
		r.Done = true
		_, err = t.there.Update(t.ctx, r)
		require.NoError(t, err, "the loop may change what it sees")
	}
	assert.Empty(t, t.listed(submit.KindJob))
}

func (t storeTest) listIsNotBehind() {
	r := t.made(job("a", ""))
	for i := range 30 {
		r.Value = fmt.Append(nil, i)
		r = t.changed(r)
		t.equal(r, t.listed(submit.KindJob)["a"])
		r.Done = true
		r = t.changed(r)
		require.Empty(t, t.listed(submit.KindJob))
		r.Done = false
	}
}

func (t storeTest) getIsNotBehind() {
	r := t.made(job("a", ""))
	for i := range 300 {
		r.Value = fmt.Append(nil, i)
		r = t.changed(r)
		t.same(r)
	}
}
