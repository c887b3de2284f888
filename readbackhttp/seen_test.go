package readbackhttp_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// What was seen last is the body of the last good answer, also if the last read was
// cut short within its answer: no header is in the error.
func TestExchange_saysWhatWasSeen(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"state":"new"}`: `stale ({"state":"new"})`,
		"plain words":     `stale ("plain words")`,
		"":                "stale: ",
	} {
		bubble(t, want, func(t *testing.T) {
			reads := 0
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.Method == http.MethodGet {
					reads++
				}
				w.Header().Set("X-Session", "hunter2")
				if reads > 1 {
					_ = http.NewResponseController(w).Flush()
					<-req.Context().Done() // in the middle of the answer
				}
				_, _ = w.Write([]byte(body))
			}))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://srv.example/things/7", http.NoBody)
			assert.NoError(t, err)
			never := func(readbackhttp.Ref, *readbackhttp.Document) bool { return false }
			ex := readbackhttp.Exchange{Client: srv.Client, Write: req, Match: never}
			_, err = consistency.Do(t.Context(), consistency.Policy{Within: time.Second}, ex.Flow())
			assert.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), "Header")
		})
	}
}
