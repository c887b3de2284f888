package submit

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Any number of origins may be limited: a new one does not cost more for it, and
// those that are idle are forgotten. It runs by itself, to count what it allocates.
func TestQueues_manyOrigins(t *testing.T) {
	const origins = 5000
	var qs queues
	qs.init(1)
	began := time.Now()
	add := func(round int, now time.Time) {
		for i := range origins {
			qs.add(&job{}, lane{read: true, origin: fmt.Sprint(round, " ", i)}, now)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	add(0, began)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2000*origins))

	for round := range 5 {
		for range origins {
			jobs, _, _ := qs.takeDue(began, began.Add(time.Duration(round)*time.Hour))
			assert.Len(t, jobs, 1)
		}
		add(round+1, began.Add(time.Duration(round)*time.Hour+time.Minute))
		assert.LessOrEqual(t, len(qs.limits), 3*origins)
	}
}
