package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// record is an upstream that keeps what it got. It answers once it read all.
type record struct {
	mu   sync.Mutex
	got  []string // targets
	body []string // of requests that had an end
}

func (c *record) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c.begin(r)
	c.end(r)
}

func (c *record) begin(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, r.URL.Path)
}

func (c *record) end(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.body = append(c.body, string(body))
	}
}

func (c *record) targets() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got
}

func (c *record) bodies() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.body
}

const (
	coded = "POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
	evil  = "GET /evil HTTP/1.1\r\nHost: localhost\r\n\r\n"
)

// broken has a trailer that is none.
const broken = coded + "5\r\nhello\r\n0\r\nX Y\r\n\r\n"

// sized is a request with that header in place of a length.
func sized(header string) string {
	return "POST /a HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n\r\n"
}

// malformed are requests that do not say where they end.
var malformed = []struct {
	name, give string
	status     int
}{
	{"size: not a number", coded + "x\r\nhello\r\n0\r\n\r\n", 400},
	{"size: none", coded + "\r\nhello\r\n0\r\n\r\n", 400},
	{"size: an extension alone", coded + ";a=b\r\nhello\r\n0\r\n\r\n", 400},
	{"size: a sign", coded + "+5\r\nhello\r\n0\r\n\r\n", 400},
	{"size: negative", coded + "-5\r\nhello\r\n0\r\n\r\n", 400},
	{"size: 0x", coded + "0x5\r\nhello\r\n0\r\n\r\n", 400},
	{"size: a separator", coded + "1_0\r\nhello\r\n0\r\n\r\n", 400},
	{"size: more than 64 bits", coded + "10000000000000005\r\nhello\r\n0\r\n\r\n", 400},
	{"size: a space before", coded + " 5\r\nhello\r\n0\r\n\r\n", 400},
	{"size: a space behind", coded + "5 \r\nhello\r\n0\r\n\r\n", 400},
	{"size: two", coded + "5 5\r\nhello\r\n0\r\n\r\n", 400},
	{"size: bare LF", coded + "5\nhello\r\n0\r\n\r\n", 400},
	{"size: bare CR", coded + "5\rhello\r\n0\r\n\r\n", 400},
	{"size: two CR", coded + "5\r\r\nhello\r\n0\r\n\r\n", 400},
	{"size: NUL", coded + "5\x00\r\nhello\r\n0\r\n\r\n", 400},
	{"last size: bare LF", coded + "5\r\nhello\r\n0\n\r\n", 400},
	{"last size: bare LFs", coded + "5\r\nhello\r\n0\n\n", 400},
	{"extension: NUL", coded + "5;a=\x00\r\nhello\r\n0\r\n\r\n", 400},
	{"extension: bare LF", coded + "5;a\nhello\r\n0\r\n\r\n", 400},
	{"extension: bare CR", coded + "5;a\rb\r\nhello\r\n0\r\n\r\n", 400},
	{"extension: no name", coded + "5;\r\nhello\r\n0\r\n\r\n", 400},
	{"extension: no end of a quotation", coded + "5;a=\"b\r\nhello\r\n0\r\n\r\n", 400},
	{"extension: in the last size", coded + "5\r\nhello\r\n0;=\r\n\r\n", 400},
	{"chunk: longer than its size", coded + "5\r\nhelloX\r\n0\r\n\r\n", 400},
	{"chunk: shorter than its size", coded + "6\r\nhello\r\n0\r\n\r\n", 400},
	{"chunk: bare LF behind", coded + "5\r\nhello\n0\r\n\r\n", 400},
	{"chunk: bare CR behind", coded + "5\r\nhello\r0\r\n\r\n", 400},
	{"chunk: nothing behind", coded + "5\r\nhello0\r\n\r\n", 400},
	{"trailer: no colon", coded + "0\r\nX Y\r\n\r\n", 400},
	{"trailer: no colon, no end", coded + "0\r\nX Y\r\n", 400},
	{"trailer: another request", coded + "0\r\n", 400},
	{"trailer: a space in the name", coded + "0\r\nX Y: z\r\n\r\n", 400},
	{"trailer: a space behind the name", coded + "0\r\nX : z\r\n\r\n", 400},
	{"trailer: no name", coded + "0\r\n: z\r\n\r\n", 400},
	{"trailer: NUL in the value", coded + "0\r\nX: \x00\r\n\r\n", 400},
	{"trailer: bare CR in the value", coded + "0\r\nX: a\rY: b\r\n\r\n", 400},
	{"trailer: bare LF", coded + "0\r\nX: y\n\r\n", 400},
	{"trailer: bare LFs", coded + "0\r\nX: y\n\n", 400},
	{"trailer: a bare LF alone", coded + "0\r\n\n", 400},
	{"trailer: goes on in the next line", coded + "0\r\nX: y\r\n z\r\n\r\n", 400},
	{"trailer: a length", coded + "0\r\nContent-Length: 5\r\n\r\n", 400},
	{"trailer: a coding", coded + "0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"trailer: a host", coded + "0\r\nHost: evil.test\r\n\r\n", 400},
	{"length: not a number", sized("Content-Length: x"), 400},
	{"length: none", sized("Content-Length:"), 400},
	{"length: a sign", sized("Content-Length: +5"), 400},
	{"length: negative", sized("Content-Length: -5"), 400},
	{"length: hexadecimal", sized("Content-Length: 0x5"), 400},
	{"length: a list", sized("Content-Length: 0, 5"), 400},
	{"length: a list of one", sized("Content-Length: 5, 5"), 400},
	{"length: more than 63 bits", sized("Content-Length: 9223372036854775808"), 400},
	{"length: two", sized("Content-Length: 0\r\nContent-Length: 5"), 400},
	{"length: a space before the colon", sized("Content-Length : 5"), 400},
	{"length: in the next line", sized("Content-Length:\r\n 5"), 400},
	{"length: goes on in the next line", sized("Content-Length: 1\r\n 0"), 400},
	{"length: bare CR", sized("Content-Length: 5\r"), 400},
	{"length and coding", sized("Content-Length: 5\r\nTransfer-Encoding: chunked") + "0\r\n\r\n", 400},
	{"coding and length", sized("Transfer-Encoding: chunked\r\nContent-Length: 5") + "0\r\n\r\n", 400},
	{"coding: HTTP/1.0", "POST /a HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"coding: in the next line", sized("Transfer-Encoding:\r\n chunked") + "0\r\n\r\n", 400},
	{"coding: behind another header's line", sized("X: y\r\n Transfer-Encoding: chunked"), 400},
	{"coding: twice", sized("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked") + "0\r\n\r\n", 501},
	{"coding: a list", sized("Transfer-Encoding: chunked, chunked") + "0\r\n\r\n", 501},
	{"coding: identity", sized("Transfer-Encoding: identity\r\nContent-Length: 0"), 501},
	{"preface: a header in it", "PRI * HTTP/2.0\r\nHost: localhost\r\n\r\n" + broken, 400},
	{"preface: a request behind it", "PRI * HTTP/2.0\r\n\r\n" + broken, 400},
	{"preface: bare LF", "PRI * HTTP/2.0\nHost: localhost\n\n" + broken, 400},
	{"coding: unknown", sized("Transfer-Encoding: xchunked") + "0\r\n\r\n", 501},
}

// probe sends the pieces, one after the other, and returns the answers and
// whether the connection was closed behind them.
func probe(t *testing.T, url string, pieces ...string) (statuses []int, closed bool) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	for _, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			break // closed already
		}
	}
	in := bufio.NewReader(conn)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			timeout, is := err.(net.Error)
			return statuses, !is || !timeout.Timeout()
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		statuses = append(statuses, resp.StatusCode)
	}
}

