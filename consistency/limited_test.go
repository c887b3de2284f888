package consistency_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Case D4: a 403 of a rate limit is a 429, and not about permission.
func TestRead_limited403(t *testing.T) {
	t.Parallel()
	epoch := func(after time.Duration) string { return strconv.FormatInt(time.Now().Add(after).Unix(), 10) }
	tests := []struct {
		name   string
		header func() []string
		body   string
		want   shown
		wantAt time.Duration // of the second read
	}{
		{"Retry-After", func() []string { return []string{"Retry-After", "60"} }, "", down, time.Minute},
		{"Retry-After of zero", func() []string { return []string{"Retry-After", "0"} }, "", down, time.Second},
		{"GitHub's", func() []string {
			return []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", epoch(time.Minute)}
		}, "", down, time.Minute},
		{"the draft's three", func() []string { return []string{"RateLimit-Remaining", "0", "RateLimit-Reset", "60"} }, "", down, time.Minute},
		{"the draft's one", func() []string { return []string{"RateLimit", `"default";r=0;t=60`} }, "", down, time.Minute},
		{"the older draft's one", func() []string { return []string{"RateLimit", "limit=100, remaining=0, reset=60"} }, "", down, time.Minute},
		{"not used up", func() []string {
			return []string{"X-RateLimit-Remaining", "7", "X-RateLimit-Reset", epoch(time.Minute)}
		}, "", forbidden, time.Second},
		{"a missing role", func() []string { return []string{"Retry-After", "60"} }, roleMissing, shown{poll.Stop, "role missing"}, -1},
		{"Google's, in the body alone", func() []string { return nil },
			`{"error":{"code":403,"message":"Quota exceeded","errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded"}]}}`, down, time.Second},
		{"GitHub's second one, in the body alone", func() []string { return nil }, `{"message":"You have exceeded a secondary rate limit."}`, down, time.Second},
		{"a code in the body alone", func() []string { return nil }, `{"code":"RATE_LIMIT_EXCEEDED"}`, down, time.Second},
		{"throttled, in the body alone", func() []string { return nil }, `<Error><Code>ThrottlingException</Code></Error>`, down, time.Second},
		{"a denial in words", func() []string { return nil }, `{"message":"the corporate limits of your role"}`, forbidden, time.Second},
		{"nothing of the kind", func() []string { return nil }, "", forbidden, time.Second},
	}
	for _, tt := range tests {
		for _, watching := range []bool{false, true} {
			bubble(t, fmt.Sprint(tt.name, ", watched: ", watching), func(t *testing.T) {
				var at []time.Duration
				var answered time.Time
				site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if r.Method != http.MethodGet {
						w.Header().Set("Location", "/items/1")
						w.WriteHeader(201)
						answered = time.Now()
						return
					}
					if at = append(at, time.Since(answered)); len(at) > 1 {
						_, _ = io.WriteString(w, `{"id":1}`)
						return
					}
					fields := tt.header()
					for i := 0; i < len(fields); i += 2 {
						w.Header().Set(fields[i], fields[i+1])
					}
					w.WriteHeader(403)
					_, _ = io.WriteString(w, tt.body)
				})
				var s service
				p := s.policy()
				p.Within = 3 * time.Minute
				var err error
				if watching {
					_, err = consistency.Do(t.Context(), p, opaquely(site.watch()))
				} else {
					_, err = consistency.Do(t.Context(), p, site.responses())
				}
				verdict, reason := s.judged(1)
				assert.Equal(t, tt.want, shown{verdict, reason})
				if tt.wantAt < 0 {
					assert.Len(t, at, 1)
					return
				}
				require.NoError(t, err)
				assert.GreaterOrEqual(t, at[1].Round(time.Second), tt.wantAt)
				assert.LessOrEqual(t, at[1], tt.wantAt+tt.wantAt/10+time.Second)
			})
		}
	}
	bubble(t, "of a write it is a 429 as well", func(t *testing.T) {
		posts := 0
		site := newSite(t, onPost(func(w http.ResponseWriter, _ *http.Request) {
			if posts++; posts == 1 {
				w.Header().Set("Retry-After", "20")
				w.WriteHeader(403)
			}
		})).watch()
		var s service
		p := s.policy()
		p.Resend.OnRateLimited = true
		_, err := consistency.Do(t.Context(), p, site.create())
		require.NoError(t, err)
		assert.Equal(t, 2, posts)
	})
	bubble(t, "to be gone, it is a setback", func(t *testing.T) {
		s := &service{writes: answers(204), reads: []reply{{status: 404}, {status: 403, after: time.Second}, {status: 404}}}
		_, err := consistency.Do(t.Context(), s.policy(), s.delete())
		require.NoError(t, err)
		assert.Len(t, s.readAt, 5)
	})
}

