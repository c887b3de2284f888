//go:build !race

package readbackgrpc_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"google.golang.org/grpc"

	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// What a call costs more in allocations, server included: the interceptor none,
// and with attempts counted 20 at most, of which a stats handler that does nothing
// has 15. Not in parallel: it counts those of the whole process. Not with the race
// detector, whose pools throw away at random what was put into them.
func TestToll_allocations(t *testing.T) {
	service := &things.Service{}
	c := func(options []grpc.DialOption) client { return dial(t, service, options...) }
	other := c(nil)
	list := ways()
	calls, cost := make([]func(), len(list)), make(map[string]float64)
	for n, way := range list {
		calls[n], cost[way.name] = reading(t, service, c(way.options()), other), math.Inf(1)
	}
	// The least of some: what else the process does can only add to it.
	for round := 0; round < 5 || round < 30 && cost["interceptor"] > cost["plain"]; round++ {
		for n, way := range list {
			cost[way.name] = min(cost[way.name], testing.AllocsPerRun(300, calls[n]))
		}
	}
	assert.LessOrEqual(t, cost["interceptor"], cost["plain"]+0.9)
	assert.LessOrEqual(t, cost["both"], cost["plain"]+20)
}