// A malformed request is refused, and nothing behind it gets to the upstream,
// whether it comes at once, in pieces, or behind another request. Of what comes at
// once nothing is sent on at all.
func TestProxy_malformed(t *testing.T) {
	t.Parallel()
	const good = "GET /good HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for _, tt := range malformed {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			upstream := new(record)
			url, _ := online(t, upstream, proxy.Options{})
			begin := strings.Index(tt.give, "\r\n\r\n") + 4

			statuses, closed := probe(t, url, tt.give+evil)
			assert.Equal(t, []int{tt.status}, statuses)
			assert.True(t, closed)
			assert.Empty(t, upstream.targets())

			statuses, closed = probe(t, url, good+tt.give+evil)
			assert.Equal(t, []int{200, tt.status}, statuses)
			assert.True(t, closed)
			assert.Equal(t, []string{"/good"}, upstream.targets())

			statuses, closed = probe(t, url, tt.give[:begin], tt.give[begin:], evil)
			assert.Equal(t, []int{tt.status}, statuses, "in pieces")
			assert.True(t, closed)
			assert.NotContains(t, upstream.targets(), "/evil")
			assert.Equal(t, []string{""}, upstream.bodies(), "of the good one")
		})
	}
}

// What came before on the connection changes nothing: a request that is answered
// without a handler of ours, or by an upstream that switches protocols unasked.
func TestProxy_malformedBehind(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, give string
		want       []int
	}{
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", []int{200, 400}},
		{"OPTIONS * with a body", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", []int{200, 400}},
		{"a switch", "GET /switch HTTP/1.1\r\nHost: localhost\r\n\r\n", []int{502}},
		{"another switch", "GET /switch HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n", []int{502}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			upstream := new(record)
			url, _ := online(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/switch" {
					upstream.ServeHTTP(w, r)
					return
				}
				conn, _, err := http.NewResponseController(w).Hijack()
				if assert.NoError(t, err) {
					_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
					_ = conn.Close()
				}
			}), proxy.Options{})
			for _, pieces := range [][]string{{tt.give + broken + evil}, {tt.give, broken, evil}} {
				statuses, closed := probe(t, url, pieces...)
				assert.Equal(t, tt.want, statuses)
				assert.True(t, closed)
				assert.NotContains(t, upstream.targets(), "/evil")
			}
		})
	}
}

