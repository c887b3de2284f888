package submitui_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/inbubble"
	"github.com/readback-go/readback/submit"
	"github.com/readback-go/readback/submitui"
)

// order is a job. Does is what happens to it.
type order struct{ Name, Does string }

type status int

func (s status) Error() string   { return fmt.Sprint("a body that quotes sesame, status ", int(s)) }
func (s status) StatusCode() int { return int(s) }

type submitter = submit.Submitter[order, string, string]

func flow(key string, o order) consistency.Flow[string, string] {
	f := consistency.Create("create order",
		func(context.Context) (string, error) {
			switch o.Does {
			case "panic":
				panic("sesame in a panic")
			case "refused":
				return "", status(422)
			}
			return "id-of-" + key, nil
		},
		func(context.Context, string) (string, error) {
			if o.Does == "unseen" {
				return "", status(404)
			}
			return "there", nil
		})
	return f
}

func on(t *testing.T, store submit.Store) *submitter {
	t.Helper()
	s, err := submit.New(submit.Options[order, string, string]{
		Store: store, Flow: flow, Policy: consistency.Policy{Within: time.Second},
	})
	require.NoError(t, err)
	return s
}

// enqueued records jobs that nobody works on.
func enqueued(t *testing.T, s *submitter, does string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		require.NoError(t, s.Enqueue(t.Context(), key, order{"sesame", does}))
	}
}

// worked runs s for a minute.
func worked(t *testing.T, s *submitter) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	time.Sleep(time.Minute)
	cancel()
	<-ended
}

var bubble = inbubble.Test

// anyone allows everything, shows nothing.
var anyone = submitui.Options[order]{Authorize: func(*http.Request, submitui.Action, string) bool { return true }}

func get(t *testing.T, h http.Handler, query string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://ops.example/jobs"+query, nil))
	return w
}

func form(key string, action submitui.Action, revision string) url.Values {
	return url.Values{"job": {key}, "action": {string(action)}, "revision": {revision}}
}

// post sends a form, as the page does itself unless changed.
func post(t *testing.T, h http.Handler, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://ops.example/jobs?", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var revisionField = regexp.MustCompile(`name="revision" value="(\d+)"`)

// revision returns that at which the page shows a job.
func revision(t *testing.T, h http.Handler, key string) string {
	t.Helper()
	found := revisionField.FindStringSubmatch(get(t, h, "?job="+url.QueryEscape(key)).Body.String())
	require.NotNil(t, found, key)
	return found[1]
}

func state(t *testing.T, s *submitter, key string) submit.State {
	t.Helper()
	job, err := s.Job(t.Context(), key)
	require.NoError(t, err)
	return job.State
}

// broken is a store that does not answer.
type broken struct{ submit.Store }

func (broken) Get(context.Context, submit.Kind, string) (submit.Record, error) {
	return submit.Record{}, errors.New("sesame in a store")
}

// plainStore is no Journal.
type plainStore struct{ submit.Store }

// everyState records a job of each kind.
func everyState(t *testing.T, s *submitter) {
	t.Helper()
	enqueued(t, s, "", "confirmed-1")
	enqueued(t, s, "unseen", "unconfirmed-1")
	enqueued(t, s, "refused", "failed-1")
	enqueued(t, s, "panic", "aside-1")
	worked(t, s)
	for key, want := range map[string]submit.State{
		"confirmed-1": submit.Ended, "unconfirmed-1": submit.Ended, "failed-1": submit.Ended, "aside-1": submit.SetAside,
	} {
		require.Equal(t, want, state(t, s, key), key)
	}
	enqueued(t, s, "", "queued-1")
	time.Sleep(10 * time.Minute)
	enqueued(t, s, "", "queued-2")
}

func noneOf(t *testing.T, body string, words ...string) {
	t.Helper()
	for _, w := range words {
		assert.NotContains(t, body, w)
	}
}
