package submitui_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
	"github.com/readback-go/readback/submitui"
)

// The first page counts, and lists what is stuck and why; not what is well.
func TestOverview(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, submitui.Options[order]{})
		assert.Contains(t, get(t, h, "").Body.String(), "Nothing does.")
		everyState(t, s)
		w := get(t, h, "")
		assert.Equal(t, http.StatusOK, w.Code)
		body := w.Body.String()
		for _, want := range []string{
			"aside-1", "code of the program panicked", "unconfirmed-1", "last status 404", "queued-1", "waits to be sent",
			"1 unconfirmed, 1 failed", "<th scope=\"row\">refused</th><td>1</td>", "<th scope=\"row\">not seen in time</th><td>1</td>",
		} {
			assert.Contains(t, body, want)
		}
		noneOf(t, body, "confirmed-1</code></a><span class=\"tag confirmed", "failed-1", "queued-2")
	})
}

func TestList(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, submitui.Options[order]{})
		everyState(t, s)
		for query, want := range map[string]string{
			"show=pending":         "[queued-2 queued-1]",
			"show=aside":           "[aside-1]",
			"show=unconfirmed":     "[unconfirmed-1]",
			"show=failed":          "[failed-1]",
			"show=confirmed":       "[confirmed-1]",
			"show=all&key=queued":  "[queued-2 queued-1]",
			"show=all&key=nothing": "[]",
		} {
			assert.Equal(t, want, fmt.Sprint(listed(get(t, h, "?"+query))), query)
		}
		assert.Len(t, listed(get(t, h, "?show=all")), 6)
	})
}

var (
	listedKey = regexp.MustCompile(`<li><a href="\?job=[^"]*"><code dir="ltr">([^<]*)</code>`)
	nextLink  = regexp.MustCompile(`<a href="([^"]*)" rel="next">`)
)

func listed(w *httptest.ResponseRecorder) (keys []string) {
	for _, m := range listedKey.FindAllStringSubmatch(w.Body.String(), -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// Page after page, none is seen twice or passed over, while jobs are added,
// forgotten and cancelled in between.
func TestList_pages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, submitui.Options[order]{})
		for n := range 120 {
			enqueued(t, s, "", fmt.Sprintf("k %%&%03d", n))
			time.Sleep(time.Millisecond)
		}
		var all []string
		query := "?show=all"
		for pages := 0; query != ""; pages++ {
			require.Less(t, pages, 10)
			w := get(t, h, query)
			all = append(all, listed(w)...)
			enqueued(t, s, "", fmt.Sprint("new-", pages))
			require.NoError(t, s.Cancel(t.Context(), fmt.Sprintf("k %%&%03d", pages)))
			next := nextLink.FindStringSubmatch(w.Body.String())
			query = ""
			if next != nil {
				query = html.UnescapeString(next[1])
			}
		}
		require.Len(t, all, 120)
		for i, key := range all {
			assert.Equal(t, fmt.Sprintf("k %%&amp;%03d", 119-i), key)
		}
	})
}

// One job shows its course and its reference. What others said, and the payload,
// are hidden until the program's functions show them.
func TestJob(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		everyState(t, s)
		hidden := submitui.New(s, anyone)
		shown := submitui.New(s, submitui.Options[order]{
			Payload: func(_ *http.Request, key string, o order) string { return key + " is for " + o.Name },
			Text:    func(_ *http.Request, _, text string) string { return text },
		})
		for key, says := range map[string]string{
			"confirmed-1": "id-of-confirmed-1", "unconfirmed-1": "reads in", "failed-1": "last status 422", "aside-1": "set aside, when it was",
		} {
			body := get(t, hidden, "?job="+key).Body.String()
			assert.Contains(t, body, says)
			assert.Contains(t, body, "recorded")
			assert.Contains(t, body, "Hidden: payload")
			noneOf(t, body, "sesame", "world_test.go")
			assert.Contains(t, get(t, shown, "?job="+key).Body.String(), key+" is for sesame")
		}
		assert.Contains(t, get(t, shown, "?job=failed-1").Body.String(), "a body that quotes sesame")
		assert.Contains(t, get(t, shown, "?job=aside-1").Body.String(), "sesame in a panic")
		assert.Contains(t, get(t, shown, "?job=aside-1").Body.String(), "world_test.go")
		noneOf(t, get(t, hidden, "").Body.String()+get(t, hidden, "?show=all").Body.String(), "sesame")
	})
}

// Whatever the page says, it says it with the same headers.
func TestHeaders(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, submitui.Options[order]{})
		enqueued(t, s, "", "a")
		for _, w := range []*httptest.ResponseRecorder{
			get(t, h, ""), get(t, h, "?show=all"), get(t, h, "?job=a"), get(t, h, "?job=none"), post(t, h, ""),
			post(t, h, "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }),
		} {
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.Equal(t, "DENY", w.Header().Get("X-Frame-Options"))
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
			csp := w.Header().Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "style-src 'sha256-"} {
				assert.Contains(t, csp, want)
			}
			noneOf(t, csp, "unsafe")
			noneOf(t, w.Body.String(), "<script", "style=")
		}
	})
}

