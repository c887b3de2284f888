package readbacktest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/readback-go/readback/readbacktest"
)

// A create and a read, as a simulation sends them: a world for each.
func BenchmarkHandler(b *testing.B) {
	b.ReportAllocs()
	send := func(h *readbacktest.Handler, method, url, body string) {
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		resp, err := h.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	for _, writes := range []int{1, 1000} {
		b.Run(fmt.Sprintf("writes=%d", writes), func(b *testing.B) {
			for b.Loop() {
				h := readbacktest.NewHandler(readbacktest.Script{Lag: time.Nanosecond, Forbidden: time.Nanosecond})
				for range writes {
					send(h, "POST", "http://api.test/w", `{"name":"alpha"}`)
					send(h, "GET", "http://api.test/w/1", "")
				}
			}
		})
	}
}
