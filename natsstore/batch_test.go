package natsstore

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// A batch is made as a whole or not at all, and what was acknowledged is entered in the
// ledger. What cannot be made together is told to be made one by one.
func TestStore_ChangeAll(t *testing.T) {
	t.Parallel()
	const size = 40
	for _, tt := range []struct {
		name string
		size int
		odd  func(records []submit.Record)
		want error
	}{
		{"all are new", size, func([]submit.Record) {}, nil},
		{"as many as there may be", submit.MaxBatch, func([]submit.Record) {}, nil},
		{"few are new", batchFrom - 1, func([]submit.Record) {}, errors.ErrUnsupported},
		{"one exists", size, func(records []submit.Record) { records[7].Key = "there" }, submit.ErrConflict},
		{"one is of another revision", size, func(records []submit.Record) { records[7].Revision = 999 }, submit.ErrConflict},
		{"one is too large", size, func(records []submit.Record) { records[7].Value = make([]byte, 2<<20) }, submit.ErrTooLarge},
		{"the last is too large", size, func(records []submit.Record) { records[size-1].Value = make([]byte, 2<<20) }, submit.ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, err := Open(t.Context(), Options{Dir: dir, Timeout: time.Minute})
			require.NoError(t, err)
			_, err = s.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "there"})
			require.NoError(t, err)
			var records []submit.Record
			for i := range tt.size {
				records = append(records, submit.Record{Kind: submit.KindJob, Key: fmt.Sprint("job ", i), Value: fmt.Append(nil, "value ", i), Label: "queued"})
			}
			tt.odd(records)
			for range 2 { // made, then changed
				revisions, err := s.ChangeAll(t.Context(), records)
				if tt.want != nil {
					require.ErrorIs(t, err, tt.want)
					for _, r := range records {
						if _, err := s.Get(t.Context(), r.Kind, r.Key); r.Key != "there" {
							require.ErrorIs(t, err, submit.ErrNotFound)
						}
					}
					continue
				}
				require.NoError(t, err)
				for i := range records {
					records[i].Revision = revisions[i]
					got, err := s.Get(t.Context(), records[i].Kind, records[i].Key)
					require.NoError(t, err)
					require.Equal(t, records[i], got)
				}
			}
			known, err := readChanges(s.folder.ledger.path)
			require.NoError(t, err)
			for _, r := range records {
				if tt.want == nil {
					require.Equal(t, r.Revision, known.last[hashOf(s.names.record(r.Kind, r.Key))])
				}
			}
			require.NoError(t, s.Close())
			again, err := Open(t.Context(), Options{Dir: dir, Timeout: time.Minute})
			require.NoError(t, err)
			require.NoError(t, again.Close())
		})
	}
}

// A bucket that was made before there were groups takes them once it is opened.
func TestOpen_allowsBatches(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Timeout: time.Minute})
	require.NoError(t, err)
	defer s.Close()
	config := s.site.stream.CachedInfo().Config
	config.AllowAtomicPublish = false
	_, err = s.site.js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	records := make([]submit.Record, batchFrom)
	for i := range records {
		records[i] = submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(i)}
	}
	_, refused, err := s.commit(t.Context(), records)
	require.Error(t, err)
	require.True(t, refused)
	_, err = s.names.open(t.Context(), s.site.js, s.options)
	require.NoError(t, err)
	_, _, err = s.commit(t.Context(), records)
	require.NoError(t, err)
}

// BenchmarkBatch makes changes of as many records at once, as a group, and by as many
// goroutines, one each.
func BenchmarkBatch(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		s, err := Open(b.Context(), Options{Dir: b.TempDir(), NoSync: noSync, Timeout: time.Minute})
		require.NoError(b, err)
		for _, size := range []int{1, 4, 8, 16, 64, 256} {
			records := make([]submit.Record, size)
			for i := range records {
				records[i] = submit.Record{Kind: submit.KindJob, Key: fmt.Sprint(size, " ", i), Value: make([]byte, 300)}
				records[i].Revision, err = s.Create(b.Context(), records[i])
				require.NoError(b, err)
			}
			b.Run(fmt.Sprintf("noSync=%v/group=%d", noSync, size), func(b *testing.B) {
				for b.Loop() {
					last, refused, err := s.commit(b.Context(), records)
					require.NoError(b, err)
					require.False(b, refused)
					for i := range records {
						records[i].Revision = last - uint64(size-1-i)
					}
				}
				b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "changes/s")
			})
			b.Run(fmt.Sprintf("noSync=%v/single=%d", noSync, size), func(b *testing.B) {
				for b.Loop() {
					var running sync.WaitGroup
					for i := range records {
						running.Go(func() {
							revision, err := s.Update(b.Context(), records[i])
							if err != nil {
								b.Error(err)
							}
							records[i].Revision = revision
						})
					}
					running.Wait()
				}
				b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "changes/s")
			})
		}
		require.NoError(b, s.Close())
	}
}
