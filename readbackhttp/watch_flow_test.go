package readbackhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

type thing struct {
	V int `json:"v"`
}

// typed is a client whose errors have no status.
type typed struct {
	http *http.Client
	fail func(resp *http.Response) error
}

func (c typed) do(ctx context.Context, method, path string) (*thing, error) {
	req, err := http.NewRequestWithContext(ctx, method, api+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		_, _ = io.Copy(io.Discard, resp.Body)
		return nil, c.fail(resp)
	}
	got := new(thing)
	if err := json.NewDecoder(resp.Body).Decode(got); err != nil && err != io.EOF {
		return nil, err
	}
	return got, nil
}

func (c typed) flow(goal consistency.Goal) consistency.Flow[string, *thing] {
	read := func(ctx context.Context, id string) (*thing, error) { return c.do(ctx, "GET", "/things/"+id) }
	write := func(method, path string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			_, err := c.do(ctx, method, path)
			return "7", err
		}
	}
	switch goal {
	case consistency.ToPresent:
		flow := consistency.Create("create", write("POST", "/things"), read)
		flow.Find, flow.Mine = consistency.Known("7"), func(string) bool { return true }
		return flow
	case consistency.ToMatch:
		flow := consistency.Update("update", write("PUT", "/things/7"), read, func(_ string, v *thing) bool { return v.V == 2 })
		flow.Find = consistency.Known("7")
		return flow
	}
	return consistency.Delete("delete", "7", func(ctx context.Context, id string) error {
		_, err := c.do(ctx, "DELETE", "/things/"+id)
		return err
	}, read)
}

// What is sent on the way to a write is told from its tries.
func TestWatch_tries(t *testing.T) {
	t.Parallel()
	type step struct{ method, url, body string }
	const sts = "http://sts.test"
	tests := []struct {
		name  string
		steps []step // the last one's answer is the write's
		want  consistency.Outcome
		class consistency.Class
	}{
		{"one", []step{{"POST", api + "/409", ""}}, failed, consistency.Refused},
		{"a token of another origin", []step{{"POST", sts + "/200", ""}, {"POST", api + "/400", ""}}, failed, consistency.Refused},
		{"two tokens", []step{{"POST", sts + "/200", ""}, {"POST", "http://vault.test/200", ""}, {"POST", api + "/409", ""}}, failed, consistency.Refused},
		{"a token of the same origin", []step{{"POST", api + "/200", ""}, {"POST", api + "/400", ""}}, unconfirmed, consistency.Ambiguous},
		{"a token of another origin that was not got", []step{{"POST", sts + "/503", ""}, {"POST", api + "/400", ""}}, unconfirmed, consistency.Ambiguous},
		{"a look-up", []step{{"GET", api + "/200", ""}, {"PUT", api + "/409", ""}}, failed, consistency.Refused},
		{"a look-up that was unavailable", []step{{"GET", api + "/503", ""}, {"PUT", api + "/409", ""}}, failed, consistency.Refused},
		{"HEAD, OPTIONS and a write", []step{{"HEAD", api + "/404", ""}, {"OPTIONS", api + "/200", ""}, {"PUT", api + "/422", ""}}, failed, consistency.Refused},
		{"a try that was unavailable", []step{{"POST", api + "/503", ""}, {"POST", api + "/409", ""}}, unconfirmed, consistency.Ambiguous},
		{"a try that was refused", []step{{"POST", api + "/429", ""}, {"POST", api + "/409", ""}}, failed, consistency.Refused},
		{"a try elsewhere that was carried out", []step{{"POST", "http://eu.test/201", ""}, {"POST", "http://us.test/503", ""}, {"POST", api + "/409", ""}}, unconfirmed, consistency.Ambiguous},
		{"a try in another method", []step{{"PUT", api + "/201", ""}, {"PATCH", api + "/409", ""}}, unconfirmed, consistency.Ambiguous},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var status int
				if _, err := fmt.Sscanf(r.URL.Path, "/%d", &status); err != nil {
					status = 404
				}
				w.WriteHeader(status)
				if r.Method != http.MethodHead {
					_, _ = io.WriteString(w, `{"access_token":"hunter2"}`)
				}
			}))
			srv.Client.Transport = readbackhttp.Watch(srv.Client.Transport)
			policy := everySecond
			policy.Within = 3 * time.Second
			var class consistency.Class
			policy.Observer = func(e consistency.Event) { class = max(class, e.Class) }
			flow := consistency.Create("create", func(ctx context.Context) (string, error) {
				var err error
				for _, s := range tt.steps {
					req, bad := http.NewRequestWithContext(ctx, s.method, s.url, strings.NewReader("{}"))
					require.NoError(t, bad)
					resp, bad := srv.Client.Do(req)
					require.NoError(t, bad)
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					if err = nil; resp.StatusCode >= 300 {
						err = errors.New("no")
					}
				}
				return "7", err
			}, func(ctx context.Context, _ string) (*thing, error) { return nil, nil })
			flow.Find, flow.Mine = consistency.Known("7"), func(string) bool { return false }
			res, err := consistency.Do(t.Context(), policy, flow)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.class, class)
			assert.NotContains(t, err.Error(), "hunter2")
			if tt.want == unconfirmed {
				assert.ErrorContains(t, err, "requests of the write were counted")
			}
		})
	}
}

