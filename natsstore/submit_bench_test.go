package natsstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/natsstore"
	"github.com/readback-go/readback/submit"
)

const submitters = 64

// BenchmarkSubmit submits jobs by 64 goroutines to a service that answers and
// shows everything at once: the rest is the store's, with the intent, the answer
// and the outcome of each job. It is held against how often the same disk can be
// made to write a little and be waited for.
func BenchmarkSubmit(b *testing.B) {
	for name, noSync := range map[string]bool{"sync=always": false, "sync=off": true} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			syncs := syncRate(b, filepath.Join(dir, "probe"))
			store, err := natsstore.Open(b.Context(), natsstore.Options{Dir: filepath.Join(dir, "store"), NoSync: noSync, Timeout: patience})
			require.NoError(b, err)
			defer store.Close()
			jobs := instant(b, store, 0)
			var next atomic.Int64
			b.ResetTimer()
			var running sync.WaitGroup
			for range submitters {
				running.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						if _, err := jobs.Submit(b.Context(), fmt.Sprint(n), int(n)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			running.Wait()
			b.StopTimer() // or else the probe below is what is measured
			rate := float64(b.N) / b.Elapsed().Seconds()
			syncs = (syncs + syncRate(b, filepath.Join(dir, "probe"))) / 2 // others may use the disk too
			b.ReportMetric(rate, "submits/s")
			b.ReportMetric(syncs, "fsyncs/s")
			b.ReportMetric(rate/syncs, "submits/fsync")
		})
	}
}

// BenchmarkUnconfirmed lists the ten jobs that ended Unconfirmed among 100,000: with a
// store that was just opened, and later.
func BenchmarkUnconfirmed(b *testing.B) {
	const ended, some = 100_000, 10
	dir := b.TempDir()
	store, err := natsstore.Open(b.Context(), natsstore.Options{Dir: dir, NoSync: true, Timeout: patience})
	require.NoError(b, err)
	records(b, store, ended-some, submit.Record{Done: true, Keep: time.Hour, Label: "confirmed"})
	for i := range some {
		value := fmt.Appendf(nil, `{"submit":1,"state":"ended","holder":"h","intent":%q,"print":"","end":{"outcome":"unconfirmed","at":%[1]q}}`,
			time.Unix(int64(i), 0).UTC().Format(time.RFC3339))
		_, err := store.Create(b.Context(), submit.Record{Kind: submit.KindJob, Key: fmt.Sprint("unconfirmed ", i), Value: value,
			Done: true, Keep: time.Hour, Label: "unconfirmed"})
		require.NoError(b, err)
	}
	for _, first := range []bool{true, false} {
		b.Run(fmt.Sprintf("first=%v", first), func(b *testing.B) {
			var took time.Duration
			for range b.N {
				if first {
					require.NoError(b, store.Close())
					store, err = natsstore.Open(b.Context(), natsstore.Options{Dir: dir, NoSync: true, Timeout: patience})
					require.NoError(b, err)
				}
				jobs, began, n := instant(b, store, 0), time.Now(), some
				for job, err := range jobs.Jobs(b.Context(), submit.Filter{Outcomes: []consistency.Outcome{consistency.Unconfirmed}}) {
					require.NoError(b, err)
					n--
					require.Equal(b, fmt.Sprint("unconfirmed ", n), job.Key, "the newest first")
				}
				require.Zero(b, n)
				took += time.Since(began)
			}
			require.Less(b, took/time.Duration(b.N), 500*time.Millisecond)
			b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/list")
		})
	}
	require.NoError(b, store.Close())
}

// instant makes a submitter to a service without any lag.
func instant(b testing.TB, store submit.Store, lease time.Duration) *submit.Submitter[int, int, *int] {
	b.Helper()
	jobs, err := submit.New(submit.Options[int, int, *int]{
		Store: store,
		Lease: lease,
		Flow: func(_ string, n int) consistency.Flow[int, *int] {
			flow := consistency.Create("count",
				func(context.Context) (int, error) { return n, nil },
				func(_ context.Context, n int) (*int, error) { return &n, nil })
			flow.Find, flow.Mine = consistency.Known(n), func(int) bool { return true }
			return flow
		},
	})
	require.NoError(b, err)
	return jobs
}

// syncRate returns how many small writes a second the disk can be waited for.
func syncRate(b *testing.B, path string) float64 {
	b.Helper()
	f, err := os.Create(path)
	require.NoError(b, err)
	defer f.Close()
	record := make([]byte, 300)
	n, began := 0, time.Now()
	for ; time.Since(began) < time.Second; n++ {
		_, err := f.Write(record)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
	}
	return float64(n) / time.Since(began).Seconds()
}

// BenchmarkReload opens a store of 100,000 pending jobs after it was left
// without a word, and reads them all.
func BenchmarkReload(b *testing.B) {
	const pending = 100_000
	dir := b.TempDir()
	store, err := natsstore.Open(b.Context(), natsstore.Options{Dir: dir, NoSync: true, Timeout: patience})
	require.NoError(b, err)
	records(b, store, pending, submit.Record{})
	require.NoError(b, store.Close())
	for b.Loop() {
		store, err := natsstore.Open(b.Context(), natsstore.Options{Dir: dir, NoSync: true, Timeout: patience})
		require.NoError(b, err)
		n := 0
		for _, err := range store.List(b.Context(), submit.KindJob) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, pending, n)
		require.NoError(b, store.Close())
	}
	b.ReportMetric(pending, "jobs")
}

// BenchmarkList lists 1,000 pending jobs, and one lease, in a folder that keeps
// other outcomes or none, and looks one up.
func BenchmarkList(b *testing.B) {
	const pending = 1000
	for _, done := range []int{0, 100_000} {
		dir := b.TempDir()
		store, err := natsstore.Open(b.Context(), natsstore.Options{Dir: dir, NoSync: true})
		require.NoError(b, err)
		records(b, store, done, submit.Record{Done: true, Keep: time.Hour})
		records(b, store, pending, submit.Record{})
		_, err = store.Create(b.Context(), submit.Record{Kind: submit.KindLease, Key: "a"})
		require.NoError(b, err)
		require.NoError(b, store.Close())
		store, err = natsstore.Open(b.Context(), natsstore.Options{Dir: dir})
		require.NoError(b, err)
		b.Run(fmt.Sprintf("first/done=%d", done), func(b *testing.B) {
			for range b.N { // the second one is no longer the first
				for _, err := range store.List(b.Context(), submit.KindJob) {
					require.NoError(b, err)
				}
			}
		})
		for kind, want := range map[submit.Kind]int{submit.KindJob: pending, submit.KindLease: 1} {
			b.Run(fmt.Sprintf("%s/done=%d", kind, done), func(b *testing.B) {
				for b.Loop() {
					n := 0
					for _, err := range store.List(b.Context(), kind) {
						require.NoError(b, err)
						n++
					}
					require.Equal(b, want, n)
				}
			})
		}
		b.Run(fmt.Sprintf("get/done=%d", done), func(b *testing.B) {
			for b.Loop() {
				_, err := store.Get(b.Context(), submit.KindJob, "false 1")
				require.NoError(b, err)
			}
		})
		require.NoError(b, store.Close())
	}
}

// records makes n jobs like r.
func records(b *testing.B, store submit.Store, n int, r submit.Record) {
	b.Helper()
	r.Kind, r.Value = submit.KindJob, make([]byte, 300)
	var next atomic.Int64
	var running sync.WaitGroup
	for range submitters {
		running.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				r := r
				r.Key = fmt.Sprint(r.Done, " ", i)
				if _, err := store.Create(b.Context(), r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}
