package main_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operating answers a POST with this answer, looks at /tasks/7 with these bodies in
// turn, the last for ever, and reads of things with a document.
func operating(t *testing.T, answer func(http.ResponseWriter), looks ...string) *recorder {
	t.Helper()
	var n atomic.Int64
	return recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		switch {
		case req.Method != http.MethodGet:
			answer(w)
		case strings.HasPrefix(req.URL.Path, "/tasks/"):
			_, _ = w.Write([]byte(looks[min(int(n.Add(1)), len(looks))-1]))
		default:
			_, _ = w.Write([]byte(`{"name":"movies"}`))
		}
	})
}

// named answers as services do that name the task in the body.
func named(w http.ResponseWriter) {
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(`{"taskUid":7,"indexUid":"movies"}`))
}

// An operation is found by a template, and ends as its words or an expression say.
func TestOperation(t *testing.T) {
	t.Parallel()
	template := "--monitor=/tasks/{taskUid}"
	for name, tt := range map[string]struct {
		args  []string
		looks []string
		want  int
		says  string
	}{
		"usual words":      {[]string{template}, []string{`{"status":"enqueued"}`, `{"status":"succeeded"}`}, 0, ""},
		"a failed one":     {[]string{template}, []string{`{"status":"failed","error":{"code":"no_space","message":"the disk is full"}}`}, 1, "no_space: the disk is full"},
		"other words":      {[]string{template, "--monitor-state", "/phase", "--monitor-done", "Ready", "--monitor-failed", "Broken"}, []string{`{"phase":"New"}`, `{"phase":"ready"}`}, 0, ""},
		"another that is":  {[]string{template, "--monitor-state", "/phase", "--monitor-failed", "Broken"}, []string{`{"phase":"broken"}`}, 1, "broken"},
		"an expression":    {[]string{template, "--monitor-done", ".percent == 100"}, []string{`{"percent":7}`, `{"percent":100}`}, 0, ""},
		"one that fails":   {[]string{template, "--monitor-done", ".percent == 100", "--monitor-failed", ".problem"}, []string{`{"percent":7}`, `{"problem":"quota"}`}, 1, `--monitor-failed '.problem' holds: "quota"`},
		"failed alone":     {[]string{template, "--monitor-failed", ".problem"}, []string{`{"status":"running"}`, `{"status":"done"}`}, 0, ""},
		"usual and failed": {[]string{template, "--monitor-done", ".percent == 100"}, []string{`{"status":"failed"}`}, 1, "did not succeed"},
		"an error":         {[]string{template, "--monitor-error", "/trouble"}, []string{`{"status":"done","trouble":"half of it"}`}, 1, "half of it"},
		"statuses alone":   {[]string{template, "--monitor-status-only"}, []string{`{"status":"whatever"}`}, 0, ""},
		"never":            {[]string{template, "--monitor-done", ".percent == 100", "--within", "100ms"}, []string{`{"percent":7}`}, 124, "running"},
		"a page":           {[]string{template, "--monitor-done", ".percent == 100", "--within", "100ms"}, []string{`<html>`}, 124, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := operating(t, named, tt.looks...)
			p := readback(t, append(append([]string{"run", r.url + "/indexes", "-d", "x", "--then", "/indexes/{indexUid}"}, tt.args...), fast...)...)
			assert.Equal(t, tt.want, p.status, p.stdout+p.stderr)
			assert.Contains(t, p.stdout, tt.says)
			got := r.requests()
			assert.Equal(t, "GET /tasks/7", got[1].line)
			last := "GET /tasks/7"
			if tt.want == 0 {
				last = "GET /indexes/movies"
			}
			assert.Equal(t, last, got[len(got)-1].line)
			assert.NotContains(t, p.stdout+p.stderr, "Policy.")
		})
	}
}

