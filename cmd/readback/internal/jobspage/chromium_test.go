//go:build chromium

// Package jobspage looks at the page of package submitui in a real browser.
package jobspage

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/browser"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
	"github.com/readback-go/readback/submitui"
)

type order struct{ Name, Does string }

type status int

func (s status) Error() string   { return fmt.Sprint("no seat is free, status ", int(s)) }
func (s status) StatusCode() int { return int(s) }

const hostile = `"><script>alert(1)</script>../%2e%2e/&job=x#y`

// served returns the address of a page with jobs of every kind.
func served(t *testing.T) string {
	jobs, err := submit.New(submit.Options[order, string, string]{
		Store: submit.NewMemory(), Policy: consistency.Policy{Within: 500 * time.Millisecond},
		Flow: func(key string, o order) consistency.Flow[string, string] {
			return consistency.Create("create order",
				func(context.Context) (string, error) {
					switch o.Does {
					case "panic":
						panic("no such seat: 14F")
					case "refused":
						return "", status(422)
					}
					return "seat-" + key, nil
				},
				func(context.Context, string) (string, error) {
					if o.Does == "unseen" {
						return "", status(404)
					}
					return "there", nil
				})
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { jobs.Run(ctx) })
	for key, does := range map[string]string{
		"order-0017": "", "order-0018": "unseen", "order-0019": "unseen", "order-0020": "refused", "order-0021": "panic",
		hostile: "panic", "order-0022-" + strings.Repeat("k", 180): "unseen",
	} {
		require.NoError(t, jobs.Enqueue(ctx, key, order{"Zoë", does}))
	}
	for _, err := range jobs.Wait(ctx, "order-0017", "order-0018", "order-0019", "order-0020") {
		_ = err // ended, in whatever way
	}
	require.Eventually(t, func() bool {
		p := jobs.Progress()
		return p.Queued+p.Sending+p.Reading+p.Recording == 0
	}, time.Minute, 10*time.Millisecond)
	cancel()
	running.Wait()
	require.NoError(t, jobs.Enqueue(t.Context(), "order-0023", order{"Zoë", ""}))
	mux := http.NewServeMux()
	mux.Handle("/admin/jobs", submitui.New(jobs, submitui.Options[order]{
		Authorize: func(*http.Request, submitui.Action, string) bool { return true },
		Payload:   func(_ *http.Request, _ string, o order) string { return "for " + o.Name },
		Text:      func(_ *http.Request, _, text string) string { return text },
		Late:      time.Nanosecond,
	}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/admin/jobs"
}

type seen struct {
	Wide    float64
	Ground  string
	Scripts int
	Cut     []string // what leaves the page at its side
	Low     int      // buttons too low for a finger
}

const lookScript = `(() => ({
  Wide: document.documentElement.scrollWidth,
  Ground: getComputedStyle(document.body).backgroundColor,
  Scripts: document.scripts.length,
  Cut: [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.tagName),
  Low: [...document.querySelectorAll("button")].filter(b => b.getBoundingClientRect().height < 40).length,
}))()`

// The page in a real browser, on a phone and on a desk, in light and in dark: its
// style passes its own policy, all of it can be read, and nothing complains. Then a
// job is cancelled by its button, and a form of another origin does nothing.
func TestPage_chromium(t *testing.T) {
	chromium := browser.Open(t)
	page := served(t)
	for name, query := range map[string]string{
		"overview": "", "list": "?show=all", "none": "?show=all&key=zz", "aside": "?job=order-0021", "unconfirmed": "?job=order-0018",
		"hostile": "?job=" + url.QueryEscape(hostile),
	} {
		for _, wide := range []int64{390, 1200} {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%s/%d/%s", name, wide, scheme), func(t *testing.T) { look(t, chromium, page+query, wide, scheme) })
			}
		}
	}
	t.Run("acts", func(t *testing.T) { act(t, chromium, page) })
}

func look(t *testing.T, chromium context.Context, address string, wide int64, scheme string) {
	ctx, cancel := chromedp.NewContext(chromium)
	defer cancel()
	ctx, end := context.WithTimeout(ctx, 2*time.Minute)
	defer end()
	logged := browser.Logged(t, ctx)
	browser.Show(t, ctx, address, wide, scheme)
	got, err := chromedp.Run(ctx, chromedp.Evaluate[seen](lookScript))
	require.NoError(t, err)
	browser.Keep(t, ctx)
	assert.Empty(t, logged())
	assert.LessOrEqual(t, got.Wide, float64(wide), "the page can be moved sideways")
	assert.Empty(t, got.Cut)
	assert.Zero(t, got.Scripts)
	assert.Zero(t, got.Low)
	assert.Equal(t, map[string]string{"light": "rgb(251, 251, 250)", "dark": "rgb(20, 23, 26)"}[scheme], got.Ground)
}

func act(t *testing.T, chromium context.Context, page string) {
	ctx, cancel := chromedp.NewContext(chromium)
	defer cancel()
	ctx, end := context.WithTimeout(ctx, 2*time.Minute)
	defer end()
	job := page + "?job=order-0023"
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(job)))
	revision, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("[name=revision]").value`))
	require.NoError(t, err)

	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method=post action="%s"><input name=job value=order-0023><input name=revision value="%s">`+
			`<button name=action value=cancel>win</button></form><iframe src="%s"></iframe>`, page, revision, page)
	}))
	defer evil.Close()
	elsewhere := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(elsewhere), chromedp.Click("button")))
	reads(t, ctx, "another origin")
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(job)))
	reads(t, ctx, "waits to be sent")
	require.NoError(t, chromedp.Do(ctx, chromedp.Click("button[value=cancel]")))
	reads(t, ctx, "cancelled before it was sent")
	at, err := chromedp.Run(ctx, chromedp.Location())
	require.NoError(t, err)
	assert.Equal(t, job, at)
}

// reads waits until the page has a text, through any navigation.
func reads(t *testing.T, ctx context.Context, text string) {
	t.Helper()
	said := ""
	for ctx.Err() == nil {
		if now, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText")); err == nil {
			said = now
		}
		if strings.Contains(said, text) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.Contains(t, said, text)
}
