package submitui_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
	"github.com/readback-go/readback/submitui"
)

// Each action is done, and leads to the job as it stands.
func TestActions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, anyone)
		everyState(t, s)
		for key, action := range map[string]submitui.Action{
			"queued-1": submitui.Cancel, "aside-1": submitui.Retry, "confirmed-1": submitui.Forget,
		} {
			w := post(t, h, form(key, action, revision(t, h, key)).Encode())
			assert.Equal(t, http.StatusSeeOther, w.Code, key)
			assert.Equal(t, "?job="+key, w.Header().Get("Location"))
		}
		job, err := s.Job(t.Context(), "queued-1")
		require.NoError(t, err)
		assert.ErrorIs(t, job.Err, submit.ErrCancelled)
		assert.Contains(t, get(t, h, "?job=queued-1").Body.String(), "cancelled before it was sent")
		assert.NotEqual(t, submit.SetAside, state(t, s, "aside-1"))
		job, err = s.Job(t.Context(), "confirmed-1")
		require.NoError(t, err)
		assert.True(t, job.Forgotten)
		assert.Equal(t, consistency.Confirmed, job.Outcome)
		assert.Contains(t, get(t, h, "?job=confirmed-1").Body.String(), "forgotten by an operator")
	})
}

// A job is offered what its state allows, and the caller's authorizer.
func TestActions_offered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		everyState(t, s)
		h := submitui.New(s, anyone)
		for key, want := range map[string]string{
			"queued-1": "cancel", "aside-1": "cancel retry", "unconfirmed-1": "retry forget", "failed-1": "forget", "confirmed-1": "forget",
		} {
			body := get(t, h, "?job="+key).Body.String()
			var got []string
			for _, a := range []string{"cancel", "retry", "forget"} {
				if strings.Contains(body, `<button name="action" value="`+a+`">`) {
					got = append(got, a)
				}
			}
			assert.Equal(t, want, strings.Join(got, " "), key)
		}
		noneOf(t, get(t, submitui.New(s, submitui.Options[order]{}), "?job=aside-1").Body.String(), "<button", "<form")
	})
}

// The authorizer is asked for each action and each job, again when it is done;
// without one, nothing is.
func TestActions_unauthorized(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		enqueued(t, s, "", "mine", "theirs")
		rev := revision(t, submitui.New(s, anyone), "theirs")
		mine := submitui.New(s, submitui.Options[order]{Authorize: func(r *http.Request, action submitui.Action, key string) bool {
			return key == "mine" && action == submitui.Cancel && r.Header.Get("X-User") == "alice"
		}})
		alice := func(r *http.Request) { r.Header.Set("X-User", "alice") }
		w := post(t, mine, form("theirs", submitui.Cancel, rev).Encode(), alice)
		assert.Equal(t, http.StatusForbidden, w.Code)
		rev = revision(t, submitui.New(s, anyone), "mine")
		assert.Equal(t, http.StatusForbidden, post(t, mine, form("mine", submitui.Forget, rev).Encode(), alice).Code)
		assert.Equal(t, http.StatusForbidden, post(t, mine, form("mine", submitui.Cancel, rev).Encode()).Code)
		nobody := submitui.New(s, submitui.Options[order]{})
		assert.Equal(t, http.StatusForbidden, post(t, nobody, form("mine", submitui.Cancel, rev).Encode(), alice).Code)
		assert.Equal(t, submit.Queued, state(t, s, "mine"))
		assert.Equal(t, submit.Queued, state(t, s, "theirs"))
		assert.Equal(t, http.StatusForbidden, post(t, mine, form("none", submitui.Cancel, rev).Encode(), alice).Code,
			"whether there is such a job is not told")
		assert.Equal(t, http.StatusSeeOther, post(t, mine, form("mine", submitui.Cancel, rev).Encode(), alice).Code)
	})
}

