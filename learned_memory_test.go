package readback_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
)

// A key takes less than 6 kB, with its plan. It must not run beside other tests,
// whose memory would count.
func TestLearned_memory(t *testing.T) {
	const keys = 200
	s := readback.NewLearned(readback.LearnedOptions{Keys: keys, Seed: 1})
	lognormal := lawNamed("lognormal")
	s.First(time.Minute)
	r := rand.New(rand.NewPCG(1, 1))
	before := inUse()
	for i := range keys {
		key := s.For(fmt.Sprint(i))
		play(key, lognormal, r, time.Minute, 40)
		key.First(time.Minute)
	}
	each := float64(inUse()-before) / keys
	t.Logf("%.0f B a key", each)
	assert.Less(t, each, 6000.0)
	runtime.KeepAlive(s)
}

func inUse() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
