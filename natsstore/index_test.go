package natsstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// What a store knows of labels when it opens a folder is what it would read there.
func TestOpen_index(t *testing.T) {
	t.Parallel()
	options := Options{Dir: t.TempDir(), NoSync: true, Timeout: time.Minute}
	s, err := Open(t.Context(), options)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	have := make(map[string]submit.Record)
	random := rand.New(rand.NewPCG(3, 4))
	for range 3 {
		for range 1000 {
			r := submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(random.IntN(200))}
			if random.IntN(5) == 0 {
				r.Kind = submit.KindLease
			}
			at := fmt.Sprint(r.Kind, r.Key)
			was, there := have[at]
			r.Label = []string{"", "queued", "unconfirmed", "Readback-Label"}[random.IntN(4)]
			r.Value = []byte("\r\nReadback-Label: no\r\nKV-Operation: no\r\n")
			r.Revision, r.Done = was.Revision, random.IntN(2) == 0
			switch {
			case !there:
				r.Revision, err = s.Create(t.Context(), r)
			case random.IntN(4) > 0:
				r.Revision, err = s.Update(t.Context(), r)
			default:
				err = s.Delete(t.Context(), r)
			}
			require.NoError(t, err)
			if have[at] = r; there && r.Revision == was.Revision {
				delete(have, at)
			}
		}
		require.NoError(t, s.Close())
		s, err = Open(t.Context(), options)
		require.NoError(t, err)
		require.Positive(t, s.site.index.last)
		for _, label := range []string{"queued", "unconfirmed", "Readback-Label", "none"} {
			var want, got []uint64
			for _, r := range have {
				if r.Kind == submit.KindJob && (r.Label == label || r.Label == "") {
					want = append(want, r.Revision)
				}
			}
			known, few := s.site.index.sequences(0, []string{label})
			require.True(t, few)
			for r, err := range s.Since(t.Context(), submit.KindJob, 0, []string{label}, false) {
				require.NoError(t, err)
				got = append(got, r.Revision)
			}
			slices.Sort(want)
			require.Equal(t, want, known, label)
			require.Equal(t, want, got, label)
		}
	}
}

// More labels than have a place are found all the same.
func TestOpen_indexOfManyLabels(t *testing.T) {
	t.Parallel()
	options := Options{Dir: t.TempDir(), NoSync: true, Timeout: time.Minute}
	s, err := Open(t.Context(), options)
	require.NoError(t, err)
	const labels = 300
	name := func(i int) string { return "label" + string(rune('a'+i/26)) + string(rune('a'+i%26)) }
	for i := range labels {
		_, err := s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(i), Label: name(i)})
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	s, err = Open(t.Context(), options)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	for i := range labels {
		require.Equal(t, []string{fmt.Sprint(i)}, keysOf(t, s, name(i)))
	}
}

func keysOf(t *testing.T, s *Store, labels ...string) (keys []string) {
	t.Helper()
	for r, err := range s.Since(t.Context(), submit.KindJob, 0, labels, false) {
		require.NoError(t, err)
		keys = append(keys, r.Key)
	}
	return keys
}

// Whoever asks for many costs those nothing who ask for few.
func TestIndex_manyBesideFew(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), NoSync: true, Timeout: time.Minute})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	create := func(ctx context.Context, key, label string) {
		_, err := s.Create(ctx, submit.Record{Kind: submit.KindJob, Key: key, Label: label, Done: true})
		require.NoError(t, err)
	}
	create(t.Context(), "few", "unconfirmed")
	for i := range maxPerLabel + 1 {
		create(t.Context(), fmt.Sprint(i), "confirmed")
	}
	for range 2 {
		require.Len(t, keysOf(t, s, "confirmed"), maxPerLabel+1)
		require.Positive(t, s.site.index.last, "it is not read anew")
		require.Equal(t, []string{"few"}, keysOf(t, s, "unconfirmed"))
	}
	s.site.index.began = time.Now().Add(-2 * recount)
	for i := range maxPerLabel {
		r, err := s.Get(t.Context(), submit.KindJob, fmt.Sprint(i))
		require.NoError(t, err)
		require.NoError(t, s.Delete(t.Context(), r))
	}
	require.Equal(t, []string{fmt.Sprint(maxPerLabel)}, keysOf(t, s, "confirmed"))
	_, few := s.site.index.sequences(0, []string{"confirmed"})
	require.True(t, few, "they were counted anew")
}
