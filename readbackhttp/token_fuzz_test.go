package readbackhttp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// tokenKinds are the kinds of token, and what each is in a few words.
var tokenKinds = []struct {
	kind            readbackhttp.Token
	answer, request string
	behind          func(status int, subStatus string) bool
}{
	{readbackhttp.Mittwald(), "Etag", "If-Event-Reached", func(status int, _ string) bool { return status == 412 }},
	{readbackhttp.Vault(), "X-Vault-Index", "X-Vault-Index", func(status int, _ string) bool { return status == 412 }},
	{readbackhttp.Cosmos(), "X-Ms-Session-Token", "X-Ms-Session-Token", func(status int, sub string) bool { return status == 404 && sub == "1002" }},
	{readbackhttp.HeaderToken{Answer: "X-Position", Request: "X-At-Least"}, "X-Position", "X-At-Least", func(int, string) bool { return false }},
}

// Whatever a write's answer has for a token, a read carries it as it is, in the
// one header of its kind and to the write's origin alone, or it carries nothing;
// and no line of the read is another's. Sub is what a read's answer has for a
// sub-status.
func FuzzToken(f *testing.F) {
	f.Fuzz(func(t *testing.T, which uint8, status uint16, token, sub string, foreign bool) {
		kind := tokenKinds[int(which)%len(tokenKinds)]
		if status < 200 || status > 599 {
			return
		}
		for _, status := range []int{0, int(status)} {
			assert.Equal(t, kind.behind(status, sub), kind.kind.Behind(consistency.Answer{
				Status: status, Header: http.Header{"X-Ms-Substatus": {sub}, kind.answer: {token}},
			}))
		}
		w := tokenWrite{status: int(status), location: "/things/7", name: kind.answer, token: token}
		if foreign {
			w.location = "http://other.test/things/7"
		}
		bare, read, forged := w.exchange(t, nil), w.exchange(t, kind.kind), w.forgedHandle(t, kind.kind)
		switch {
		case foreign || !isPrintable(token):
			assert.Empty(t, read.Get(kind.request))
			assert.Empty(t, forged.Get(kind.request))
		case token == strings.TrimSpace(token):
			assert.Equal(t, token, forged.Get(kind.request))
			if bare != nil {
				assert.Equal(t, token, read.Get(kind.request))
			}
		}
		read.Del(kind.request)
		assert.Equal(t, bare, read, "besides the token")

		for _, method := range []string{http.MethodPut, http.MethodDelete} { // a Delete is applied by a 404, too
			over := w.transport(t, kind.kind, method)
			switch {
			case status >= 400 || !isPrintable(token):
				assert.Empty(t, over.Get(kind.request), "%s over the Transport", method)
			case status < 300 && token == strings.TrimSpace(token):
				assert.Equal(t, token, over.Get(kind.request), "%s over the Transport", method)
			}
		}
	})
}

// isPrintable reports whether a token may be used: printable ASCII, up to 4 KiB.
func isPrintable(token string) bool {
	return token != "" && len(token) <= 4096 && strings.IndexFunc(token, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}

// tokenWrite is a write whose answer has a token.
type tokenWrite struct {
	status         int
	location, name string
	token          string
	reads          []http.Header // as a server would parse them
}

// exchange returns the headers of the read that follows the write, and nil if
// that was not carried out. A handle does not change them.
func (w tokenWrite) exchange(t *testing.T, kind readbackhttp.Token) http.Header {
	t.Helper()
	flow := w.flow(t, kind)
	ref, err := flow.Write(t.Context())
	if err != nil {
		assert.Empty(t, ref.Token)
		return nil
	}
	stored, err := json.Marshal(ref)
	require.NoError(t, err)
	var again readbackhttp.Ref
	require.NoError(t, json.Unmarshal(stored, &again))
	for _, ref := range []readbackhttp.Ref{ref, again} {
		_, err = flow.Read(t.Context(), ref)
		require.NoError(t, err)
	}
	require.Len(t, w.reads, 2)
	assert.Equal(t, w.reads[0], w.reads[1], "by way of a handle")
	return w.reads[0]
}

// forgedHandle returns the headers of a read by a handle with the token, however
// it got there.
func (w tokenWrite) forgedHandle(t *testing.T, kind readbackhttp.Token) http.Header {
	t.Helper()
	_, err := w.flow(t, kind).Read(t.Context(), readbackhttp.Ref{Token: w.token})
	require.NoError(t, err)
	return w.reads[0]
}

func (w *tokenWrite) flow(t *testing.T, kind readbackhttp.Token) consistency.Flow[readbackhttp.Ref, *readbackhttp.Document] {
	t.Helper()
	return readbackhttp.Exchange{
		Client:      &http.Client{Transport: w.service(t)},
		Write:       withSecrets(api + "/things"),
		Read:        readbackhttp.URL(w.location),
		Token:       kind,
		AllowOrigin: func(*url.URL) bool { return true },
	}.Flow()
}

// transport returns the headers of a read over the Transport of what the write
// was about.
func (w tokenWrite) transport(t *testing.T, kind readbackhttp.Token, method string) http.Header {
	t.Helper()
	client := readbackhttp.NewTransport(w.service(t), readbackhttp.TransportOptions{Token: kind})
	for _, req := range []*http.Request{send(method, api+"/things/7", ""), send("GET", api+"/things/7", "")} {
		resp, err := client.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	require.Len(t, w.reads, 1)
	return w.reads[0]
}

// service answers the write as said, and reads with 200.
func (w *tokenWrite) service(t *testing.T) http.RoundTripper {
	return transport(func(req *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}
		if req.Method != http.MethodGet {
			resp.StatusCode = w.status
			resp.Header[w.name] = []string{w.token}
			return resp, nil
		}
		var wire bytes.Buffer
		require.NoError(t, req.Write(&wire))
		parsed, err := http.ReadRequest(bufio.NewReader(&wire))
		require.NoError(t, err)
		w.reads = append(w.reads, parsed.Header)
		return resp, nil
	})
}
