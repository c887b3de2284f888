//go:build chromium

package report_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/browser"
	"github.com/readback-go/readback/cmd/readback/internal/report"
)

// The page is opened in a real browser, on a phone and on a desk, in light and
// in dark. It asks for nothing, complains of nothing, and all of it can be read.
// The screenshots are kept with -artifacts.
func TestPage_chromium(t *testing.T) {
	chromium := browser.Open(t)
	pages := map[string]func() (run, before *report.Run){
		"steady":   func() (run, before *report.Run) { return steady.measured(), nil },
		"signed":   func() (run, before *report.Run) { return signed(), nil },
		"flips":    func() (run, before *report.Run) { return flippy.measured(), steady.measured() },
		"tail":     func() (run, before *report.Run) { return tailed.measured(), nil },
		"hostile":  func() (run, before *report.Run) { return hostile(), nil },
		"nothing":  func() (run, before *report.Run) { return nothing(), nil },
		"censored": func() (run, before *report.Run) { return censored(), nil },
	}
	t.Run("print", func(t *testing.T) { lookPrinted(t, chromium) })
	for name, make := range pages {
		file := filepath.Join(t.TempDir(), name+".html")
		var b strings.Builder
		run, before := make()
		require.NoError(t, run.Page(&b, before))
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
		for _, wide := range []int64{360, 1200} {
			for _, scheme := range []string{"light", "dark"} {
				t.Run(fmt.Sprintf("%s/%d/%s", name, wide, scheme), func(t *testing.T) {
					look(t, chromium, file, wide, scheme, len(run.Summary().Overshoot) > 0)
				})
			}
		}
	}
}

// signed is a measurement with objectives, and all that it rests on.
func signed() *report.Run {
	many := steady
	many.flows = 400
	r := many.measured()
	r.SLO = []string{"p50<1s", "p90<600ms", "p99<900ms", "p99.9<10s"}
	r.Parallel, r.Place, r.Readback = 1, "a-rather-long-name-of-a-place.eu-central.example", report.VersionText("v0.1.0")
	r.Command = "readback measure -X POST https://api.example/v1/workspaces -H 'Authorization: ...' --then GET '{location}' --count 400"
	return r
}

// On paper the page is light, whoever prints it, and what is folded is unfolded.
func lookPrinted(t *testing.T, chromium context.Context) {
	ctx, cancel := chromedp.NewContext(chromium)
	defer cancel()
	file := filepath.Join(t.TempDir(), "signed.html")
	var b strings.Builder
	require.NoError(t, signed().Page(&b, nil))
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(720, 900), chromedp.Navigate((&url.URL{Scheme: "file", Path: file}).String())))
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	require.NoError(t, err)
	type printed struct {
		Ink, Card string
		Unfolded  bool
		Cut       int
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[printed](`(() => ({
  Ink: getComputedStyle(document.body).color,
  Card: getComputedStyle(document.querySelector("section")).backgroundColor,
  Unfolded: document.querySelector("details table").checkVisibility({contentVisibilityAuto: true}),
  Cut: [...document.querySelectorAll(".scroll, pre")].filter(s => s.scrollWidth > s.clientWidth + 1).length,
}))()`))
	require.NoError(t, err)
	assert.Equal(t, printed{Ink: "rgb(28, 33, 38)", Card: "rgb(255, 255, 255)", Unfolded: true}, got)
	browser.Keep(t, ctx)
}

// seen is what a browser tells of a page.
type seen struct {
	Figures  int      // drawings that are shown
	Named    int      // of these, those with a title and a description
	Empty    int      // of these, those without a text
	Tables   int      // on the page, folded ones included
	Scripts  int      // on the page
	Wide     float64  // of all that is on it
	Smallest float64  // height of a letter in a drawing, in pixels of the screen
	Ground   string   // colour
	Ink      string   // colour
	Strange  []string // texts that are cut off
	Cut      []string // tables that must be moved sideways
}

const lookScript = `(() => {
  const shown = [...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().width > 0);
  const texts = shown.flatMap(s => [...s.querySelectorAll("text")]);
  const scale = s => s.getBoundingClientRect().width / s.viewBox.baseVal.width;
  const style = getComputedStyle(document.body);
  const edge = document.documentElement.clientWidth;
  return {
    Figures: shown.length,
    Named: shown.filter(s => s.getAttribute("role") == "img" && s.getAttribute("aria-labelledby").split(" ").every(id => document.getElementById(id).textContent.length > 5)).length,
    Empty: shown.filter(s => !s.querySelector("text")).length,
    Tables: document.querySelectorAll("table").length,
    Scripts: document.querySelectorAll("script").length,
    Wide: document.documentElement.scrollWidth,
    Smallest: Math.min(99, ...texts.map(t => parseFloat(getComputedStyle(t).fontSize) * scale(t.ownerSVGElement))),
    Ground: style.backgroundColor,
    Ink: style.color,
    // A text that leaves its drawing is cut off.
    Strange: texts.filter(t => { const a = t.getBoundingClientRect(), b = t.ownerSVGElement.getBoundingClientRect();
      return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1 || a.right > edge }).map(t => t.textContent),
    Cut: [...document.querySelectorAll(".scroll")].filter(s => s.scrollWidth > s.clientWidth + 1).map(s => s.textContent.slice(0, 60)),
  };
})()`

func look(t *testing.T, chromium context.Context, file string, wide int64, scheme string, figures bool) {
	ctx, cancel := chromedp.NewContext(chromium)
	defer cancel()
	ctx, end := context.WithTimeout(ctx, 5*time.Minute)
	defer end()

	var (
		mu       sync.Mutex
		requests []string
	)
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			defer mu.Unlock()
			requests = append(requests, e.Request.URL)
		}
	}))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	logged := browser.Logged(t, ctx)
	console, stop := context.WithCancel(ctx)
	messages := chromedp.Console(console)
	page := (&url.URL{Scheme: "file", Path: file}).String()
	browser.Show(t, ctx, page, wide, scheme)
	got, err := chromedp.Run(ctx, chromedp.Evaluate[seen](lookScript))
	require.NoError(t, err)
	browser.Keep(t, ctx)
	stop()

	for m, err := range messages {
		if err != nil {
			break
		}
		assert.Fail(t, "the console says "+m.String())
	}
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, []string{page}, withoutData(requests), "what the page asked for")
	assert.Empty(t, logged())
	want := 0
	if figures {
		want = 4
	}
	assert.Equal(t, want, got.Figures)
	assert.Equal(t, got.Figures, got.Named)
	assert.Zero(t, got.Empty)
	assert.GreaterOrEqual(t, got.Tables, got.Figures, "a table for each figure")
	assert.Zero(t, got.Scripts)
	assert.LessOrEqual(t, got.Wide, float64(wide), "the page can be moved sideways")
	assert.GreaterOrEqual(t, got.Smallest, 10.0, "text is too small")
	assert.Empty(t, got.Strange, "text outside of its drawing")
	assert.Empty(t, got.Cut, "tables that are too wide")
	if scheme == "dark" {
		assert.Equal(t, []string{"rgb(20, 23, 26)", "rgb(230, 233, 236)"}, []string{got.Ground, got.Ink})
	} else {
		assert.Equal(t, []string{"rgb(251, 251, 250)", "rgb(28, 33, 38)"}, []string{got.Ground, got.Ink})
	}
}

// withoutData leaves out what a page has in itself.
func withoutData(requests []string) (others []string) {
	for _, r := range requests {
		if !strings.HasPrefix(r, "data:") {
			others = append(others, r)
		}
	}
	return others
}