// Cases D11, D12: rules see all of an answer, of good ones too.
func TestRules_seeBodies(t *testing.T) {
	t.Parallel()
	rules := consistency.Rules{
		Write: []consistency.WriteRule{
			{From: 200, Body: consistency.JSON("/ok", false), Class: refused},
			{From: 200, Body: consistency.JSON("/errors"), Class: refused},
		},
		Read: []consistency.ReadRule{
			{From: 400, Body: consistency.JSON("/code", "InvalidInstanceID.NotFound"), Verdict: poll.Pending, Reason: consistency.NotFound},
			{From: 409, Body: consistency.JSON("/message", "repository is empty"), Verdict: poll.Pending, Reason: consistency.Stale},
			{From: 200, Body: consistency.JSON("/ok", false), Verdict: poll.Pending, Reason: consistency.NotFound},
			{From: 200, Body: consistency.JSON("/errors"), Verdict: poll.Unknown, Setback: true},
			{From: 200, Goal: consistency.ToAbsent, Body: consistency.JSON("/state", "deleted"), Verdict: poll.Ready, Settled: true},
		},
	}
	type answer struct {
		status int
		body   string
	}
	gone := shown{poll.Ready, ""}
	tests := []struct {
		name   string
		post   answer
		get    answer
		delete bool
		class  consistency.Class
		want   shown // of the first read
	}{
		{"ok is false", answer{200, `{"ok":false,"error":"channel_not_found"}`}, answer{}, false, refused, shown{}},
		{"ok is true", answer{200, `{"ok":true}`}, answer{200, `{"ok":true,"id":1}`}, false, applied, ready},
		{"errors of GraphQL", answer{200, `{"data":null,"errors":[{"message":"no"}]}`}, answer{}, false, refused, shown{}},
		{"no errors of GraphQL", answer{200, `{"data":{"id":1},"errors":[]}`}, answer{200, `{"data":{"id":1}}`}, false, applied, ready},
		{"a read's errors", answer{200, `{"id":1}`}, answer{200, `{"errors":[{"message":"no"}]}`}, false, applied, shown{poll.Unknown, ""}},
		{"a read's ok is false", answer{200, `{"id":1}`}, answer{200, `{"ok":false}`}, false, applied, notFound},
		{"a 400 that is lag", answer{201, `{"id":1}`}, answer{400, `{"code":"InvalidInstanceID.NotFound"}`}, false, applied, notFound},
		{"another 400", answer{201, `{"id":1}`}, answer{400, `{"code":"InvalidInstanceID.Malformed"}`}, false, applied, no},
		{"a 409 that is lag", answer{201, `{"id":1}`}, answer{409, `{"message":"repository is empty"}`}, false, applied, stale},
		{"deleted by its state", answer{200, `{"id":1}`}, answer{200, `{"state":"deleted"}`}, true, applied, gone},
		{"not deleted by its state", answer{200, `{"id":1}`}, answer{200, `{"state":"deleting"}`}, true, applied, stillThere},
		{"a long body", answer{200, `{"pad":"` + strings.Repeat("x", 50<<10) + `","ok":false}`}, answer{}, false, refused, shown{}},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			site := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				a := tt.post
				if r.Method == http.MethodGet {
					a = tt.get
				}
				w.WriteHeader(a.status)
				_, _ = io.WriteString(w, a.body)
			}).watch()
			f := opaquely(site)
			write := f.Write
			f.Write = func(ctx context.Context) (string, error) { _, err := write(ctx); return "1", err }
			if tt.delete {
				f = consistency.Delete("delete item", "1", func(ctx context.Context, id string) error {
					_, err := site.send(ctx, http.MethodDelete, "http://service/items/"+id)
					return err
				}, f.Read)
			}
			var s service
			p := s.policy()
			p.Rules, p.Within = rules, 2*time.Second
			res, err := consistency.Do(t.Context(), p, f)
			assert.Equal(t, tt.class, s.class())
			assert.Equal(t, tt.class == refused, res.Outcome == failed, "%v", err)
			if tt.class != refused {
				verdict, reason := s.judged(1)
				assert.Equal(t, tt.want, shown{verdict, reason})
			}
		})
	}
}

