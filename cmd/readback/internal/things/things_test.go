package things

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// ask sends a request to a service and returns the status and the body of its answer.
func ask(s *Service, method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, "http://things.test"+path, strings.NewReader(body)))
	return w.Code, strings.TrimSpace(w.Body.String())
}

// What a write did is shown when the lag is over, and what was there before until then.
func TestService_lags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name               string
		method, path, body string
		status             int
		read               string
		before, after      int
		shows              string // at the end
	}{
		{"a thing is made", "POST", "/things", `{"size":3}`, 201, "/things/10", 404, 200, `{"id":10,"size":3,"version":1}`},
		{"of a form", "POST", "/things", `size=3`, 201, "/things/10", 404, 200, `{"id":10,"size":"3","version":1}`},
		{"it is changed", "PATCH", "/things/7", `{"size":2}`, 200, "/things/7", 200, 200, `{"id":7,"size":2,"version":2}`},
		{"it is deleted", "DELETE", "/things/8", ``, 204, "/things/8", 200, 404, `{"message":"there is no such thing"}`},
		{"it is marked as deleted", "DELETE", "/soft/8", ``, 204, "/soft/8", 200, 200, `{"id":8,"state":"deleted"}`},
		{"a file is put", "PUT", "/files/new.json", `{"a":1}`, 200, "/files/new.json", 404, 200, `{"a":1}`},
		{"it is in the list", "POST", "/things", `{}`, 201, "/search?id=10", 200, 200, `[{"id":10,"version":1}]`},
		{"its job is done", "POST", "/things", `{}`, 201, "/jobs/10", 200, 200, `{"state":"done"}`},
		{"nothing is changed that is not there", "PATCH", "/things/9", `{}`, 404, "/things/9", 404, 404, `{"message":"there is no such thing"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := New(time.Second)
				_, was := ask(s, "GET", tt.read, "")
				status, _ := ask(s, tt.method, tt.path, tt.body)
				assert.Equal(t, tt.status, status)

				time.Sleep(time.Second - time.Nanosecond)
				status, body := ask(s, "GET", tt.read, "")
				assert.Equal(t, tt.before, status)
				if !strings.HasPrefix(tt.read, "/jobs/") {
					assert.Equal(t, was, body)
				}

				time.Sleep(time.Nanosecond)
				status, body = ask(s, "GET", tt.read, "")
				assert.Equal(t, tt.after, status)
				assert.Equal(t, tt.shows, body)
			})
		})
	}
}

// What was answered with 503 is made later, once for each ref.
func TestService_flaky(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(time.Second)
		for range 2 {
			status, _ := ask(s, http.MethodPost, "/flaky", "ref=mine")
			assert.Equal(t, http.StatusServiceUnavailable, status)
		}
		time.Sleep(time.Second + late)
		_, body := ask(s, http.MethodGet, "/list", "")
		assert.Equal(t, 1, strings.Count(body, `"ref":"mine"`), body)
	})
}
