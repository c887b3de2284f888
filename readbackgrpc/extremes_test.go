package readbackgrpc_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
	"github.com/readback-go/readback/readbackgrpc/internal/things"
)

// A pause without sense, negative or longer than any time there is, ends no flow and
// no hold early or late.
func TestRetryInfo_extremes(t *testing.T) {
	t.Parallel()
	for _, d := range []*durationpb.Duration{{Seconds: -5}, {Seconds: math.MaxInt64, Nanos: math.MaxInt32}, {Seconds: math.MinInt64, Nanos: math.MinInt32}, {Seconds: 1, Nanos: -999}} {
		details := []protoadapt.MessageV1{&errdetails.RetryInfo{RetryDelay: d}}
		bubble(t, fmt.Sprint("hold ", d), func(t *testing.T) {
			hold, _ := holding(readbackgrpc.Options{Policy: consistency.Policy{Within: 2 * time.Second}})
			service := &things.Service{Lag: 300 * ms}
			c := dial(t, service, hold)
			made := c.create(t, "alpha")
			service.Next("GetThing", things.Fault{Code: codes.NotFound, Details: details})
			began := time.Now()
			_, err := c.GetThing(t.Context(), get(made.GetName()))
			assert.NoError(t, err)
			assert.LessOrEqual(t, time.Since(began), 2*time.Second)
		})
		bubble(t, fmt.Sprint("flow ", d), func(t *testing.T) {
			service := &things.Service{}
			c := dial(t, service, readbackgrpc.Counting()...)
			service.Next("CreateThing", things.Fault{Code: codes.ResourceExhausted, Details: details})
			service.Next("GetThing", things.Fault{Code: codes.Unavailable, Details: details}, things.Fault{Code: codes.NotFound, Details: details})
			policy := consistency.Policy{Answer: readbackgrpc.Answer, Within: 5 * time.Second}
			policy.Resend.OnRateLimited = true
			began := time.Now()
			res, err := consistency.Do(t.Context(), policy, creation(c))
			assert.LessOrEqual(t, time.Since(began), 11*time.Second)
			if d.Seconds > 10 {
				assert.Equal(t, consistency.Failed, res.Outcome, "%v", err)
				return
			}
			assert.Equal(t, consistency.Confirmed, res.Outcome, "%v", err)
		})
	}
}
