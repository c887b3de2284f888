package readbackhttp_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// A token stays with whose write it was, and where.
func TestToken_scope(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{
			"PUT /a": {"200 | X-Vault-Index: one", "200 | X-Vault-Index: two"}, "PUT /b": {"503 | X-Vault-Index: no"},
			"DELETE /a": {"204"}, "DELETE /c": {"404 | X-Vault-Index: no"},
			"GET /a": {"200"}, "GET /b": {"200"}, "GET /c": {"200"},
		}.handler())
		client := s.over(readbackhttp.TransportOptions{Token: readbackhttp.Vault()})
		index := func(path string, headers ...string) string {
			t.Helper()
			_, err := ask(t.Context(), client, "GET", path, headers...)
			require.NoError(t, err)
			reads := s.reads()
			return reads[len(reads)-1].Header.Get("X-Vault-Index")
		}
		answered(t, "200", client, "PUT", api+"/a", "Authorization: a")
		assert.Equal(t, "one", index(api+"/a", "Authorization: a"))
		assert.Equal(t, "own", index(api+"/a", "Authorization: a", "X-Vault-Index: own"))
		assert.Empty(t, index(api+"/a", "Authorization: b"))
		assert.Empty(t, index(api+"/a"))
		assert.Empty(t, index(api+"/b", "Authorization: a"))
		assert.Empty(t, index("http://other.test/a", "Authorization: a"))
		assert.Empty(t, index(api+"/a", "Authorization: a", "Range: bytes=0-1"))
		answered(t, "200", client, "PUT", api+"/a", "Authorization: a")
		assert.Equal(t, "two", index(api+"/a", "Authorization: a"), "the later one")
		answered(t, "503", client, "PUT", api+"/b", "Authorization: a")
		assert.Empty(t, index(api+"/b", "Authorization: a"), "of a write that was not carried out")
		answered(t, "204", client, "DELETE", api+"/a", "Authorization: a")
		assert.Equal(t, "two", index(api+"/a", "Authorization: a"), "a write without a token leaves the last")
		answered(t, "404", client, "DELETE", api+"/c", "Authorization: a")
		assert.Empty(t, index(api+"/c", "Authorization: a"), "of an error")
		time.Sleep(2 * time.Minute)
		assert.Empty(t, index(api+"/a", "Authorization: a"))
	})
}

// A write without a token takes nothing back: the last one's is still to be
// reached.
func TestToken_kept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204 | X-Vault-Index: one", "503", "204 | X-Vault-Index: two", "204"}, "GET /a": {"200"}}.handler())
		client := s.over(readbackhttp.TransportOptions{Policy: everySecond, Token: readbackhttp.Vault()})
		var asked []string
		for range 4 {
			_, err := ask(t.Context(), client, "PUT", api+"/a")
			require.NoError(t, err)
			answered(t, "200", client, "GET", api+"/a")
			asked = append(asked, s.reads()[len(asked)].Header.Get("X-Vault-Index"))
		}
		assert.Equal(t, []string{"one", "one", "two", "two"}, asked)
	})
}

// Another origin gets no token, also if a write is said to cover what is there.
func TestToken_coversForeign(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		options := readbackhttp.TransportOptions{Policy: everySecond, Token: readbackhttp.Vault()}
		options.Covers = func(_ *http.Request, _ *http.Response, usual []*url.URL) []*url.URL {
			return append(usual, &url.URL{Scheme: "http", Host: "other.test", Path: "/a"})
		}
		s := serve(t, script{"PUT /a": {"204 | X-Vault-Index: one"}, "GET /a": {"404", "200"}}.handler())
		client := s.over(options)
		answered(t, "204", client, "PUT", api+"/a")
		answered(t, "200", client, "GET", "http://other.test/a") // held, without it
		answered(t, "200", client, "GET", api+"/a")
		var asked []string
		for _, r := range s.reads() {
			asked = append(asked, r.Header.Get("X-Vault-Index"))
		}
		assert.Equal(t, []string{"", "", "one"}, asked)
	})
}

// A request without headers can get one.
func TestToken_noHeader(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		tr := readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
			resp := reply(req, 200, "")
			resp.Header.Set("X-Vault-Index", "7")
			return resp, nil
		}), readbackhttp.TransportOptions{Token: readbackhttp.Vault()})
		for _, method := range []string{"PUT", "GET"} {
			req := send(method, api+"/a", "")
			req.Header = nil
			resp, err := tr.RoundTrip(req)
			require.NoError(t, err)
			assert.Nil(t, resp.Request.Header, "the caller's request is not changed")
		}
	})
}

// indexed is a token of a server that says with each answer how far it is, and
// answers all the same if that is not far enough.
type indexed struct{ readbackhttp.HeaderToken }

func (indexed) Behind(read consistency.Answer) bool { return read.Header.Get("X-Index") < "2" }

// A good answer can be behind too.
func TestToken_behindGoodAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"PUT /a": {"204 | X-Index: 2"}, "GET /a": {"200 | X-Index: 1 | old", "200 | X-Index: 2 | new"}}.handler())
		client := s.over(readbackhttp.TransportOptions{
			Policy: everySecond, Token: indexed{readbackhttp.HeaderToken{Answer: "X-Index", Request: "X-At-Least"}},
		})
		answered(t, "204", client, "PUT", api+"/a")
		answered(t, "200 new", client, "GET", api+"/a")
		assert.Equal(t, time.Second, time.Since(s.start))
	})
}

// Another origin gets no token.
func TestToken_notForAnotherOrigin(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"POST /a": {"201 | Location: http://other.test/b | ETag: 7"}, "GET /b": {`200 | {"v":1}`}}.handler())
		ex := readbackhttp.Exchange{
			Client: s.Client, Write: send("POST", api+"/a", "{}"), Token: readbackhttp.Mittwald(),
			AllowOrigin: func(*url.URL) bool { return true },
		}
		readbacktest.Confirm(t, everySecond, ex.Flow())
		require.Len(t, s.reads(), 1)
		assert.Empty(t, s.reads()[0].Header.Get("If-Event-Reached"))
		ex.Goal = consistency.ToMatch // and then a good answer proves nothing
		_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		require.ErrorIs(t, err, readbackhttp.ErrNoToken)
	})
}

// An Exchange over a Transport polls by itself: nothing is held twice.
func TestExchange_overTransport(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"POST /things": {made}, "GET /things/7": {"404", "404", `200 | {"v":1}`}}.handler())
		ex := readbackhttp.Exchange{Client: s.over(readbackhttp.TransportOptions{}), Write: send("POST", api+"/things", "{}")}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		require.NoError(t, err)
		assert.Equal(t, 3, res.History.Reads())
		assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "1s GET /things/7", "2s GET /things/7"}, s.log())
	})
}