// What is unusual and sound passes, and so does what is behind it.
func TestProxy_wellFormed(t *testing.T) {
	t.Parallel()
	for name, give := range map[string]string{
		"one chunk":               coded + "5\r\nhello\r\n0\r\n\r\n",
		"a chunk each byte":       coded + "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
		"zeros before, capitals":  coded + "0005\r\nhello\r\n000\r\n\r\n",
		"extensions":              coded + "5;a;b=c ; d = \"e\\\" ;f\"\r\nhello\r\n0;g\r\n\r\n",
		"trailers":                coded + "5\r\nhello\r\n0\r\nX-A:b\r\nX-B: \t c \r\n\r\n",
		"a length":                sized("Content-Length: 5") + "hello",
		"zeros before a length":   sized("Content-Length: 0005") + "hello",
		"the length twice":        sized("Content-Length: 5\r\nContent-Length: 5") + "hello",
		"bare LF in the head":     "POST /a HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nhello",
		"an empty line behind":    sized("Content-Length: 5") + "hello\r\n",
		"another case":            sized("TRANSFER-encoding: Chunked") + "5\r\nhello\r\n0\r\n\r\n",
		"an offer of h2c":         sized("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 5") + "hello",
		"HTTP/1.0 that stays":     "POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
		"what looks like another": sized("Content-Length: 5") + "hello" + sized("X: PRI * HTTP/2.0\r\nContent-Length: 0"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := new(record)
			url, _ := online(t, upstream, proxy.Options{})
			last := strings.ReplaceAll(evil, "\r\n\r\n", "\r\nConnection: close\r\n\r\n")
			for _, pieces := range [][]string{{give + last}, {give, last}, strings.Split(give+last, "")} {
				statuses, closed := probe(t, url, pieces...)
				assert.Subset(t, []int{200}, statuses)
				assert.GreaterOrEqual(t, len(statuses), 2)
				assert.True(t, closed)
				require.NotEmpty(t, upstream.bodies())
				assert.Equal(t, "hello", upstream.bodies()[0])
				assert.Equal(t, "/evil", upstream.targets()[len(upstream.targets())-1])
			}
		})
	}
}

// A body that ends before its length is as malformed, and the answer that the
// client gets says what is known of the write.
func TestProxy_shortBody(t *testing.T) {
	t.Parallel()
	upstream := new(record)
	url, _ := online(t, upstream, proxy.Options{})
	for _, give := range []string{sized("Content-Length: 50") + "hello", coded + "5\r\nhello\r\n"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		require.NoError(t, err)
		_, err = io.WriteString(conn, give)
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		assert.Equal(t, 400, resp.StatusCode)
		assert.True(t, resp.Close)
		assert.Contains(t, []string{"ambiguous", "not-executed"}, resp.Header.Get(proxy.Header))
		assert.Contains(t, text(t, resp), " did not get the POST whole: unexpected EOF\n")
		require.NoError(t, conn.Close())
	}
	assert.Empty(t, upstream.bodies())
}

// What is longer than net/http reads is the client's error, too, and no failure of the
// upstream.
func TestProxy_tooLong(t *testing.T) {
	t.Parallel()
	upstream := new(record)
	url, _ := online(t, upstream, proxy.Options{})
	much := strings.Repeat("y", 6000)
	for name, give := range map[string]string{
		"trailer":    coded + "5\r\nhello\r\n0\r\nX: " + much + "\r\n\r\n",
		"extension":  coded + "5;a=" + much + "\r\nhello\r\n0\r\n\r\n",
		"extensions": coded + strings.Repeat("1;"+much[:1000]+"\r\nh\r\n", 50) + "0\r\n\r\n",
	} {
		statuses, closed := probe(t, url, give+evil)
		assert.Equal(t, []int{400}, statuses, name)
		assert.True(t, closed, name)
	}
	assert.NotContains(t, upstream.targets(), "/evil")
	assert.Empty(t, upstream.bodies())
}

// A request that is malformed later on, while it is answered already, ends with
// its connection.
func TestProxy_malformedLater(t *testing.T) {
	t.Parallel()
	var got record
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.begin(r) // before the client hears of it
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.WriteString(w, "early")
		_ = http.NewResponseController(w).Flush()
		got.end(r)
	}))
	t.Cleanup(upstream.Close)
	url, _ := serve(t, upstream.URL, proxy.Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, coded+"5\r\nhello\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	_, err = io.ReadFull(resp.Body, make([]byte, len("early")))
	require.NoError(t, err)
	_, err = io.WriteString(conn, "x\r\n0\r\n\r\n"+evil)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	_, err = http.ReadResponse(in, nil)
	assert.Error(t, err)
	assert.Equal(t, []string{"/a"}, got.targets())
	assert.Empty(t, got.bodies())
}
