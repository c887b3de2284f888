package readbackgrpc_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// nothing is a stats handler that does nothing, which has its price by itself.
type nothing struct{}

func (nothing) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (nothing) HandleRPC(context.Context, stats.RPCStats)                         {}
func (nothing) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (nothing) HandleConn(context.Context, stats.ConnStats)                       {}

// ways are the ways to make a call that has nothing to do with any write. Plain is
// there twice, for what two runs of the same differ by.
func ways() []struct {
	name    string
	options func() []grpc.DialOption
} {
	interceptor := func() []grpc.DialOption {
		hold, _ := holding(readbackgrpc.Options{})
		return []grpc.DialOption{hold}
	}
	return []struct {
		name    string
		options func() []grpc.DialOption
	}{
		{"plain", func() []grpc.DialOption { return nil }},
		{"again", func() []grpc.DialOption { return nil }},
		{"interceptor", interceptor},
		{"emptyhandler", func() []grpc.DialOption { return []grpc.DialOption{grpc.WithStatsHandler(nothing{})} }},
		{"both", func() []grpc.DialOption { return append(readbackgrpc.Counting(), interceptor()...) }},
	}
}

// reading makes a thing by a client of its own, and another by c, so that its
// memory is not empty, and returns a read of the first.
func reading(b testing.TB, service *things.Service, c, other client) func() {
	name := other.create(b, "another's").GetName()
	c.create(b, "mine")
	ctx, req := context.Background(), get(name)
	return func() {
		if _, err := c.GetThing(ctx, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnrelated is the toll on an unrelated unary call, over loopback.
func BenchmarkUnrelated(b *testing.B) {
	service := &things.Service{}
	target := listen(b, service)
	other := connect(b, target)
	for _, way := range ways() {
		b.Run("way="+way.name, func(b *testing.B) {
			call := reading(b, service, connect(b, target, way.options()...), other)
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}

// BenchmarkToll measures the ways in turn, many times, and reports the median of
// each one's time over that of the plain way in the same round: "again" is how far
// two of the same are apart.
func BenchmarkToll(b *testing.B) {
	service := &things.Service{}
	target := listen(b, service)
	other := connect(b, target)
	list := ways()
	calls := make([]func(), len(list))
	for k, way := range list {
		calls[k] = reading(b, service, connect(b, target, way.options()...), other)
	}
	took := make([]time.Duration, len(list))
	ratios := make([][]float64, len(list))
	for round := 0; b.Loop(); round++ {
		for k := range list {
			way := (k + round) % len(list)
			began := time.Now()
			for range 50 {
				calls[way]()
			}
			took[way] = time.Since(began)
		}
		for way := range list {
			ratios[way] = append(ratios[way], float64(took[way])/float64(took[0]))
		}
	}
	for way, all := range ratios[1:] {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], list[way+1].name+"/plain")
	}
}
