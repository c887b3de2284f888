package readbackhttp_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
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

// Another origin gets no token.
func TestToken_foreign(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"POST /a": {"201 | Location: http://other.test/b | ETag: 7"}, "GET /b": {"200 | {}"}}.handler())
		ex := readbackhttp.Exchange{
			Client: s.Client, Write: send("POST", api+"/a", "{}"), Token: readbackhttp.Mittwald(),
			AllowOrigin: func(*url.URL) bool { return true },
		}
		_, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		require.NoError(t, err)
		require.Len(t, s.reads(), 1)
		assert.Empty(t, s.reads()[0].Header.Get("If-Event-Reached"))
		ex.Goal = consistency.ToMatch // and then a good answer proves nothing
		_, err = consistency.Do(t.Context(), everySecond, ex.Flow())
		require.ErrorIs(t, err, readbackhttp.ErrNoToken)
	})
}

// An Exchange over a Transport polls by itself: nothing is held twice.
func TestExchange_overTransport(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := serve(t, script{"POST /things": {made}, "GET /things/7": {"404", "404", "200 | {}"}}.handler())
		ex := readbackhttp.Exchange{Client: s.over(readbackhttp.TransportOptions{}), Write: send("POST", api+"/things", "{}")}
		res, err := consistency.Do(t.Context(), everySecond, ex.Flow())
		require.NoError(t, err)
		assert.Equal(t, 3, res.History.Reads())
		assert.Equal(t, []string{"0s POST /things", "0s GET /things/7", "1s GET /things/7", "2s GET /things/7"}, s.log())
	})
}