// What the operation made is where --monitor-resource points, also by an expression.
func TestOperation_resource(t *testing.T) {
	t.Parallel()
	for _, done := range [][]string{nil, {"--monitor-done", ".ready"}} {
		r := operating(t, named, `{"status":"done","ready":true,"made":{"url":"/things/9"}}`)
		p := readback(t, append([]string{"run", r.url, "-d", "x", "--monitor=/tasks/{taskUid}", "--monitor-resource", "/made/url"}, done...)...)
		assert.Equal(t, 0, p.status, p.stderr)
		assert.Contains(t, p.stdout, "GET "+r.url+"/things/9 answered 200")
	}
}

// A handle keeps what says where and by which words, and no expression.
func TestOperation_resume(t *testing.T) {
	t.Parallel()
	r := operating(t, named, `{"phase":"new"}`)
	p := readback(t, append([]string{"run", r.url, "-d", "x", "--monitor=/tasks/{taskUid}", "--monitor-state", "/phase", "--monitor-done", "new",
		"--monitor-failed", ".problem", "--within", "100ms", "--settle", "900", "--then", "/things/{indexUid}"}, fast...)...)
	require.Equal(t, 124, p.status, p.stdout)
	assert.Contains(t, p.stderr, "--monitor-failed .problem\n")
	p = readback(t, "resume", resumeLine(t, p.stderr), "--settle", "1", "--within", "2s")
	assert.Equal(t, 2, p.status)
	assert.Contains(t, p.stderr, "give --monitor-failed")

	r = operating(t, named, append(slices.Repeat([]string{`{"phase":"old"}`}, 20), `{"phase":"new"}`)...)
	p = readback(t, "run", r.url, "-d", "x", "--monitor=/tasks/{taskUid}", "--monitor-state", "/phase", "--monitor-done", "new",
		"--within", "100ms", "--interval", "1m", "--max-interval", "1m", "--then", "/things/{indexUid}")
	require.Equal(t, 124, p.status, p.stdout)
	p = readback(t, append([]string{"resume", resumeLine(t, p.stderr), "--within", "5s"}, fast...)...)
	assert.Equal(t, 0, p.status, p.stderr)
}

// The Location of a 202 is an operation's, and never confirms by itself.
func TestOperation_location(t *testing.T) {
	t.Parallel()
	r := operating(t, func(w http.ResponseWriter) {
		w.Header().Set("Location", "/tasks/7")
		w.WriteHeader(http.StatusAccepted)
	}, `{"status":"running"}`, `{"status":"failed"}`)
	p := readback(t, "run", r.url, "-d", "x")
	assert.Equal(t, 124, p.status, p.stdout)
	assert.Contains(t, p.stdout, "the Location of a 202 names the operation, and nothing names what was written; last status 202 to the write; --monitor follows it, --then says what to read, and --accepted-location takes it for what was written")
	assert.Len(t, r.requests(), 1)
	word := resumeLine(t, p.stderr)
	p = readback(t, "resume", word, "--within", "1s")
	assert.Equal(t, 124, p.status, "the kept answer does not make it one")
	assert.Len(t, r.requests(), 1)

	p = readback(t, append([]string{"run", r.url, "-d", "x", "--monitor"}, fast...)...)
	assert.Equal(t, 1, p.status, p.stdout)
	p = readback(t, "run", r.url, "-d", "x", "--accepted-location")
	assert.Equal(t, 0, p.status, p.stdout)
	p = readback(t, "resume", word, "--accepted-location")
	assert.Equal(t, 0, p.status, p.stderr)
}

func TestOperation_badFlags(t *testing.T) {
	t.Parallel()
	r := recording(t, func(http.ResponseWriter, int, *http.Request) {})
	for _, args := range [][]string{
		{"--monitor=x"}, {"--monitor=/tasks/{x"}, {"--monitor=http://me:pw@other.example/{id}"},
		{"--monitor-state", "x"}, {"--monitor-error", "x"}, {"--monitor-resource", "x"},
		{"--monitor-done", ".a ="}, {"--monitor-failed", ".a ="}, {"--refused", ".a ="}, {"--lag", ".a ="},
		{"--monitor-status-only", "--monitor-done", "done"},
	} {
		p := readback(t, append([]string{"run", r.url, "-d", "x"}, args...)...)
		assert.Equal(t, 2, p.status, args)
		assert.NotContains(t, one(t, p.stderr), "readbackhttp")
		assert.NotContains(t, p.stderr, "pw@")
	}
	p := readback(t, "run", "--monitor", "--refused", ".a", "--", "true", "--then", "--", "true")
	assert.Equal(t, 2, p.status)
	assert.Empty(t, r.requests())
}

