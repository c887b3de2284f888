package consistency_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// sends is one request of a Write over net/http.
type sends struct {
	method, url string
}

// trying is a site that answers by the path, and a Write that sends several
// requests, of which the last one's answer is its own.
func trying(t *testing.T, requests ...sends) (*site, httpFlow) {
	site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/503":
			w.WriteHeader(503)
		case "/409":
			w.WriteHeader(409)
		case "/422":
			w.WriteHeader(422)
		case "/429":
			w.WriteHeader(429)
		case "/404":
			w.WriteHeader(404)
		case "/401":
			w.WriteHeader(401)
		case "/lost":
			panic(http.ErrAbortHandler)
		}
	})
	f := site.create()
	f.Write = func(ctx context.Context) (id string, err error) {
		for _, r := range requests {
			id, err = site.send(ctx, r.method, r.url)
		}
		return id, err
	}
	return site, f
}

// Cases B2, D16 and the kind of A5 of round one: what was sent, and what each
// witness makes of it.
func TestTries_overNetHTTP(t *testing.T) {
	t.Parallel()
	const at = "http://service"
	type class = consistency.Class
	tests := []struct {
		name    string
		give    []sends
		watched class // by readbackhttp.Watch
		traced  class // by the trace alone
		single  class // by nobody, since the caller says that there is one try
	}{
		{"a refusal", []sends{{"POST", at + "/422"}}, refused, refused, refused},
		{"a look-up, then a refusal", []sends{{"GET", at + "/404"}, {"PUT", at + "/422"}}, refused, ambiguous, refused},
		{"several look-ups", []sends{{"GET", at + "/1"}, {"HEAD", at + "/1"}, {"OPTIONS", at + "/1"}, {"POST", at + "/422"}}, refused, ambiguous, refused},
		{"a token, then a refusal", []sends{{"POST", "http://issuer/token"}, {"POST", at + "/422"}}, refused, ambiguous, refused},
		{"a token that was refused", []sends{{"POST", "http://issuer/401"}, {"POST", at + "/422"}}, refused, ambiguous, refused},
		{"a token that was not answered", []sends{{"POST", "http://issuer/503"}, {"POST", at + "/422"}}, ambiguous, ambiguous, ambiguous},
		{"of the same origin", []sends{{"POST", at + "/token"}, {"POST", at + "/422"}}, ambiguous, ambiguous, ambiguous},
		{"refused twice", []sends{{"POST", at + "/429"}, {"POST", at + "/422"}}, refused, ambiguous, refused},
		{"unavailable, then a refusal", []sends{{"POST", at + "/503"}, {"POST", at + "/409"}}, ambiguous, ambiguous, ambiguous},
		{"lost, then a refusal", []sends{{"POST", at + "/lost"}, {"POST", at + "/409"}}, ambiguous, ambiguous, ambiguous},
		{"at another host", []sends{{"POST", "http://other/503"}, {"POST", at + "/422"}}, ambiguous, ambiguous, ambiguous},
		{"carried out, then a refusal", []sends{{"POST", at + "/1"}, {"POST", at + "/422"}}, ambiguous, ambiguous, ambiguous},
		{"a refusal, then carried out", []sends{{"POST", at + "/422"}, {"POST", at + "/1"}}, applied, applied, applied},
		{"carried out, then a read that fails", []sends{{"POST", at + "/1"}, {"GET", at + "/404"}}, ambiguous, ambiguous, refused},
	}
	for _, tt := range tests {
		for _, witness := range []string{"watched", "traced", "single attempt", "watched, single attempt"} {
			bubble(t, tt.name+"/"+witness, func(t *testing.T) {
				site, f := trying(t, tt.give...)
				want := tt.traced
				var s service
				p := s.policy()
				switch witness {
				case "watched":
					want = tt.watched
					site.watch()
				case "single attempt":
					p.SingleAttempt = true
					want = applied
					if last := tt.give[len(tt.give)-1].url; last != at+"/1" {
						want = refused // a word that nobody checks
					}
				default:
					if witness != "traced" {
						p.SingleAttempt = true
						want = tt.watched
						site.watch()
					}
				}
				res, err := consistency.Do(t.Context(), p, f)
				assert.Equal(t, want, s.class(), "%v", err)
				assert.Equal(t, want == refused, res.Outcome == failed)
				assert.Equal(t, want == ambiguous, errors.Is(err, consistency.ErrNoFind))
				if want == ambiguous {
					assert.Regexp(t, `requests? of the write (was|were) counted`, err)
				}
				if want == ambiguous && witness == "traced" {
					assert.ErrorContains(t, err, "readbackhttp.Watch in the client would tell look-ups from tries")
				}
			})
		}
	}
}