// A store that is no Journal cannot list what has ended: the page says so, and shows
// what is pending.
func TestStore_noJournal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, plainStore{submit.NewMemory()})
		h := submitui.New(s, submitui.Options[order]{})
		enqueued(t, s, "", "queued-1")
		time.Sleep(time.Hour)
		body := get(t, h, "").Body.String()
		assert.Contains(t, body, "cannot list jobs that have ended")
		assert.Contains(t, body, "queued-1")
		assert.Equal(t, http.StatusNotImplemented, get(t, h, "?show=all").Code)
	})
}

func TestStore_silent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := submitui.New(on(t, broken{submit.NewMemory()}), anyone)
		for _, w := range []*httptest.ResponseRecorder{get(t, h, "?job=a"), post(t, h, form("a", submitui.Forget, "1").Encode())} {
			assert.Equal(t, http.StatusInternalServerError, w.Code)
			assert.Contains(t, w.Body.String(), "The store did not answer")
			noneOf(t, w.Body.String(), "sesame")
		}
	})
}

// A malformed or forged address shows nothing, whatever the path is.
func TestAddress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, submitui.Options[order]{})
		enqueued(t, s, "", "a")
		for query, want := range map[string]int{
			"?job=none": 404, "?job=": 400, "?job=%00": 400, "?job=%ff": 400, "?job=%E2%80%AE": 400, "?job=%zz": 400,
			"?job=a&job=b": 400, "?show=none": 404, "?show=": 404, "?show=all&after=x": 400, "?show=all&after=1%20../..": 200,
			"?job=" + strings.Repeat("a", 10000): 400, "?job=../../a": 404, "?show=all&key=%00": 200,
			"/../../etc/passwd?job=a": 200, "/%2e%2e/?": 200, "//evil.example/?job=a": 200,
		} {
			w := get(t, h, query)
			assert.Equal(t, want, w.Code, query)
			noneOf(t, w.Body.String(), "evil.example", "passwd")
		}
	})
}

// Spaces that a browser would leave out are seen: a key of nothing else has a link, and no two keys
// look the same.
func TestPage_spaces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, submitui.Options[order]{})
		for key, want := range map[string]string{" ": "␣", "a b": "a b", " a b": "␣a b", "a b ": "a b␣", "a  b": "a␣␣b"} {
			enqueued(t, s, "", key)
			for _, query := range []string{"?job=" + url.QueryEscape(key), "?show=all"} {
				assert.Contains(t, get(t, h, query).Body.String(), `<code dir="ltr">`+want+`</code>`, query)
			}
		}
	})
}

// Keys and what others said are text, and nothing but that.
func TestHostile(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		nasty := "<script>alert(1)</script>\x00\x1b[2J\u202Egnp.exe\u2066\xff\xfe" + "a" + strings.Repeat("\u0301", 50) + strings.Repeat("x", 1<<20)
		h := submitui.New(s, submitui.Options[order]{
			Authorize: anyone.Authorize,
			Payload:   func(*http.Request, string, order) string { return nasty },
			Text:      func(*http.Request, string, string) string { return nasty },
		})
		keys := []string{
			`"><script>alert(1)</script>`, `' onmouseover='x`, "../../../etc/passwd", "%2e%2e%2f", "100%", "a&action=forget&job=b", "?job=x#y",
			"javascript:alert(1)", "{{.}}", strings.Repeat("k", 200),
		}
		enqueued(t, s, "refused", keys...)
		worked(t, s)
		all := get(t, h, "?show=all").Body.String()
		noneOf(t, all, "<script", `href="javascript`, "onmouseover='")
		for _, key := range keys {
			w := get(t, h, "?job="+url.QueryEscape(key))
			assert.Equal(t, http.StatusOK, w.Code, key)
			body := w.Body.String()
			assert.Less(t, len(body), 60_000, key)
			noneOf(t, body, "<script", "\u202E", "\u2066", "\x00", "\x1b", "\xff", "\u0301\u0301")
			assert.Contains(t, body, `\u202e`)
			assert.Contains(t, body, "bytes more")
			assert.Contains(t, html.UnescapeString(all), `href="?job=`+url.QueryEscape(key)+`"`, key)

			w = post(t, h, form(key, submitui.Forget, revision(t, h, key)).Encode())
			assert.Equal(t, http.StatusSeeOther, w.Code, key)
			assert.Equal(t, "?job="+url.QueryEscape(key), w.Header().Get("Location"))
			job, err := s.Job(t.Context(), key)
			require.NoError(t, err)
			assert.True(t, job.Forgotten, key)
		}
	})
}