// A rule may ask for the client's own code, for a method and for anything else,
// and all of it must be so.
func TestRules_allThatIsAsked(t *testing.T) {
	t.Parallel()
	rule := consistency.WriteRule{
		Goal: consistency.ToPresent, Method: "POST", Code: "23505", From: 409, To: 412, Class: consistency.Applied,
		When: func(a consistency.Answer) bool { return a.Header.Get("X") == "y" },
		Body: func(body []byte) bool { return string(body) == "b" },
	}
	fits := consistency.Answer{Method: "POST", Code: "23505", Status: 410, Header: http.Header{"X": {"y"}}, Body: []byte("b")}
	rules := consistency.Rules{Write: []consistency.WriteRule{rule}}
	assert.Equal(t, applied, rules.ClassOf(consistency.ToPresent, fits))
	assert.Equal(t, refused, rules.ClassOf(consistency.ToMatch, fits))
	for name, change := range map[string]func(*consistency.Answer){
		"method": func(a *consistency.Answer) { a.Method = "PUT" },
		"code":   func(a *consistency.Answer) { a.Code = "" },
		"status": func(a *consistency.Answer) { a.Status = 413 },
		"header": func(a *consistency.Answer) { a.Header = nil },
		"body":   func(a *consistency.Answer) { a.Body = []byte("c") },
		"none":   func(a *consistency.Answer) { a.Body = nil },
	} {
		a := fits
		change(&a)
		assert.Equal(t, refused, rules.ClassOf(consistency.ToPresent, a), name)
	}
}

// JSON asks for values as JSON compares them.
func TestJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		at     string
		values []any
		body   string
		want   bool
	}{
		{"/ok", []any{false}, `{"ok":false}`, true},
		{"/ok", []any{false}, `{"ok":"false"}`, false},
		{"/ok", []any{false}, `{}`, false},
		{"/n", []any{1}, `{"n":1.0}`, true},
		{"/n", []any{int64(1<<53 + 1)}, `{"n":9007199254740993}`, true},
		{"/n", []any{int64(1<<53 + 1)}, `{"n":9007199254740992}`, false},
		{"/s", []any{"a", "b"}, `{"s":"b"}`, true},
		{"/s", []any{nil}, `{"s":null}`, true},
		{"/a/1/b", []any{"x"}, `{"a":[0,{"b":"x"}]}`, true},
		{"", []any{[]int{1, 2}}, `[1,2]`, true},
		{"/errors", nil, `{"errors":[]}`, false},
		{"/errors", nil, `{"errors":[{"message":"no"}]}`, true},
		{"/errors", nil, `{"errors":null}`, false},
		{"/error", nil, `{"error":""}`, false},
		{"/error", nil, `{"error":{"code":"x"}}`, true},
		{"errors", nil, `{"errors":[1]}`, false}, // no pointer
		{"/errors", nil, `{"errors":[1]`, false}, // no whole JSON
		{"/f", []any{func() {}}, `{"f":1}`, false},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, consistency.JSON(tt.at, tt.values...)([]byte(tt.body)), "%s of %s", tt.at, tt.body)
	}
}
