package report_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/report"
)

func page(t *testing.T, r, before *report.Run) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, r.Page(&b, before))
	return b.String()
}

func TestPage_isTheSame(t *testing.T) {
	t.Parallel()
	first, again := page(t, flippy.measured(), steady.measured()), page(t, flippy.measured(), steady.measured())
	assert.True(t, first == again)
}

var (
	drawings = regexp.MustCompile(`(?s)<svg .*?</svg>`)
	links    = regexp.MustCompile(`(?i)\s(src|href|xlink:href|action|srcset|data)\s*=\s*["']?([^"'\s>]*)|url\([^)]*\)|@import`)
	events   = regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`)
)

// A page asks nobody for anything, whoever wrote into the data.
func TestPage_selfContained(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Run{"flips": flippy.measured(), "hostile": hostile(), "nothing": nothing()} {
		got := page(t, r, r)
		assert.NotContains(t, strings.ToLower(got), "<script", name)
		assert.NotContains(t, strings.ToLower(got), "<img", name)
		assert.Empty(t, events.FindAllString(got, -1), name)
		for _, link := range links.FindAllStringSubmatch(got, -1) {
			assert.Contains(t, []string{"data:,", "x"}, link[2], name) // x stands in the hostile text, escaped
		}
	}
	assert.Contains(t, page(t, hostile(), nil), "&lt;script&gt;", "what the server said is shown as it said it")
}

// Each drawing is there for both widths, is XML, has a name and a description,
// and takes its colours from the page, so that they follow its dark mode.
func TestPage_drawings(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Run{"flips": flippy.measured(), "tail": tailed.measured(), "hostile": hostile(), "censored": censored()} {
		found := drawings.FindAllString(page(t, r, nil), -1)
		require.Len(t, found, 8, name)
		for i, svg := range found {
			assert.Contains(t, svg, []string{`class="narrow"`, `class="wide"`}[i%2])
			assert.Contains(t, svg, `role="img"`)
			assert.Regexp(t, `<title id="[a-z-]+">[^<]+</title><desc id="[a-z-]+">[^<]+</desc>`, svg)
			assert.Contains(t, svg, "var(--")
			assert.NotRegexp(t, `#[0-9A-Fa-f]{6}`, svg, "a colour that the page did not choose")
			assert.NotContains(t, svg, "font-family")
			d := xml.NewDecoder(strings.NewReader(svg))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else {
					require.NoError(t, err)
				}
			}
		}
	}
}

// A page of thousands of flows is one that can be sent by mail.
func TestPage_large(t *testing.T) {
	t.Parallel()
	many := steady
	many.flows = 3000
	got := page(t, many.measured(), nil)
	assert.Less(t, len(got), 400<<10)
}

// All inks have a colour in light and in dark.
func TestPage_colours(t *testing.T) {
	t.Parallel()
	got := page(t, flippy.measured(), nil)
	for _, use := range regexp.MustCompile(`var\(--([a-z]+)\)`).FindAllStringSubmatch(got, -1) {
		assert.Equal(t, 2, strings.Count(got, "--"+use[1]+": #"), use[1])
	}
}

// What the measurement rests on is on the page, and what its quantiles rest on.
func TestPage_settings(t *testing.T) {
	t.Parallel()
	r := steady.measured()
	r.Parallel, r.Pause, r.Place, r.Readback, r.Command = 4, new(500*ms), "a place", "readback v1", "readback measure 'x y'"
	r.SLO = []string{"p50<2s", "p99<2s"}
	got := page(t, r, nil)
	for _, words := range []string{
		"60 asked for, 60 measured, 4 at a time", "30s from the write&#39;s answer on", "never two within 20ms; shown for 1s",
		"a random time up to 500ms", "2026-03-14 09:26:53, ", "a place", "readback v1", "readback measure &#39;x y&#39;",
		"p50&lt;2s", `class="wrap met">met`, "cannot be told: an upper end takes 299 flows",
		"60 flows cannot bound p99 from above: it takes 299.", "none of these is more than chance",
	} {
		assert.Contains(t, got, words)
	}
	r.Pause = nil
	assert.Contains(t, page(t, r, nil), "a random time, spread over the lags seen")
}

func TestPage_tells(t *testing.T) {
	t.Parallel()
	got := page(t, small(), steady.measured())
	for _, words := range []string{
		"5 flows of 8, then interrupted: 3 confirmed, 1 unconfirmed, 1 failed, 1 not cleaned up.",
		"POST https://api.example/v1/workspaces", "GET {location}", "1 flip in 1 flow",
		"404 not found", "403 forbidden", "too few flows", "over 200 ms",
		"404, 200, 404, 200 ×2", "404 ×3", "recommended backoff", "answered 409 Conflict",
		"Not cleaned up: DELETE https://api.example/v1/workspaces/3: 409 Conflict",
		"Compared with 60 flows of 2026-03-14 09:26:53 UTC",
		"policy := consistency.Policy{", "readback run --within",
	} {
		assert.Contains(t, got, words)
	}
}