// --find looks for a write that was carried out, and whose answer names nothing.
func TestFind_applied(t *testing.T) {
	t.Parallel()
	var lists atomic.Int64
	r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		switch {
		case req.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
		case req.URL.Path != "/list":
			_, _ = w.Write([]byte(`{"id":7}`))
		case lists.Add(1) == 1:
			_, _ = w.Write([]byte(`[]`))
		default:
			_, _ = w.Write([]byte(`[{"id":6,"ref":"theirs"},{"id":7,"ref":"mine"},{"id":7,"ref":"mine"}]`))
		}
	})
	for _, then := range [][]string{{"--found", "/things/{id}"}, {"--then", "/things/{id}"}} {
		lists.Store(0)
		p := readback(t, append(append([]string{"run", r.url, "-d", "x", "--find", "/list", "--mine", "ref=mine"}, then...), fast...)...)
		assert.Equal(t, 0, p.status, p.stdout)
		assert.Contains(t, p.stdout, "/things/7 answered 200")
		assert.Contains(t, p.stderr, ": 201, applied in ")
	}
}

// A conflict may be the echo of this very write, which something in between has
// repeated: one look tells, if there is a proof.
func TestFind_conflict(t *testing.T) {
	t.Parallel()
	for _, ours := range []bool{true, false} {
		r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
			if req.Method == http.MethodPost {
				w.WriteHeader(http.StatusConflict)
				return
			}
			text := `[{"id":7,"ref":"theirs"}]`
			if ours {
				text = `[{"id":7,"ref":"mine"}]`
			}
			_, _ = w.Write([]byte(text))
		})
		p := readback(t, "run", r.url, "-d", "x", "--find", "/list", "--mine", "ref=mine", "--then", "/things/{id}")
		if ours {
			assert.Equal(t, 0, p.status, p.stdout)
		} else {
			assert.Equal(t, 1, p.status, p.stdout)
			assert.Len(t, r.requests(), 2)
		}
	}
}

