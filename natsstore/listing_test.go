package natsstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// What was read of a server that is behind is replaced by what is read later.
func TestListing(t *testing.T) {
	t.Parallel()
	rev := func(key string, revision uint64) submit.Record { return submit.Record{Key: key, Revision: revision} }
	for _, tt := range []struct {
		behind bool
		want   []submit.Record
	}{
		{true, []submit.Record{rev("a", 3)}},
		{false, []submit.Record{rev("a", 1), rev("b", 2)}},
	} {
		var got []submit.Record
		l := listing{
			yield:   func(r submit.Record, _ error) bool { got = append(got, r); return true },
			behind:  tt.behind,
			records: make(map[string]submit.Record),
		}
		assert.True(t, l.add(rev("a", 1), true))
		assert.True(t, l.add(rev("b", 2), true))
		assert.True(t, l.add(rev("a", 3), true))
		assert.True(t, l.add(rev("b", 4), false))
		assert.True(t, l.add(rev("c", 5), false))
		l.finish()
		assert.Equal(t, tt.want, got)
	}
}

// Whatever becomes of records between lists, each list has those that are not done,
// though it leaves out what earlier ones saw done.
func TestStore_listsAboveFloor(t *testing.T) {
	t.Parallel()
	const keys, changes = 40, 3000
	options := Options{Dir: t.TempDir()}
	s, err := Open(t.Context(), options)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	have := make(map[string]submit.Record)
	random := rand.New(rand.NewPCG(1, 2))
	var floors []uint64
	for i := range changes {
		key := fmt.Sprint(random.IntN(keys))
		r, there := have[key]
		r.Kind, r.Key = submit.KindJob, key
		r.Done, r.Keep = random.IntN(4) > 0, time.Hour // so that now and then nearly all are
		switch {
		case !there:
			r.Revision, err = s.Create(t.Context(), r)
		case random.IntN(4) > 0:
			r.Revision, err = s.Update(t.Context(), r)
		default:
			err = s.Delete(t.Context(), r)
			r.Revision = 0
		}
		require.NoError(t, err)
		if have[key] = r; r.Revision == 0 {
			delete(have, key)
		}
		if i == changes/2 {
			require.NoError(t, s.Close())
			s, err = Open(t.Context(), options)
			require.NoError(t, err)
		}
		if random.IntN(10) > 0 {
			continue
		}
		want, got := make(map[string]uint64), make(map[string]uint64)
		for key, r := range have {
			if !r.Done {
				want[key] = r.Revision
			}
		}
		for r, err := range s.List(t.Context(), submit.KindJob) {
			require.NoError(t, err)
			got[r.Key] = r.Revision
		}
		require.Equal(t, want, got)
		floor, err := s.floor(t.Context())
		require.NoError(t, err)
		floors = append(floors, floor)
	}
	assert.True(t, slices.IsSorted(floors))
	assert.Greater(t, floors[len(floors)-1], uint64(changes/2))
	assert.Greater(t, len(slices.Compact(floors)), 5)
}

// Where a loss of power may take more than the last changes, all is read.
func TestStore_listsAllWithoutSync(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), NoSync: true})
	require.NoError(t, err)
	defer s.Close()
	for i := range 2 * raiseBy {
		_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(i), Done: true})
		require.NoError(t, err)
	}
	for range s.List(t.Context(), submit.KindJob) {
		assert.Fail(t, "none is pending")
	}
	floor, err := s.floor(t.Context())
	require.NoError(t, err)
	assert.Zero(t, floor)
}
