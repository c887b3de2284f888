//go:build chromium

// Package browser is for tests that look at a page in a real browser.
package browser

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Open returns the context of a browser, which is closed with the test.
func Open(t *testing.T) context.Context {
	t.Helper()
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // root needs that
		chromedp.WSURLReadTimeout(5*time.Minute))...)
	t.Cleanup(cancel)
	browser, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	require.NoError(t, chromedp.Do(browser), "chromium must be installed")
	return browser
}

// Logged returns what the tab of ctx complains of from now on, once it is asked.
func Logged(t *testing.T, ctx context.Context) func() []string {
	t.Helper()
	var (
		mu     sync.Mutex
		logged []string
	)
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok {
			mu.Lock()
			defer mu.Unlock()
			logged = append(logged, e.Entry.Text)
		}
	}))
	_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	require.NoError(t, err)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return logged
	}
}

// Show opens a page in the tab of ctx, so many pixels wide and in a colour scheme.
func Show(t *testing.T, ctx context.Context, address string, wide int64, scheme string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(t, err)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(wide, 900), chromedp.Navigate(address)))
}

// Keep keeps a picture of the page, named after the subtest, with -artifacts.
func Keep(t *testing.T, ctx context.Context) {
	t.Helper()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	_, sub, _ := strings.Cut(t.Name(), "/")
	require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), strings.ReplaceAll(sub, "/", "-")+".png"), picture, 0o600))
}
