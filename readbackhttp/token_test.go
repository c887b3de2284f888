package readbackhttp_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// event returns a service like mittwald's: a write answers an event id, and a
// read that names one waits until that was reached, or answers 412 in the end.
// The read model follows after lag.
func event(lag, patience time.Duration) http.Handler {
	var shown time.Time
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != "GET":
			shown = time.Now().Add(lag)
			w.Header().Set("ETag", "276638689419853824")
			w.Header().Set("Location", "/things/7")
			w.WriteHeader(201)
			return
		case r.Header.Get("If-Event-Reached") == "276638689419853824":
			wait := time.Until(shown)
			select {
			case <-time.After(min(wait, patience)):
			case <-r.Context().Done():
			}
			if wait > patience {
				w.WriteHeader(412)
				return
			}
		}
		if time.Now().Before(shown) || r.URL.Path != "/things/7" {
			w.WriteHeader(404)
			return
		}
		w.Header().Set("ETag", "of-a-read")
		_, _ = w.Write([]byte(`{"v":2}`))
	})
}

func TestToken_kinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		kind    readbackhttp.Token
		answer  http.Header
		request string // header and value of a read
		behind  consistency.Answer
		fine    []consistency.Answer
	}{
		{"mittwald", readbackhttp.Mittwald(), http.Header{"Etag": {"276"}}, "If-Event-Reached: 276",
			consistency.Answer{Status: 412}, []consistency.Answer{{Status: 404}, {Status: 200}}},
		{"Vault", readbackhttp.Vault(), http.Header{"X-Vault-Index": {"djE6="}}, "X-Vault-Index: djE6=",
			consistency.Answer{Status: 412}, []consistency.Answer{{Status: 404}, {Status: 200}}},
		{"Cosmos", readbackhttp.Cosmos(), http.Header{"X-Ms-Session-Token": {"0:-1#12"}}, "X-Ms-Session-Token: 0:-1#12",
			consistency.Answer{Status: 404, Header: http.Header{"X-Ms-Substatus": {"1002"}}},
			[]consistency.Answer{{Status: 404}, {Status: 404, Header: http.Header{"X-Ms-Substatus": {"1003"}}}, {Status: 200}, {Status: 412}}},
		{"no status", readbackhttp.HeaderToken{Answer: "A", Request: "B"}, http.Header{"A": {"1"}}, "B: 1",
			consistency.Answer{Status: -1}, []consistency.Answer{{Status: 0}, {Status: 412}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := tt.kind.Take(consistency.Answer{Header: tt.answer})
			read := send("GET", api, "")
			tt.kind.Put(read, token)
			m := headerLine.FindStringSubmatch(tt.request)
			assert.Equal(t, m[2], read.Header.Get(m[1]))
			tt.kind.Put(read, "other")
			assert.Equal(t, m[2], read.Header.Get(m[1]), "a read keeps what it has")
			assert.Empty(t, tt.kind.Take(consistency.Answer{}))
			if tt.name != "no status" {
				assert.True(t, tt.kind.Behind(tt.behind))
			}
			for _, a := range tt.fine {
				assert.False(t, tt.kind.Behind(a), "%+v", a)
			}
		})
	}
}

// Where the server waits until it has caught up, one read is enough: for a
// client over the Transport, for an Exchange and for a flow.
func TestToken_oneRead(t *testing.T) {
	t.Parallel()
	bubble(t, "Transport", func(t *testing.T) {
		s := serve(t, event(7*time.Second, 10*time.Second))
		client := s.over(readbackhttp.TransportOptions{Token: readbackhttp.Mittwald()})
		answered(t, "201", client, "POST", api+"/things")
		answered(t, `200 {"v":2}`, client, "GET", api+"/things/7")
		assert.Equal(t, []string{"0s POST /things", "0s GET /things/7"}, s.log())
		assert.Equal(t, 7*time.Second, time.Since(s.start))
		answered(t, `200 {"v":2}`, client, "GET", api+"/things/7")
		assert.Equal(t, "276638689419853824", s.reads()[1].Header.Get("If-Event-Reached"), "not the ETag of a read")
		answered(t, "404", client, "GET", api+"/others")
		assert.Empty(t, s.reads()[2].Header.Get("If-Event-Reached"), "of something else")
	})
	bubble(t, "Exchange, an update without a match", func(t *testing.T) {
		s := serve(t, event(7*time.Second, 10*time.Second))
		ex := readbackhttp.Exchange{Client: s.Client, Write: send("PATCH", api+"/things/7", `{"v":2}`), Token: readbackhttp.Mittwald()}
		res, err := consistency.Do(t.Context(), consistency.Policy{}, ex.Flow())
		require.NoError(t, err)
		assert.Equal(t, []string{"0s PATCH /things/7", "0s GET /things/7"}, s.log())
		assert.Equal(t, 7*time.Second, time.Since(s.start))
		assert.Equal(t, `{"v":2}`, string(res.Value.Body))
	})
	bubble(t, "Flow", func(t *testing.T) {
		s := serve(t, event(7*time.Second, 10*time.Second))
		kind := readbackhttp.Mittwald()
		type ref struct{ ID, Token string }
		flow := consistency.Update("rename thing",
			func(ctx context.Context) (ref, error) {
				resp, err := s.Client.Do(send("PATCH", api+"/things/7", `{"v":2}`).WithContext(ctx))
				if err != nil {
					return ref{}, err
				}
				return ref{"7", kind.Take(consistency.AnswerOf(resp))}, resp.Body.Close()
			},
			func(ctx context.Context, w ref) (*http.Response, error) {
				req := send("GET", api+"/things/"+w.ID, "").WithContext(ctx)
				kind.Put(req, w.Token)
				return s.Client.Do(req)
			}, nil)
		flow.Behind = kind.Behind
		readbacktest.Confirm(t, consistency.Policy{}, flow)
		assert.Equal(t, []string{"0s PATCH /things/7", "0s GET /things/7"}, s.log())
	})
}

