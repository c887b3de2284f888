package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// service answers as a vendor does whose reads are behind its writes, in a bubble:
// things are kept by the path that reads ask for.
type service struct {
	lag time.Duration

	// made says how a POST is answered that made the nth thing: the path of reads,
	// a status, a header and a body.
	made func(path string, body []byte, n int) (at string, status int, header, answer string)
	// shown says how a read is answered.
	shown   func(path string) string
	missing string                                      // body of a 404
	header  http.Header                                 // of every answer
	updated int                                         // status of PUT, PATCH and a POST to what exists; 0 means 200
	deleted int                                         // status of DELETE; 0 means 204
	gone    func(r *http.Request, body []byte) []string // what a POST deletes; nil if none does

	mu       sync.Mutex
	n        int
	things   map[string]time.Time // since when
	requests []string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.EscapedPath()
	s.requests = append(s.requests, r.Method+" "+path)
	w.Header().Set("Content-Type", "application/json")
	for name, values := range s.header {
		w.Header()[name] = values
	}
	since, known := s.things[path]
	visible := known && time.Since(since) >= s.lag
	status, answer := http.StatusOK, s.shown(path)
	switch r.Method {
	case "GET", "HEAD":
		if !visible {
			status, answer = http.StatusNotFound, s.missing
		}
	case "DELETE":
		if status = cmpOr(s.deleted, http.StatusNoContent); !known {
			status, answer = http.StatusNotFound, s.missing
		}
		delete(s.things, path)
	case "POST":
		if s.gone != nil {
			if gone := s.gone(r, body); gone != nil {
				for _, path := range gone {
					delete(s.things, path)
				}
				answer = `<DeleteResult/>`
				break
			}
		}
		if known {
			status = cmpOr(s.updated, http.StatusOK)
			break
		}
		s.n++
		var at, header string
		at, status, header, answer = s.made(path, body, s.n)
		s.things[at] = time.Now()
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
	default: // PUT, PATCH
		if status = cmpOr(s.updated, http.StatusOK); !known && r.Method == "PUT" {
			status = http.StatusCreated
			if s.updated == http.StatusOK {
				status = http.StatusOK // it does not tell
			}
		}
		if !known {
			s.things[path] = time.Now()
		}
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent && r.Method != "HEAD" {
		_, _ = io.WriteString(w, answer)
	}
}

func cmpOr(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

// seen returns how many requests there were since it was last asked.
func (s *service) seen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.requests)
	s.requests = nil
	return n
}

// calls are those of an SDK that are tried. Get says whether the thing was found.
type calls struct {
	create func(ctx context.Context, name string) (id string, err error)
	get    func(ctx context.Context, id string) (bool, error)
	update func(ctx context.Context, id string) error // nil if there is none
	delete func(ctx context.Context, id string) error // nil if there is none
	absent string                                     // the id of what was never made
}

const at = "http://api.test"

// sdk is one line to change: the client, or its transport.
type sdk struct {
	name    string
	service func() *service
	client  func(t *testing.T, client *http.Client) calls
}

var sdks []sdk

// Each SDK reads what it made, at the first call, and none of its honest 404s
// waits: with one line changed and no option set.
func TestSDKs(t *testing.T) {
	for _, lag := range []time.Duration{0, 300 * time.Millisecond, 2 * time.Second} {
		for _, v := range sdks {
			t.Run(fmt.Sprint(v.name, "/", lag), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					s := v.service()
					s.lag, s.things = lag, make(map[string]time.Time)
					base := pipenet.Serve(t, &http.Server{Handler: s})
					var told []readbackhttp.Coverage
					over := readbackhttp.NewTransport(base, readbackhttp.TransportOptions{
						Wrote: func(c readbackhttp.Coverage) { told = append(told, c) },
					})
					bare := v.client(t, &http.Client{Transport: base})
					c := v.client(t, &http.Client{Transport: over})

					// Bare, it does not.
					id, err := bare.create(ctx, "first")
					require.NoError(t, err)
					found, err := bare.get(ctx, id)
					require.NoError(t, err)
					assert.Equal(t, lag == 0, found, "bare")
					time.Sleep(lag)
					s.seen()

					id, err = c.create(ctx, "second")
					require.NoError(t, err)
					require.NotEmpty(t, told)
					assert.Empty(t, told[len(told)-1].Why, "%v", told)
					s.seen()
					start := time.Now()
					found, err = c.get(ctx, id)
					took, requests := time.Since(start), s.seen()
					require.NoError(t, err)
					assert.True(t, found, "what was just made")
					assert.LessOrEqual(t, took, 2*lag+50*time.Millisecond)
					t.Logf("lag %v: read after %v, by %d requests", lag, took.Round(time.Millisecond), requests)

					atOnce := func(what, id string) {
						t.Helper()
						start := time.Now()
						found, err := c.get(ctx, id)
						require.NoError(t, err)
						assert.False(t, found, what)
						assert.Zero(t, time.Since(start), "%s: an honest 404 is delayed", what)
						assert.Equal(t, 1, s.seen(), what)
					}
					atOnce("never made", c.absent)
					if c.update != nil {
						require.NoError(t, c.update(ctx, id))
						s.seen()
						found, err = c.get(ctx, id)
						require.NoError(t, err)
						assert.True(t, found, "what was changed")
						assert.Equal(t, 1, s.seen())
						atOnce("never made, after an update", c.absent)
					}
					if c.delete != nil {
						require.NoError(t, c.delete(ctx, id))
						s.seen()
						atOnce("deleted", id)
					}
				})
			})
		}
	}
}

// notFound takes an error that says 404 for an answer.
func notFound(err error, status int) (bool, error) {
	if err != nil && status == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

// member returns a member of a JSON object.
func member(body []byte, name string) string {
	var doc map[string]any
	_ = json.Unmarshal(body, &doc)
	return fmt.Sprint(doc[name])
}

// itself answers reads with the last segment of their path as the member.
func itself(format string) func(string) string {
	return func(path string) string { return fmt.Sprintf(format, path[strings.LastIndexByte(path, '/')+1:]) }
}

func statusOf[E error](err error, status func(E) int) int {
	var e E
	if errors.As(err, &e) {
		return status(e)
	}
	return 0
}