// retrying sends what was answered with 503 again.
func retrying(base http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(r)
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable {
			return resp, err
		}
		_ = resp.Body.Close()
		again := r.Clone(r.Context())
		if r.GetBody != nil {
			again.Body, _ = r.GetBody()
		}
		return base.RoundTrip(again)
	})
}

// authorizing fetches a token before each request, by a client of its own, in
// the context of that request.
func authorizing(base http.RoundTripper, client *http.Client) http.RoundTripper {
	return fetching("POST", "http://sts.test/token", base, client)
}

func fetching(method, url string, base http.RoundTripper, client *http.Client) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		req, err := http.NewRequestWithContext(r.Context(), method, url, nil)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return base.RoundTrip(r)
	})
}

// Wherever the tries of an exchange are watched, and how often, each counts once,
// and a hidden one counts.
func TestWatch_nestedCountsOnce(t *testing.T) {
	t.Parallel()
	watch := readbackhttp.Watch
	holding := func(rt http.RoundTripper) http.RoundTripper {
		return readbackhttp.NewTransport(rt, readbackhttp.TransportOptions{})
	}
	tests := []struct {
		name string
		make func(base http.RoundTripper) http.RoundTripper
		want consistency.Outcome // of one try that is refused
	}{
		{"not at all", func(b http.RoundTripper) http.RoundTripper { return b }, failed},
		{"once", watch, failed},
		{"twice", func(b http.RoundTripper) http.RoundTripper { return watch(watch(b)) }, failed},
		{"by a Transport", holding, failed},
		{"by a Transport and inside", func(b http.RoundTripper) http.RoundTripper { return holding(watch(b)) }, failed},
		{"by a Transport and outside", func(b http.RoundTripper) http.RoundTripper { return watch(holding(b)) }, failed},
		{"by two Transports", func(b http.RoundTripper) http.RoundTripper { return holding(holding(b)) }, failed},
		{"with a token on the way, watched", func(b http.RoundTripper) http.RoundTripper {
			return authorizing(b, &http.Client{Transport: watch(b)})
		}, failed},
		{"with a token on the way, all watched", func(b http.RoundTripper) http.RoundTripper {
			return authorizing(watch(b), &http.Client{Transport: watch(b)})
		}, failed},
	}
	for _, tt := range tests {
		for _, hidden := range []bool{false, true} {
			bubble(t, fmt.Sprintf("%s, retried: %v", tt.name, hidden), func(t *testing.T) {
				answers := []string{"409"}
				if hidden {
					answers = []string{"503", "409"}
				}
				srv := serve(t, script{"POST /things": answers, "POST /token": {"200 | {}"}, "GET /things/7": {"404"}}.handler())
				base := srv.Client.Transport
				if srv.Client.Transport = tt.make(base); hidden {
					srv.Client.Transport = retrying(tt.make(base))
				}
				policy := everySecond
				policy.Within = 3 * time.Second
				ex := readbackhttp.Exchange{Client: srv.Client, Write: send("POST", api+"/things", `{}`), Read: readbackhttp.URL("/things/7")}
				res, err := consistency.Do(t.Context(), policy, ex.Flow())
				srv.Client.CloseIdleConnections()
				base.(*http.Transport).CloseIdleConnections()
				if !hidden {
					assert.Equal(t, tt.want, res.Outcome, "%v", err)
					return
				}
				assert.Equal(t, unconfirmed, res.Outcome, "%v", err)
				var e *consistency.Error
				require.ErrorAs(t, err, &e)
				assert.NotEmpty(t, e.Counted, "%v", err)
			})
		}
	}
}

// What is fetched on the way of a request, by a client that is watched too, does
// not hide how that was answered.
func TestWatch_fetchedOnTheWay(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "POST"} {
		for _, url := range []string{"http://sts.test/token", api + "/token"} {
			bubble(t, method+" "+url, func(t *testing.T) {
				srv := serve(t, script{method + " /token": {`200 | {"access_token":"x"}`}, "PUT /things/7": {"400"}, "GET /things/7": {"404"}}.handler())
				base := srv.Client.Transport
				watched := &http.Client{Transport: readbackhttp.Watch(base)}
				client := &http.Client{Transport: readbackhttp.Watch(fetching(method, url, base, watched))}
				res, err := consistency.Do(t.Context(), everySecond, typed{client, styles[1].fail}.flow(consistency.ToMatch))
				want := failed
				if method == "POST" && strings.HasPrefix(url, api) {
					want = unconfirmed // of the same origin, it may be a try
				}
				assert.Equal(t, want, res.Outcome, "%v", err)
			})
		}
	}
}