// A good answer to the write may be a refusal, and a bad one to a read may be lag.
func TestRules_ofTheService(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, req *http.Request) {
		_, _ = w.Write([]byte(`{"ok":false,"why":"quota"}`))
	})
	p := readback(t, "run", r.url, "-d", "x", "--refused", ".ok == false", "--then", "/things/7")
	assert.Equal(t, 1, p.status, p.stdout)
	assert.Len(t, r.requests(), 1)
	p = readback(t, "run", r.url, "-d", "x", "--refused", ".errors", "--then", "/things/7")
	assert.Equal(t, 0, p.status, p.stdout)

	r = recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		switch {
		case n < 3:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"code":"RoleNotReady"}`))
		case req.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
		default:
			_, _ = w.Write([]byte(`{"id":7}`))
		}
	})
	p = readback(t, append([]string{"run", r.url, "-d", "x", "--resend-when", `.code == "RoleNotReady"`, "--then", "/things/7"}, fast...)...)
	assert.Equal(t, 0, p.status, p.stdout)
	assert.Len(t, r.requests(), 4)
	r = recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	p = readback(t, "run", r.url, "-d", "x", "--resend-when", `.code == "other"`, "--resend-when", ".code.a", "--then", "/things/7")
	assert.Equal(t, 1, p.status, p.stdout)
	assert.Len(t, r.requests(), 1)

	late := `400 | {"code":"InvalidInstanceID.NotFound"}`
	lag := `$status == 400 and .code == "InvalidInstanceID.NotFound"`
	for _, args := range [][]string{{"run", "-d", "x"}, {"wait"}, {"wait", "--expect", ".id == 7"}} {
		r = inTurn(t, late, late, `{"id":7}`)
		p = readback(t, append(append(args, r.url, "--lag", lag), fast...)...)
		assert.Equal(t, 0, p.status, p.stdout)
		p = readback(t, append(append(args, inTurn(t, `400 | {"code":"other"}`).url, "--lag", lag), fast...)...)
		assert.Equal(t, 3, p.status, p.stdout)
	}
	r = inTurn(t, late, `404 | {}`, `404 | {}`)
	p = readback(t, append([]string{"run", "DELETE", r.url, "--lag", lag}, fast...)...)
	assert.Equal(t, 0, p.status, p.stdout)
	assert.Contains(t, p.stderr, "400, pending (still there)")
}

// An empty answer does not show that a thing is gone: the way out is named.
func TestWait_absentButEmpty(t *testing.T) {
	t.Parallel()
	p := readback(t, "wait", "-q", inTurn(t, `[]`).url, "--for", "absent", "--within", "100ms")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stdout, "an empty answer, such as [], may be an error of the service: if it means gone, --expect 'length == 0' says so")
	p = readback(t, "wait", "-q", inTurn(t, `[]`).url, "--for", "absent", "--expect", "length == 0", "--within", "5s")
	assert.Equal(t, 0, p.status, p.stdout)
	p = readback(t, "wait", "-q", inTurn(t, `[7]`).url, "--for", "absent", "--within", "100ms")
	assert.NotContains(t, p.stdout, "an empty answer")
}

// A command that ends otherwise than with 0, and that reads by a URL cannot tell from
// others, is lost for good. That is said before it runs, where it is so.
func TestRun_commandMayBeLost(t *testing.T) {
	t.Parallel()
	const warning = "readback: if the command does not end with 0, nothing can tell whether it was carried out"
	url := inTurn(t, `{"id":7}`).url
	for _, tt := range []struct {
		args []string
		want bool
	}{
		{[]string{"--", "sh", "-c", "exit 3", "--then", url}, true},
		{[]string{"-q", "--", "sh", "-c", "exit 3", "--then", url}, false},
		{[]string{"--expect", ".id == 7", "--", "sh", "-c", "exit 3", "--then", url}, false},
		{[]string{"--for", "absent", "--", "sh", "-c", "exit 3", "--then", url}, false},
		{[]string{"--", "sh", "-c", "exit 3", "--then", "--", "true"}, false},
		{[]string{"-X", "POST", "-d", "x", url}, false},
	} {
		p := readback(t, append([]string{"run", "--within", "100ms"}, tt.args...)...)
		assert.Equal(t, tt.want, strings.Contains(p.stderr, warning), "%v: %s", tt.args, p.stderr)
		if tt.want {
			assert.Less(t, strings.Index(p.stderr, warning), strings.Index(p.stderr, "ambiguous in"), "before it runs")
			assert.NotContains(t, p.stderr, "readback resume")
		}
	}
}

// Nothing is there while there is nothing in it, whatever the status.
func TestNothingIn(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{`[]`, `{}`, `null`, ``, ` `, `{"items":[]}`, `false`} {
		r := inTurn(t, empty, `{"id":7}`)
		p := readback(t, append([]string{"run", r.url, "-d", "x"}, fast...)...)
		assert.Equal(t, 0, p.status, p.stdout)
		assert.Contains(t, p.stderr, "read 1 after ", empty)
		assert.Contains(t, p.stderr, "200, pending (not found)", empty)
	}
	p := readback(t, "run", "-q", inTurn(t, `[]`).url, "-d", "x", "--within", "100ms")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stdout, "a good answer with nothing in it, such as [], shows nothing: --expect-status 2xx accepts it")
	for _, empty := range []string{`[]`, `null`, ``} {
		p = readback(t, "run", inTurn(t, empty).url, "-d", "x", "--expect-status", "2xx")
		assert.Equal(t, 0, p.status, p.stdout)
	}
	p = readback(t, "wait", inTurn(t, ``).url)
	assert.Equal(t, 0, p.status, "many a health check has no body")
	p = readback(t, "wait", inTurn(t, `[]`).url, "--within", "100ms")
	assert.Equal(t, 124, p.status, p.stdout)
}
