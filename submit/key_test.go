package submit_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

func TestNewKey(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 1000 {
		key := submit.NewKey()
		assert.Regexp(t, regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`), key)
		assert.False(t, seen[key])
		seen[key] = true
	}
}

func TestSetKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"8e03978e-40d5-43dd-bc93-6894a57f9324": `"8e03978e-40d5-43dd-bc93-6894a57f9324"`,
		"invoice 17":                           `"invoice 17"`,
		`say "a\b"`:                            `"say \"a\\b\""`,
	} {
		req, err := http.NewRequest(http.MethodPost, "http://example.com", nil)
		require.NoError(t, err)
		req.Header.Set("Idempotency-Key", "old")
		submit.SetKey(req, key)
		var wire bytes.Buffer
		require.NoError(t, req.Write(&wire))
		got, err := http.ReadRequest(bufio.NewReader(&wire))
		require.NoError(t, err)
		assert.Equal(t, []string{want}, got.Header.Values("Idempotency-Key"), "as a server reads it")
	}
}

// dropping is a server that answers the first request of each connection, and
// closes the connection when it has read another one: as one does that dies.
type dropping struct {
	net.Listener
	mu     sync.Mutex
	writes []string // keys of the POSTs that arrived
}

func (d *dropping) serve() {
	for {
		conn, err := d.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			r := bufio.NewReader(conn)
			for n := range 2 {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				if req.Method == http.MethodPost {
					d.mu.Lock()
					d.writes = append(d.writes, req.Header.Get("Idempotency-Key"))
					d.mu.Unlock()
				}
				if n == 0 {
					status := "200 OK"
					if req.Method == http.MethodPost {
						status = "409 Conflict"
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
				}
			}
		}()
	}
}

// net/http repeats a request whose key has the usual spelling by itself if a
// connection dies that was used before: two writes arrive, with one key, and the
// refusal of the second proves nothing. With SetKey it does not, as without a key.
func TestSetKey_replay(t *testing.T) {
	t.Parallel()
	for _, keyed := range []string{"by hand", "by SetKey", ""} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server := &dropping{Listener: listener}
		go server.serve()
		url := "http://" + listener.Addr().String()
		client := &http.Client{Transport: &http.Transport{}}
		resp, err := client.Get(url) // a connection that is used again
		require.NoError(t, err)
		_ = resp.Body.Close()

		opts := options{Store: submit.NewMemory(), Flow: (&world{}).flow}
		opts.Flow = func(key string, o order) consistency.Flow[string, *thing] {
			return consistency.Create("create thing", func(ctx context.Context) (string, error) {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("{}"))
				if err != nil {
					return "", err
				}
				switch keyed {
				case "by hand":
					req.Header.Set("Idempotency-Key", `"`+key+`"`)
				case "by SetKey":
					submit.SetKey(req, key)
				}
				resp, err := client.Do(req)
				if err != nil {
					return "", err
				}
				_ = resp.Body.Close()
				return "", status(resp.StatusCode)
			}, func(context.Context, string) (*thing, error) { return nil, errors.New("not asked") })
		}
		s, err := submit.New(opts)
		require.NoError(t, err)
		res, err := s.Submit(t.Context(), "a", order{"x"})
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNoFind)
		server.mu.Lock()
		switch keyed {
		case "by hand":
			assert.Equal(t, []string{`"a"`, `"a"`}, server.writes, "the same request, twice")
			assert.ErrorIs(t, err, status(409))
		case "by SetKey":
			assert.Equal(t, []string{`"a"`}, server.writes, "once")
		default:
			assert.Equal(t, []string{""}, server.writes)
		}
		server.mu.Unlock()
		client.CloseIdleConnections()
		_ = listener.Close()
	}
}
