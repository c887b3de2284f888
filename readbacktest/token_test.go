package readbacktest_test

import (
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

func answer(status int, header ...string) consistency.Answer {
	a := consistency.Answer{Status: status, Header: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		a.Header.Set(header[i], header[i+1])
	}
	return a
}

// Our own tokens keep what they promise.
func TestToken_ours(t *testing.T) {
	t.Parallel()
	t.Run("mittwald", func(t *testing.T) {
		t.Parallel()
		readbacktest.TestToken(t, readbackhttp.Mittwald(), readbacktest.TokenAnswers{
			Written: [2]consistency.Answer{answer(201, "Etag", `W/"event-1"`), answer(204, "Etag", `W/"event-2"`)},
			Behind:  []consistency.Answer{answer(412)},
			Reached: []consistency.Answer{answer(200, "Etag", `W/"event-1"`), answer(404), answer(403)},
		})
	})
	t.Run("vault", func(t *testing.T) {
		t.Parallel()
		readbacktest.TestToken(t, readbackhttp.Vault(), readbacktest.TokenAnswers{
			Written: [2]consistency.Answer{answer(204, "X-Vault-Index", "djE6eyI="), answer(204, "X-Vault-Index", "djE6eyQ=")},
			Behind:  []consistency.Answer{answer(412)},
			Reached: []consistency.Answer{answer(404), answer(472), answer(473)},
		})
	})
	t.Run("cosmos", func(t *testing.T) {
		t.Parallel()
		readbacktest.TestToken(t, readbackhttp.Cosmos(), readbacktest.TokenAnswers{
			Written: [2]consistency.Answer{answer(201, "X-Ms-Session-Token", "0:-1#7"), answer(201, "X-Ms-Session-Token", "0:-1#8")},
			Behind:  []consistency.Answer{answer(404, "X-Ms-Substatus", "1002")},
			Reached: []consistency.Answer{answer(404), answer(404, "X-Ms-Substatus", "0"), answer(410, "X-Ms-Substatus", "1002")},
		})
	})
	t.Run("a header, and a server that waits", func(t *testing.T) {
		t.Parallel()
		readbacktest.TestToken(t, headers, readbacktest.TokenAnswers{
			Written: [2]consistency.Answer{answer(201, "X-Position", "1"), answer(201, "X-Position", "2")},
		})
	})
}

var headers = readbackhttp.HeaderToken{Answer: "X-Position", Request: "X-At-Least"}

// token is one made of functions, to break it in one way. Where there is none it
// does as Vault's, but that only a 412 that says so is behind.
type token struct {
	take   func(consistency.Answer) string
	put    func(*http.Request, string)
	behind func(consistency.Answer) bool
}

func (k token) Take(a consistency.Answer) string {
	if k.take == nil {
		return readbackhttp.Vault().Take(a)
	}
	return k.take(a)
}

func (k token) Put(r *http.Request, token string) {
	if k.put == nil {
		readbackhttp.Vault().Put(r, token)
		return
	}
	k.put(r, token)
}

func (k token) Behind(a consistency.Answer) bool {
	if k.behind == nil {
		return a.Status == 412 && a.Header.Get("X-Retry") == "yes"
	}
	return k.behind(a)
}

// Each promise is broken by a token that the test does not pass.
func TestToken_broken(t *testing.T) {
	t.Parallel()
	const name = "X-Vault-Index"
	take := func(a consistency.Answer) string { return a.Header.Get(name) }
	put := func(r *http.Request, token string) { r.Header.Set(name, token) }
	tests := []struct {
		name  string
		token readbackhttp.Token
		want  string
	}{
		{"none", nil, "token: it is nil"},
		{"takes nothing", token{take: func(consistency.Answer) string { return "" }}, "does not take what a write carries: there is none in map[X-Vault-Index:[one]]"},
		{"takes another header", token{take: func(a consistency.Answer) string { return a.Header.Get("Etag") }}, "does not take what a write carries: there is none"},
		{"takes what cannot be sent", token{take: func(a consistency.Answer) string { return take(a) + "\n" }}, `does not take what a write carries: it is not used, since`},
		{"takes what is no text", token{take: func(a consistency.Answer) string { return take(a) + "\x01." }}, `does not take what a write carries: it is not used, since`},
		{"takes what is not ASCII", token{take: func(a consistency.Answer) string { return take(a) + "ü" }}, `does not take what a write carries: it is not used, since`},
		{"takes the spaces around it", token{take: func(a consistency.Answer) string { return " " + take(a) }}, `does not take what a write carries: it is not used, since`},
		{"takes too much", token{take: func(a consistency.Answer) string { return strings.Repeat(take(a), 2000) }}, `does not take what a write carries: it is not used, since`},
		{"takes half", token{take: func(a consistency.Answer) string { return take(a)[:min(1, len(take(a)))] + "x" }}, "does not take what a write carries: "},
		{"takes one for all", token{take: func(a consistency.Answer) string { return "now" }}, "does not take what a write carries: it is the same for two writes"},
		{"takes it away", token{take: func(a consistency.Answer) string {
			defer a.Header.Del(name)
			return take(a)
		}}, "does not take what a write carries: it changes the answer from"},
		{"makes one up", token{take: func(a consistency.Answer) string { return "v1:" + take(a) }}, `does not take what a write carries: it finds "v1:" in an answer without one`},
		{"needs headers", token{take: func(a consistency.Answer) string { return a.Header[name][0] }}, "does not take what a write carries: it panics"},

		{"puts nothing", token{put: func(*http.Request, string) {}}, "does not put what it took: the read is"},
		{"puts one for all", token{put: func(r *http.Request, _ string) { put(r, "now") }}, "does not put what it took: the read is"},
		{"puts only some", token{put: func(r *http.Request, token string) {
			if token != "one" {
				put(r, token)
			}
		}}, "does not put what it took: the read is"},
		{"puts it twice", token{put: func(r *http.Request, token string) { r.Header.Add(name, token) }}, "if it is put twice"},
		{"puts it at the end of the path", token{put: func(r *http.Request, token string) { r.URL.Path += "/" + token }}, "does not put what it took: it turns GET https://api.example/v1/things/7?expand=all to"},
		{"sends it elsewhere", token{put: func(r *http.Request, token string) { put(r, token); r.URL.Host = "cache.example" }}, "does not put what it took: it turns GET"},
		{"sends it in the clear", token{put: func(r *http.Request, token string) { put(r, token); r.URL.Scheme = "http" }}, "does not put what it took: it turns GET"},
		{"sends it as a user", token{put: func(r *http.Request, token string) { r.URL.User = url.User(token) }}, "does not put what it took: it turns GET"},
		{"sends it as another host", token{put: func(r *http.Request, token string) { put(r, token); r.Host = "cache.example" }}, "does not put what it took: it turns GET"},
		{"makes it a write", token{put: func(r *http.Request, token string) { put(r, token); r.Method = http.MethodPost }}, "does not put what it took: it turns GET"},
		{"replaces the query", token{put: func(r *http.Request, token string) { r.URL.RawQuery = "at=" + token }}, "does not put what it took: it loses the query expand=all"},
		{"replaces the headers", token{put: func(r *http.Request, token string) { r.Header = http.Header{name: {token}} }}, "does not put what it took: it changes the header"},
		{"replaces the credentials", token{put: func(r *http.Request, token string) { r.Header.Set("Authorization", "Token "+token) }}, "does not put what it took: it changes the header Authorization"},
		{"gives the read a body", token{put: func(r *http.Request, token string) { put(r, token); r.Body = http.NoBody }}, "does not put what it took: it gives the read a body"},
		{"only for GET", token{put: func(r *http.Request, token string) {
			if r.Method == http.MethodGet {
				put(r, token)
			}
		}}, `does not put what it took: the read is "HEAD`},

		{"never behind", token{behind: func(consistency.Answer) bool { return false }}, "does not know what is behind: 412 map[X-Retry:[yes]] is"},
		{"always behind", token{behind: func(consistency.Answer) bool { return true }}, "is not"},
		{"behind if it is not good", token{behind: func(a consistency.Answer) bool { return a.Status >= 400 }}, "does not know what is behind: 412 map[X-Retry:[no]] is not"},
		{"behind if it is like one", token{behind: func(a consistency.Answer) bool { return a.Status == 412 }}, "does not know what is behind: 412 map[X-Retry:[no]] is not"},
		{"behind without a status", token{behind: func(a consistency.Answer) bool { return a.Status == 0 || a.Header.Get("X-Retry") == "yes" }}, "does not know what is behind: 0 map[] is not"},
		{"behind, and changed", token{behind: func(a consistency.Answer) bool {
			defer a.Header.Set("Seen", "yes")
			return a.Header.Get("X-Retry") == "yes"
		}}, "does not know what is behind: it changes the answer"},

		{"keeps the token it took last", func() readbackhttp.Token {
			var last atomic.Value
			return token{
				take: func(a consistency.Answer) string {
					if k := take(a); k != "" {
						last.Store(k)
					}
					return take(a)
				},
				put: func(r *http.Request, token string) { put(r, last.Load().(string)) },
			}
		}(), "is not apart from what it saw before: a read with the same token is"},
		{"takes from reads", func() readbackhttp.Token {
			var last atomic.Value
			last.Store("")
			return token{
				behind: func(a consistency.Answer) bool {
					last.Store(take(a))
					return a.Header.Get("X-Retry") == "yes"
				},
				put: func(r *http.Request, token string) { put(r, token+last.Load().(string)) },
			}
		}(), "is not apart from what it saw before: a read with the same token is"},
		{"counts", func() readbackhttp.Token {
			var seen atomic.Int64
			return token{behind: func(a consistency.Answer) bool { return a.Header.Get("X-Retry") == "yes" && seen.Add(1)%2 == 1 }}
		}(), "is behind: false, and later true"},
		{"takes another each time", func() readbackhttp.Token {
			var seen atomic.Int64
			return token{take: func(a consistency.Answer) string {
				if take(a) == "" {
					return ""
				}
				return take(a) + strconv.FormatInt(seen.Add(1), 10)
			}}
		}(), "is not apart from what it saw before: the same answer has"},
		{"one at a time", func() readbackhttp.Token {
			var busy atomic.Bool
			return token{put: func(r *http.Request, token string) {
				if !busy.CompareAndSwap(false, true) {
					panic("two at once")
				}
				runtime.Gosched() // so that they meet
				put(r, token)
				busy.Store(false)
			}}
		}(), "is not safe for concurrent use: one flow among others panics: two at once"},
		{"a buffer for all", func() readbackhttp.Token {
			var buffer atomic.Value
			return token{take: func(a consistency.Answer) string {
				buffer.Store(take(a))
				runtime.Gosched() // so that they meet
				return buffer.Load().(string)
			}}
		}(), "is not safe for concurrent use: it takes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := under(func(t *fakeT) {
				readbacktest.TestToken(t, tt.token, readbacktest.TokenAnswers{
					Written: [2]consistency.Answer{answer(204, name, "one"), answer(204, name, "only")},
					Behind:  []consistency.Answer{answer(412, "X-Retry", "yes")},
					Reached: []consistency.Answer{answer(412, "X-Retry", "no"), answer(404), answer(200, name, "three")},
				})
			})
			assert.Contains(t, got.text(), tt.want)
			for _, said := range got.said {
				assert.True(t, strings.HasPrefix(said, "token: "), said)
			}
		})
	}
}
