package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// These four answers pass, and none of them can have been carried out twice: a
// rate limit, a parent that is not visible yet, and an outage of a service that
// knows the write by its key.
func ExampleResend_kinds() {
	policy := consistency.Policy{
		Schedule: readback.Every(time.Millisecond),
		Resend: consistency.Resend{
			OnNotSent:       true,           // the connection was never made
			OnRateLimited:   true,           // 429
			OnMissingParent: true,           // 404 or 403, below something just written
			WithKey:         24 * time.Hour, // only if the write has an idempotency key that the service honours so long
		},
	}
	statuses := []int{http.StatusTooManyRequests, http.StatusNotFound, http.StatusForbidden, http.StatusServiceUnavailable}
	writes := 0
	write := func(context.Context) (string, error) {
		if writes++; writes <= len(statuses) {
			return "", consistency.Status(errors.New("not now"), statuses[writes-1])
		}
		return "id", nil
	}
	res, err := consistency.Do(context.Background(), policy, consistency.Create("create", write, seven))
	fmt.Println(res.Outcome, "after", writes, "writes", err)
	// Output: confirmed after 5 writes <nil>
}
