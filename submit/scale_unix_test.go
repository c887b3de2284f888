//go:build unix

package submit_test

import (
	"fmt"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cpuTime returns how much this process has worked so far, in all its threads.
func cpuTime(t testing.TB) time.Duration {
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// cpuWithin returns how much of one CPU this process uses meanwhile.
func cpuWithin(t testing.TB, d time.Duration) float64 {
	before, began := cpuTime(t), time.Now()
	time.Sleep(d)
	return float64(cpuTime(t)-before) / float64(time.Since(began))
}

// A million pending confirmations, in one process: what each takes, and what all
// take while none is due but the lease is kept and the others' are watched.
func BenchmarkPending(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint("jobs=", n), func(b *testing.B) {
			for b.Loop() {
				c := newCrowd(b, n)
				require.Less(b, c.each, int64(400))
				require.Less(b, c.goroutines, 20)
				b.ReportMetric(float64(c.each), "B/job")
				b.ReportMetric(float64(c.goroutines), "goroutines")
				// Or the runtime gives back by and by what the beginning took.
				debug.FreeOSMemory()
				b.ReportMetric(cpuWithin(b, 5*time.Second), "cpu-s/s") // a third of a lease
				c.stop()
			}
		})
	}
}

// What it takes to read back at a limited rate what is far more than that.
func BenchmarkReadsPerSecond(b *testing.B) {
	const jobs, limit = 100_000, 1000
	for b.Loop() {
		c, _ := takeOver(b, jobs, limit)
		before, began := c.world.readsSoFar(), time.Now()
		cpu := cpuWithin(b, 3*time.Second)
		rate := float64(c.world.readsSoFar()-before) / time.Since(began).Seconds()
		require.LessOrEqual(b, rate, 1.05*limit)
		b.ReportMetric(cpu, "cpu-s/s")
		b.ReportMetric(rate, "reads/s")
		c.stop()
	}
}
