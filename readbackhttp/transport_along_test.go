package readbackhttp_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// A body is read along as the client reads it: what it got is what the server
// sent, at the same time, and nothing is known that it has not read.
func TestTransport_readAlong(t *testing.T) {
	t.Parallel()
	const doc = `{"id":7,"text":"some"}`
	post := func(t *testing.T, s *server, client *http.Client, headers ...string) *http.Response {
		req := send("POST", s.URL+"/things", "")
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Set(name, value)
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		return resp
	}
	bubble(t, "decoded, and closed after the read", func(t *testing.T) {
		first := true
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" {
				_, _ = io.WriteString(w, doc)
				w.(http.Flusher).Flush() // of no known length
				_, _ = io.WriteString(w, "\n")
				return
			}
			if first {
				w.WriteHeader(404)
			}
			first = false
		}))
		client := s.over(slowly)
		resp := post(t, s, client)
		defer resp.Body.Close()
		var got struct{ ID int }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
		assert.True(t, held(t, client, api+"/things/7"))
	})
	bubble(t, "closed unread", func(t *testing.T) {
		s := serve(t, answersThenLags("201 | "+doc))
		var told []readbackhttp.Coverage
		options := slowly
		options.Wrote = func(c readbackhttp.Coverage) { told = append(told, c) }
		client := s.over(options)
		_ = post(t, s, client).Body.Close()
		assert.False(t, held(t, client, api+"/things/7"))
		require.Len(t, told, 1)
		assert.Equal(t, "its answer was not read", told[0].Why)
	})
	bubble(t, "slow pieces are not held back", func(t *testing.T) {
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, piece := range []string{`{"id":`, `7}`} {
				_, _ = io.WriteString(w, piece)
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		}))
		resp := post(t, s, s.over(slowly))
		defer resp.Body.Close()
		start := time.Now()
		buf := make([]byte, 100)
		n, err := resp.Body.Read(buf)
		require.NoError(t, err)
		assert.Equal(t, `{"id":`, string(buf[:n]))
		assert.Zero(t, time.Since(start))
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, `7}`, string(rest))
	})
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		bubble(t, fmt.Sprint("gzip, ", size), func(t *testing.T) {
			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			_, _ = fmt.Fprintf(z, `{"id":7,"text":"%s"}`, strings.Repeat("x", size))
			_ = z.Close()
			first := true
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == "POST":
					w.Header().Set("Content-Encoding", "gzip")
					w.Header().Set("Content-Type", "application/json")
					_, _ = w.Write(zipped.Bytes())
				case first:
					first = false
					w.WriteHeader(404)
				}
			}))
			client := s.over(slowly)
			resp := post(t, s, client, "Accept-Encoding: gzip")
			got, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			_ = resp.Body.Close()
			assert.Equal(t, zipped.Bytes(), got)
			assert.True(t, held(t, client, api+"/things/7"))
		})
	}
	bubble(t, "a megabyte", func(t *testing.T) {
		long := `{"id":7,"text":"` + strings.Repeat("x", 1<<20) + `"}`
		s := serve(t, answersThenLags("201 | "+long))
		client := s.over(slowly)
		resp := post(t, s, client)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.True(t, long == string(got))
		assert.True(t, held(t, client, api+"/things/7"))
	})
	bubble(t, "a request that cannot be had again", func(t *testing.T) {
		s := serve(t, answersThenLags("201"))
		client := s.over(slowly)
		req := send("POST", api+"/things", "")
		req.Body = io.NopCloser(strings.NewReader(`{"name":"a"}`))
		req.Header.Set("Content-Type", "application/json")
		_, err := do(client, req)
		require.NoError(t, err)
		assert.Equal(t, `{"name":"a"}`, s.requests()[0].Body)
		assert.True(t, held(t, client, api+"/things/a"))
	})
}

// Who gets the answer may change it before its body is read.
func TestTransport_answerChanged(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		bubble(t, fmt.Sprint("Covers ", own), func(t *testing.T) {
			options := slowly
			if own {
				options.Covers = func(_ *http.Request, resp *http.Response, usual []*url.URL) []*url.URL {
					assert.Equal(t, "/things/7", resp.Header.Get("Location"))
					return usual
				}
			}
			s := serve(t, answersThenLags("201 | Location: /things/7 | made"))
			client := s.over(options)
			resp, err := client.Do(send("POST", api+"/things", ""))
			require.NoError(t, err)
			resp.Header.Set("Location", "/elsewhere")
			_, err = io.ReadAll(resp.Body)
			require.NoError(t, err)
			_ = resp.Body.Close()
			assert.False(t, held(t, client, api+"/elsewhere"))
			assert.True(t, held(t, client, api+"/things/7"))
		})
	}
}