// A service that writes on GET is read back as any other: a try that a client hides
// is no look-up where there is nothing else.
func TestWatch_writesByGet(t *testing.T) {
	t.Parallel()
	for _, watched := range []bool{false, true} {
		for _, first := range []string{"503", "429"} {
			bubble(t, fmt.Sprintf("%s, watched: %v", first, watched), func(t *testing.T) {
				srv := serve(t, script{"GET /create": {first, "409"}, "GET /things/7": {"404"}}.handler())
				rt := srv.Client.Transport
				if watched {
					rt = readbackhttp.Watch(rt)
				}
				srv.Client.Transport = transport(func(r *http.Request) (*http.Response, error) {
					resp, err := rt.RoundTrip(r)
					if err != nil || resp.StatusCode == http.StatusConflict || resp.StatusCode == http.StatusNotFound {
						return resp, err
					}
					_ = resp.Body.Close()
					return rt.RoundTrip(r.Clone(r.Context()))
				})
				ex := readbackhttp.Exchange{Client: srv.Client, Write: send("GET", api+"/create", ""), Read: readbackhttp.Location()}
				res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
				srv.Client.CloseIdleConnections()
				want := unconfirmed
				if watched && first == "429" {
					want = failed
				}
				assert.Equal(t, want, res.Outcome, "%v", err)
			})
		}
	}
}

// Rules see the bodies of good answers of any client that is watched, to 64 KiB.
func TestWatch_rules(t *testing.T) {
	t.Parallel()
	rules := consistency.Rules{
		Write: []consistency.WriteRule{
			{From: 200, Body: consistency.JSON("/ok", false), Class: consistency.Refused},
			{From: 200, Body: consistency.JSON("/errors"), Class: consistency.Refused},
		},
		Read: []consistency.ReadRule{
			{From: 400, Body: consistency.JSON("/code", "InvalidInstanceID.NotFound"), Verdict: 0, Reason: consistency.NotFound},
			{From: 200, Body: consistency.JSON("/errors"), Verdict: 0, Reason: consistency.NotFound},
			{From: 200, Body: consistency.JSON("/state", "deleted"), Goal: consistency.ToPresent, Verdict: 0, Reason: consistency.NotFound},
		},
	}
	tests := []struct {
		name, write string
		reads       []string
		end         consistency.Outcome
		at          []time.Duration
	}{
		{"ok is false", `200 | {"ok":false}`, nil, failed, nil},
		{"GraphQL", `200 | {"data":null,"errors":[{"message":"no"}]}`, nil, failed, nil},
		{"far behind", `200 | {"pad":"` + strings.Repeat("x", 60_000) + `","ok":false}`, nil, failed, nil},
		{"a code that is lag", `200 | {"ok":true}`, []string{`400 | {"code":"InvalidInstanceID.NotFound"}`, `200 | {"v":2}`}, confirmed, seconds(0, 1)},
		{"another code", `200 | {"ok":true}`, []string{`400 | {"code":"Malformed"}`, `200 | {"v":2}`}, unconfirmed, seconds(0)},
		{"errors in a read", `200 | {"ok":true}`, []string{`200 | {"errors":[{}],"v":2}`, `200 | {"v":2}`}, confirmed, seconds(0, 1)},
		{"a tombstone", `200 | {"ok":true}`, []string{`200 | {"state":"deleted","v":1}`, `200 | {"v":2}`}, confirmed, seconds(0, 1)},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			policy := everySecond
			policy.Rules = rules
			srv := serve(t, scripted(tt.write, tt.reads...).handler())
			bare := *srv.Client
			srv.Client.Transport = readbackhttp.Watch(srv.Client.Transport)
			res, err := consistency.Do(t.Context(), policy, typed{srv.Client, styles[0].fail}.flow(consistency.ToPresent))
			assert.Equal(t, tt.end, res.Outcome, "%v", err)
			assert.Equal(t, tt.at, srv.times())

			again := serve(t, scripted(tt.write, tt.reads...).handler())
			ex := readbackhttp.Exchange{Client: again.Client, Write: send("POST", api+"/things", `{}`), Read: readbackhttp.URL("/things/7")}
			res2, err := consistency.Do(t.Context(), policy, ex.Flow())
			assert.Equal(t, tt.end, res2.Outcome, "an exchange: %v", err)
			assert.Len(t, again.times(), len(tt.at))
			bare.CloseIdleConnections()
		})
	}
}