// Case B3: a client that tries again over a protocol of its own, and counts.
func TestCountTry(t *testing.T) {
	t.Parallel()
	errAlreadyExists := consistency.Status(errors.New("ALREADY_EXISTS"), 409)
	errUnavailable := consistency.Status(errors.New("UNAVAILABLE"), 503)
	tests := []struct {
		name   string
		tries  int
		err    error
		single bool
		want   consistency.Class
	}{
		{"nobody counts: taken at its word", 0, errAlreadyExists, false, refused},
		{"one", 1, errAlreadyExists, false, refused},
		{"two: the first may have been carried out", 2, errAlreadyExists, false, ambiguous},
		{"two, against the caller's word", 2, errAlreadyExists, true, ambiguous},
		{"two, and a class by word", 2, consistency.As(refused, errLost), false, ambiguous},
		{"one, and a class by word", 1, consistency.As(refused, errLost), false, refused},
		{"one, which was not answered", 1, errUnavailable, false, ambiguous},
		{"two, carried out", 2, nil, false, applied},
	}
	for _, tt := range tests {
		for _, goal := range []consistency.Goal{consistency.ToPresent, consistency.ToMatch} {
			bubble(t, tt.name+" to "+goal.String(), func(t *testing.T) {
				s := &service{reads: []reply{{status: 200, version: wanted}}}
				f := s.to(goal)
				f.Write = func(ctx context.Context) (ref, error) {
					for range tt.tries {
						consistency.CountTry(ctx)
					}
					return ref{ID: "w1"}, tt.err
				}
				p := s.policy()
				p.SingleAttempt = tt.single
				res, err := consistency.Do(t.Context(), p, f)
				assert.Equal(t, tt.want, s.class())
				assert.Equal(t, tt.want == refused, res.Outcome == failed, "%v", err)
				if tt.want == ambiguous && tt.tries > 1 {
					assert.ErrorContains(t, err, "2 requests of the write were counted")
				}
			})
		}
	}
	assert.NotPanics(t, func() { consistency.CountTry(t.Context()) }, "outside of a flow")
}

// Case B2: an HTTP service that cannot be reached, beside another protocol.
func TestTries_mixedProtocols(t *testing.T) {
	t.Parallel()
	noRoute := errors.New("no route to host")
	lost := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	tests := []struct {
		name  string
		write func(ctx context.Context, unreachable *site) error
		want  consistency.Class
	}{
		{"no more than the HTTP service", func(ctx context.Context, s *site) error {
			_, err := s.post(ctx)
			return err
		}, notExecuted},
		{"ignored, then the other loses the answer", func(ctx context.Context, s *site) error {
			_, _ = s.post(ctx)
			return lost
		}, ambiguous},
		{"ignored, then the other counts and loses", func(ctx context.Context, s *site) error {
			_, _ = s.post(ctx)
			consistency.CountTry(ctx)
			return lost
		}, ambiguous},
		{"the other counts, then a token cannot be fetched", func(ctx context.Context, s *site) error {
			consistency.CountTry(ctx)
			_, err := s.post(ctx)
			return err
		}, ambiguous},
		{"both in one error", func(ctx context.Context, s *site) error {
			_, err := s.post(ctx)
			return errors.Join(err, lost)
		}, ambiguous},
		{"ignored, then the other is refused", func(ctx context.Context, s *site) error {
			_, _ = s.post(ctx)
			consistency.CountTry(ctx)
			return &fault{status: 422}
		}, refused},
		{"ignored, then an error of the caller's own", func(ctx context.Context, s *site) error {
			_, _ = s.post(ctx)
			return errors.New("cannot write")
		}, ambiguous},
	}
	for _, tt := range tests {
		for _, watching := range []bool{false, true} {
			bubble(t, tt.name+map[bool]string{true: ", watched"}[watching], func(t *testing.T) {
				site := newSite(t, status(201))
				site.client.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, noRoute }
				if watching {
					site.watch()
				}
				var s service
				f := consistency.Create("create item",
					func(ctx context.Context) (string, error) { return "1", tt.write(ctx, site) },
					func(context.Context, string) (string, error) { return "it", nil })
				res, _ := consistency.Do(t.Context(), s.policy(), f)
				assert.Equal(t, tt.want, s.class())
				assert.Equal(t, tt.want != ambiguous, res.Outcome == failed)
			})
		}
	}
}

