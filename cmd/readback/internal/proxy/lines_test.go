package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// An answer that must have no body, and has one: net/http tells of the bytes in a
// log of its own. Of that nobody sees the bytes, and with -q nobody sees anything.
func TestCommand_bodyThatMustNotBe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ method, answer string }{
		"204":  {"GET", "HTTP/1.1 204 No Content\r\n\r\n" + `{"password":"hunter2"} and "hunter2"`},
		"304":  {"GET", "HTTP/1.1 304 Not Modified\r\n\r\nhunter2"},
		"HEAD": {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhunter2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The bytes are in the log once the upstream sees its connection closed.
			closed := make(chan struct{})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					in := bufio.NewReader(conn)
					if _, err := http.ReadRequest(in); err == nil {
						_, _ = io.WriteString(conn, tt.answer)
					}
					_, _ = io.Copy(io.Discard, in)
					_ = conn.Close()
					closed <- struct{}{}
				}
			}()
			for _, flag := range []string{"-q", "-v"} {
				p := start(t, "proxy", "--upstream", "http://"+l.Addr().String(), "--listen", "127.0.0.1:0", flag)
				resp := raw(t, p.line(t), tt.method+" / HTTP/1.1\nHost: localhost")
				assert.NotEqual(t, http.StatusBadGateway, resp.StatusCode)
				<-closed
				require.NoError(t, p.Process.Signal(os.Interrupt))
				_, status := p.end(t)
				assert.Equal(t, 0, status)
				assert.NotContains(t, p.Stderr.String(), "hunter2")
				if flag == "-q" {
					assert.Empty(t, p.Stderr.String())
				} else {
					assert.Contains(t, p.Stderr.String(),
						"\nreadback: Unsolicited response received on idle HTTP channel starting with \"…\"; err=<nil>\n")
				}
			}
		})
	}
}

// What the server has to say is said as well.
func TestProxy_panics(t *testing.T) {
	t.Parallel()
	said := make(chan string, 1)
	p, err := proxy.New(proxy.Options{
		Upstream: parse(t, "http://api.test"), Warn: func(line string) { said <- line },
		Base: roundTripper(func(*http.Request) (*http.Response, error) { panic("Bearer hunter2") }),
	})
	require.NoError(t, err)
	url, stop := listenAndServe(t, p, 0)
	defer func() { require.NoError(t, stop()) }()
	_, err = newClient(t).Get(url)
	assert.Error(t, err)
	assert.Regexp(t, `^http: panic serving 127\.0\.0\.1:\d+: Bearer REDACTED$`, <-said)
}

// What the upstream sent in place of an answer stays between the two.
func TestProxy_noAnswer(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"hunter2\r\n\r\n", "HTTP/1.1 hunter2\r\n\r\n", "HTTP/1.1 200 OK\r\nhunter2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: hunter2\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: hunter2\r\n\r\n"} {
		said := make(chan string, 1)
		url, _ := serve(t, answers(t, answer), proxy.Options{Warn: func(line string) { said <- line }})
		resp, err := newClient(t).Get(url)
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
		assert.NotContains(t, text(t, resp), "hunter2")
		assert.NotContains(t, <-said, "hunter2")
	}
}
