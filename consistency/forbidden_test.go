package consistency_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
)

// The body of a plain response tells a missing role from lag, as that of an
// error does.
func TestDo_responseWithMissingRole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body  string
		wantElapsed time.Duration
	}{
		{"a role is missing", `{"code":403,"message":"Forbidden"}`, 0},
		{"not a member yet", `{"status":403,"message":"Forbidden"}`, 10 * time.Second},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			f := consistency.Create("create", func(context.Context) (string, error) { return "id", nil },
				func(context.Context, string) (*http.Response, error) {
					return &http.Response{StatusCode: 403, Body: io.NopCloser(strings.NewReader(tt.body))}, nil
				})
			res, err := consistency.Do(t.Context(), consistency.Policy{}, f)
			assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
			assert.Equal(t, tt.wantElapsed, res.Elapsed)
		})
	}
}

// A list that was answered ends a run of 403s, also if the read of what it showed
// says nothing: the window of the run no longer ends the flow.
func TestFind_endsTheRunOf403s(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f := consistency.Create("create", func(context.Context) (string, error) { return "", consistency.Status(errors.New("no"), 503) },
			func(context.Context, string) (string, error) {
				if time.Since(began) < 15*time.Second {
					return "", consistency.Status(errors.New("no"), 503)
				}
				return "mine", nil
			})
		f.Find = func(context.Context) ([]string, error) {
			if time.Since(began) < 5*time.Second {
				return nil, consistency.Status(errors.New("no"), 403)
			}
			return []string{"mine"}, nil
		}
		f.Mine = func(string) bool { return true }
		refreshed := 0
		p := consistency.Policy{Schedule: everySecond, OnForbidden: func(context.Context) { refreshed++ }}

		res, err := consistency.Do(t.Context(), p, f)

		assert.NoError(t, err)
		assert.Equal(t, 15*time.Second, res.Elapsed)
		assert.Equal(t, 2, refreshed)
	})
}

// The errors in histories and events can be printed.
func TestDo_errorsInHistoriesHideSecrets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := &url.Error{Op: "Get", URL: "https://h/x?api_key=hunter2", Err: io.ErrUnexpectedEOF}
		var seen []error
		f := consistency.Create("create", func(context.Context) (string, error) { return "id", refused },
			func(context.Context, string) (string, error) { return "", refused })
		f.Find = func(context.Context) ([]string, error) { return nil, refused }
		p := consistency.Policy{Within: time.Second, Observer: func(e consistency.Event) { seen = append(seen, e.Err) }}

		res, err := consistency.Do(t.Context(), p, f)

		for read := range res.History.All() {
			seen = append(seen, read.Err)
		}
		assert.Greater(t, len(seen), 4)
		for _, e := range append(seen, err) {
			assert.NotContains(t, e.Error(), "hunter2")
			assert.ErrorIs(t, e, io.ErrUnexpectedEOF)
		}
	})
}
