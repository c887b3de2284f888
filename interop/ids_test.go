package interop_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/testing/pipenet"
	"github.com/readback-go/readback/readbackhttp"
)

// wrong is how many URLs each SDK's creation covers that are not those of what it
// made: a second id or name beside the right one.
var wrong = map[string]int{
	"godo":               2, // the name, in the request and, as the service has it, in the answer
	"stripe-go":          1, // the name
	"gitlab":             1, // the name
	"client-go":          1, // the uid
	"meilisearch-go":     1, // the index's name as the answer has it
	"go-github":          1, // the id: reads go by the number
	"minio-go":           0,
	"opensearch-go":      0,
	"armresources":       0,
	"oapi-codegen style": 1, // the name
	"ogen style":         1, // the name
}

// How often the id of what an SDK made is found in its own bodies, how often something
// else is taken for one, and what an honest 404 at such a URL then costs. A table of it
// is printed with -v.
func TestSDKs_ids(t *testing.T) {
	found, others, got := 0, 0, map[string]int{}
	t.Logf("%-20s %-6s %-6s %s", "SDK", "found", "wrong", "an honest 404 at a wrong URL")
	for _, v := range sdks {
		var row string
		synctest.Test(t, func(t *testing.T) {
			s := v.service()
			s.things = make(map[string]time.Time)
			base := pipenet.Serve(t, &http.Server{Handler: s})
			var told []readbackhttp.Coverage
			client := &http.Client{Transport: readbackhttp.NewTransport(base, readbackhttp.TransportOptions{
				Wrote: func(c readbackhttp.Coverage) { told = append(told, c) },
				Scope: func(*http.Request) string { return "" }, // so that we can ask as the SDK
			})}
			c := v.client(t, client)
			id, err := c.create(t.Context(), "thing")
			require.NoError(t, err)
			require.NotEmpty(t, told)
			covers := told[len(told)-1].Covers
			s.seen()
			_, err = c.get(t.Context(), id)
			require.NoError(t, err)
			s.mu.Lock()
			read := s.requests[len(s.requests)-1]
			s.mu.Unlock()
			_, read, _ = strings.Cut(read, " ")

			var mu sync.Mutex
			var group sync.WaitGroup
			costs := []time.Duration{}
			right := false
			for _, covered := range slices.Compact(slices.Sorted(slices.Values(covers))) {
				u, err := url.Parse(covered)
				require.NoError(t, err)
				if u.EscapedPath() == read {
					right = true
					continue
				}
				group.Go(func() {
					start := time.Now()
					resp, err := client.Get(covered)
					if !assert.NoError(t, err) {
						return
					}
					_ = resp.Body.Close()
					mu.Lock()
					defer mu.Unlock()
					costs = append(costs, time.Since(start).Round(time.Second))
				})
			}
			group.Wait()
			assert.True(t, right, "%s: read at %s, covered are %v", v.name, read, covers)
			got[v.name] = len(costs)
			if right {
				found++
			}
			others += len(costs)
			row = fmt.Sprintf("%-20s %-6v %-6d %v", v.name, right, len(costs), costs)
		})
		t.Log(row)
	}
	assert.Equal(t, wrong, got)
	t.Logf("of %d: found %d, wrong %d", len(sdks), found, others)
}