// A form that another origin sends does nothing, nor does what is not this form.
func TestActions_forged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, anyone)
		enqueued(t, s, "", "a", "b")
		rev := revision(t, h, "a")
		good := form("a", submitui.Cancel, rev).Encode()
		header := func(name, value string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set(name, value) }
		}
		old := func(origin string) func(*http.Request) { // a browser without Sec-Fetch-Site
			return func(r *http.Request) {
				r.Header.Del("Sec-Fetch-Site")
				r.Header.Set("Origin", origin)
			}
		}
		for _, tt := range []struct {
			name   string
			body   string
			want   int
			change []func(*http.Request)
		}{
			{"cross-site", good, 403, []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}},
			{"same-site", good, 403, []func(*http.Request){header("Sec-Fetch-Site", "same-site")}},
			{"another origin", good, 403, []func(*http.Request){old("https://evil.example")}},
			{"a null origin", good, 403, []func(*http.Request){old("null")}},
			{"as text", good, 415, []func(*http.Request){header("Content-Type", "text/plain")}},
			{"as JSON", `{"job":"a"}`, 415, []func(*http.Request){header("Content-Type", "application/json")}},
			{"multipart", good, 415, []func(*http.Request){header("Content-Type", "multipart/form-data; boundary=x")}},
			{"no type", good, 415, []func(*http.Request){func(r *http.Request) { r.Header.Del("Content-Type") }}},
			{"PUT", good, 405, []func(*http.Request){func(r *http.Request) { r.Method = "PUT" }}},
			{"DELETE", good, 405, []func(*http.Request){func(r *http.Request) { r.Method = "DELETE" }}},
			{"GET", good, 200, []func(*http.Request){func(r *http.Request) { r.Method = "GET"; r.URL.RawQuery = good }}},
			{"GET overridden", good, 200, []func(*http.Request){func(r *http.Request) {
				r.Method = "GET"
				r.Header.Set("X-HTTP-Method-Override", "POST")
			}}},
			{"in the query", "", 400, []func(*http.Request){func(r *http.Request) { r.URL.RawQuery = good }}},
			{"two jobs", good + "&job=b", 400, nil},
			{"two actions", good + "&action=forget", 400, nil},
			{"two revisions", good + "&revision=1", 400, nil},
			{"no revision", "job=a&action=cancel", 400, nil},
			{"revision of all", "job=a&action=cancel&revision=*", 400, nil},
			{"a negative revision", "job=a&action=cancel&revision=-1", 400, nil},
			{"revision nought", "job=a&action=cancel&revision=0", 409, nil},
			{"a later revision", "job=a&action=cancel&revision=18446744073709551615", 409, nil},
			{"another action", form("a", "Cancel", rev).Encode(), 400, nil},
			{"a method's name", form("a", "Submit", rev).Encode(), 400, nil},
			{"no action", form("a", "", rev).Encode(), 400, nil},
			{"no such job", form("c", submitui.Cancel, rev).Encode(), 404, nil},
			{"no key", form("", submitui.Cancel, rev).Encode(), 400, nil},
			{"a wrong state", form("a", submitui.Forget, rev).Encode(), 409, nil},
			{"malformed", good + "&x=%zz", 400, nil},
			{"huge", good + "&x=" + strings.Repeat("x", 1<<20), 400, nil},
		} {
			w := post(t, h, tt.body, tt.change...)
			assert.Equal(t, tt.want, w.Code, tt.name)
			assert.Equal(t, submit.Queued, state(t, s, "a"), tt.name)
			assert.Equal(t, submit.Queued, state(t, s, "b"), tt.name)
			assert.Empty(t, w.Header().Get("Location"), tt.name)
		}
		assert.Equal(t, http.StatusSeeOther, post(t, h, good, func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "http://ops.example")
		}).Code, "the page itself, in an old browser")
	})
}

// What has changed since it was shown is left alone: so it is for a second click.
func TestActions_changedSince(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		h := submitui.New(s, anyone)
		enqueued(t, s, "", "a")
		rev := revision(t, h, "a")
		worked(t, s)
		w := post(t, h, form("a", submitui.Cancel, rev).Encode())
		assert.Equal(t, http.StatusConflict, w.Code)
		assert.Contains(t, w.Body.String(), "has changed since")
		assert.Contains(t, w.Body.String(), `href="?job=a"`)

		twice := form("a", submitui.Forget, revision(t, h, "a")).Encode()
		assert.Equal(t, http.StatusSeeOther, post(t, h, twice).Code)
		assert.Equal(t, http.StatusConflict, post(t, h, twice).Code)
		assert.Equal(t, submit.Ended, state(t, s, "a"))
	})
}

// ref is a reference that cannot be encoded while it names nothing.
type ref struct{ id *string }

func (r ref) MarshalJSON() ([]byte, error) { return json.Marshal(*r.id) }

func (r *ref) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &r.id) }

// A reference that the program panics over as it encodes it is left out.
func TestPage_referencePanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, err := submit.New(submit.Options[order, ref, string]{Store: submit.NewMemory(), Flow: func(string, order) consistency.Flow[ref, string] {
			return consistency.Create("create", func(context.Context) (r ref, _ error) { return r, nil },
				func(context.Context, ref) (string, error) { return "there", nil })
		}})
		require.NoError(t, err)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{}))
		assert.Equal(t, http.StatusOK, get(t, submitui.New(s, anyone), "?job=a").Code)
	})
}

// A function of the program that panics shows nothing and allows nothing, and leaves the rest of the
// page to be seen.
func TestPage_hooksPanic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := on(t, submit.NewMemory())
		everyState(t, s)
		rev := revision(t, submitui.New(s, anyone), "aside-1")
		h := submitui.New(s, submitui.Options[order]{
			Authorize: func(*http.Request, submitui.Action, string) bool { panic("a bug") },
			Payload:   func(*http.Request, string, order) string { panic("a bug") },
			Text:      func(*http.Request, string, string) string { panic("a bug") },
		})
		w := get(t, h, "?job=aside-1")
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Contains(t, w.Body.String(), "code of the program panicked")
		noneOf(t, w.Body.String(), "<button", "sesame", "a bug")
		assert.Equal(t, http.StatusForbidden, post(t, h, form("aside-1", submitui.Retry, rev).Encode()).Code)
		assert.Equal(t, submit.SetAside, state(t, s, "aside-1"))
	})
}