// Case C2: net/http itself repeats a POST that has an Idempotency-Key if its
// connection was closed. That is counted, watched or not.
func TestTries_replayedByTransport(t *testing.T) {
	t.Parallel()
	for _, watching := range []bool{false, true} {
		bubble(t, map[bool]string{false: "traced", true: "watched"}[watching], func(t *testing.T) {
			posts := 0
			site := newSite(t, onPost(func(w http.ResponseWriter, _ *http.Request) {
				switch posts++; posts {
				case 1: // leaves a connection to reuse
				case 2:
					panic(http.ErrAbortHandler)
				default:
					w.WriteHeader(409)
				}
			}))
			if watching {
				site.watch()
			}
			send := func(ctx context.Context) (string, error) {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://service/items", http.NoBody)
				require.NoError(t, err)
				req.Header.Set("Idempotency-Key", "1")
				resp, err := site.client.Do(req)
				if err != nil {
					return "", err
				}
				_ = resp.Body.Close()
				if resp.StatusCode >= 300 {
					err = &fault{status: resp.StatusCode}
				}
				return "1", err
			}
			_, err := send(t.Context())
			require.NoError(t, err)
			f := site.create()
			f.Write = send
			var s service
			res, err := consistency.Do(t.Context(), s.policy(), f)
			assert.Equal(t, 3, posts)
			assert.Equal(t, ambiguous, s.class())
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorContains(t, err, "2 requests of the write were counted")
		})
	}
}

// A try whose connection failed was no try, if it is watched.
func TestTries_firstNeverSent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		site := newSite(t, onPost(status(422)))
		unreachable(site, 1)
		site.watch()
		f := site.create()
		f.Write = func(ctx context.Context) (string, error) {
			_, err := site.post(ctx)
			require.Error(t, err)
			return site.post(ctx)
		}
		var s service
		res, _ := consistency.Do(t.Context(), s.policy(), f)
		assert.Equal(t, failed, res.Outcome)
	})
}

// Cases D14 and E6: how many tries there were is kept in the handle, also over
// several calls of Write.
func TestTries_inTheHandle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		counts []int // by call of Write
		single bool
		want   int
	}{
		{"one", []int{1}, false, 1},
		{"two", []int{2}, false, 2},
		{"nobody counts", []int{0}, false, 0},
		{"nobody counts, and by word there is one", []int{0}, true, 1},
		{"two calls", []int{1, 1}, false, 2},
		{"never sent, then one", []int{-1, 1}, false, 1},
		{"two calls, one of them not counted", []int{1, 0}, false, 0},
		{"two calls, the first not counted", []int{0, 1}, false, 0},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{reads: answers(401), found: [][]string{nil}}
			f := s.to(consistency.ToPresent)
			calls := 0
			f.Write = func(ctx context.Context) (ref, error) {
				n := tt.counts[calls]
				for range n {
					consistency.CountTry(ctx)
				}
				switch calls++; {
				case n < 0:
					return ref{}, consistency.As(notExecuted, errLost)
				case calls == len(tt.counts):
					return ref{ID: "w1"}, nil
				}
				return ref{}, &fault{status: 503}
			}
			p := s.policy()
			p.SingleAttempt, p.Resend.WithKey = tt.single, time.Minute
			p.Resend.OnNotSent = true
			res, err := consistency.Do(t.Context(), p, f)
			require.Error(t, err)
			assert.Equal(t, len(tt.counts), calls)
			assert.Equal(t, tt.want, fields(t, res.Pending).Tries)
		})
	}
}