// A server that answers that it is behind is asked again, with the token.
func TestToken_behindIsAskedAgain(t *testing.T) {
	t.Parallel()
	policy := everySecond
	policy.ReadTimeout = 15 * time.Second
	bubble(t, "Transport", func(t *testing.T) {
		s := serve(t, event(15*time.Second, 10*time.Second))
		client := s.over(readbackhttp.TransportOptions{Policy: policy, Token: readbackhttp.Mittwald()})
		answered(t, "201", client, "POST", api+"/things")
		var report readbackhttp.Report
		got, err := ask(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Report: &report}), client, "GET", api+"/things/7")
		require.NoError(t, err)
		assert.Equal(t, `200 {"v":2}`, got)
		assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "11s GET /things/7"}, s.log())
		last, _ := report.History.Last()
		assert.Equal(t, 15*time.Second, last.Ended)
		for _, r := range s.reads() {
			assert.Equal(t, "276638689419853824", r.Header.Get("If-Event-Reached"))
		}
	})
	bubble(t, "Transport, to the end", func(t *testing.T) {
		options := readbackhttp.TransportOptions{Policy: policy, Token: readbackhttp.Mittwald()}
		options.Policy.Windows.BehindToken = 12 * time.Second
		s := serve(t, event(time.Hour, time.Second))
		client := s.over(options)
		answered(t, "201", client, "POST", api+"/things")
		answered(t, "412", client, "GET", api+"/things/7")
		assert.Equal(t, 12*time.Second, time.Since(s.start).Round(time.Second))
		for _, r := range s.reads() { // never without, to be served what is stale
			assert.Equal(t, "276638689419853824", r.Header.Get("If-Event-Reached"))
		}
	})
	bubble(t, "Transport, Cosmos", func(t *testing.T) {
		s := serve(t, script{
			"DELETE /a": {"204 | x-ms-session-token: 0:1"},
			"GET /a":    {"404 | x-ms-substatus: 1002 | behind", "404 | x-ms-substatus: 0 | gone"},
		}.handler())
		client := s.over(readbackhttp.TransportOptions{Policy: policy, Token: readbackhttp.Cosmos()})
		answered(t, "204", client, "DELETE", api+"/a")
		answered(t, "404 gone", client, "GET", api+"/a")
		assert.Len(t, s.reads(), 2)
		assert.Equal(t, "0:1", s.reads()[1].Header.Get("X-Ms-Session-Token"))
	})
	bubble(t, "Exchange", func(t *testing.T) {
		s := serve(t, event(15*time.Second, 10*time.Second))
		ex := readbackhttp.Exchange{Client: s.Client, Write: send("PATCH", api+"/things/7", `{"v":2}`), Token: readbackhttp.Mittwald()}
		res, err := consistency.Do(t.Context(), policy, ex.Flow())
		require.NoError(t, err)
		var reasons []string
		for r := range res.History.All() {
			reasons = append(reasons, string(r.Reason))
		}
		assert.Equal(t, []string{"behind token", ""}, reasons)
	})
	bubble(t, "Exchange, in another process", func(t *testing.T) {
		s := serve(t, event(15*time.Second, 10*time.Second))
		ex := readbackhttp.Exchange{Client: s.Client, Write: send("PATCH", api+"/things/7", `{"v":2}`), Token: readbackhttp.Mittwald()}
		short := policy
		short.Within = 12 * time.Second
		res, err := consistency.Do(t.Context(), short, ex.Flow())
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		stored, err := json.Marshal(res.Pending)
		require.NoError(t, err)
		assert.Contains(t, string(stored), `"token":"276638689419853824"`)
		var handle consistency.Pending
		require.NoError(t, json.Unmarshal(stored, &handle))
		_, err = consistency.Resume(t.Context(), policy, ex.Flow(), handle)
		require.NoError(t, err)
		assert.Equal(t, 1, s.writes())
		for _, r := range s.reads() {
			assert.Equal(t, "276638689419853824", r.Header.Get("If-Event-Reached"))
		}
	})
}
