package main_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An operation that the run did not follow is followed by resume, if it is told to:
// where its headers, its body or the Location of the 202 say.
func TestResume_monitor(t *testing.T) {
	t.Parallel()
	byLocation := func(w http.ResponseWriter) {
		w.Header().Set("Location", "/tasks/7")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"indexUid":"movies"}`))
	}
	byHeader := func(w http.ResponseWriter) {
		w.Header().Set("Operation-Location", "/tasks/7")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"indexUid":"movies"}`))
	}
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter)
		flags  []string
		looks  []string
		want   int
		says   string
	}{
		"by the body, failed":     {named, []string{"--monitor=/tasks/{taskUid}"}, []string{`{"status":"failed","error":{"code":"no_space","message":"the disk is full"}}`}, 1, "no_space: the disk is full"},
		"by the body, done":       {named, []string{"--monitor=/tasks/{taskUid}"}, []string{`{"status":"enqueued"}`, `{"status":"succeeded"}`}, 0, ""},
		"by the body, running":    {named, []string{"--monitor=/tasks/{taskUid}"}, []string{`{"status":"enqueued"}`}, 124, "running"},
		"by the Location, failed": {byLocation, []string{"--monitor"}, []string{`{"status":"failed"}`}, 1, "failed"},
		"by the Location, done":   {byLocation, []string{"--monitor"}, []string{`{"status":"running"}`, `{"status":"done"}`}, 0, ""},
		"by a header, failed":     {byHeader, []string{"--monitor"}, []string{`{"status":"failed"}`}, 1, "failed"},
		"by other words":          {byHeader, []string{"--monitor-state", "/phase", "--monitor-failed", "Broken"}, []string{`{"phase":"broken"}`}, 1, "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := operating(t, tt.answer, tt.looks...)
			p := readback(t, "run", r.url+"/indexes", "-d", "x", "--within", "1s")
			require.Equal(t, 124, p.status, p.stdout)
			require.Len(t, r.requests(), 1, "nothing says where to read")
			args := append([]string{"resume", resumeLine(t, p.stderr), "--within", "2s", "--then", "/indexes/{indexUid}"}, tt.flags...)
			p = readback(t, append(args, fast...)...)
			assert.Equal(t, tt.want, p.status, p.stdout+p.stderr)
			assert.Contains(t, p.stdout, tt.says)
			got := r.requests()
			require.Greater(t, len(got), 1)
			assert.Equal(t, "GET /tasks/7", got[1].line, "the operation is looked at before anything is read")
			for _, request := range got {
				if tt.want != 0 {
					assert.NotEqual(t, "GET /indexes/movies", request.line)
				}
			}
		})
	}
}

// Where the answer names no operation, a --monitor that could not be heeded is
// refused before anything is sent.
func TestResume_noMonitor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter)
		flags  []string
		says   string
	}{
		"no header": {named, []string{"--monitor"}, "names no operation"},
		"no field":  {named, []string{"--monitor=/tasks/{nope}"}, "{nope}"},
		"lost":      {func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, []string{"--monitor=/tasks/7"}, "names no operation"},
		"a secret": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(`{"token":"` + password + `"}`))
		}, []string{"--monitor=/tasks/{token}"}, "{token}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := operating(t, tt.answer, `{"status":"done"}`)
			p := readback(t, "run", r.url+"/indexes", "-d", "x", "--within", "1s")
			require.Equal(t, 124, p.status, p.stdout)
			args := []string{"resume", resumeLine(t, p.stderr), "--within", "1s", "--then", "/indexes/movies"}
			p = readback(t, append(args, tt.flags...)...)
			assert.Equal(t, 2, p.status, p.stdout)
			assert.Contains(t, one(t, p.stderr), tt.says)
			assert.Len(t, r.requests(), 1)
		})
	}
}

// The words REDACTED that a handle holds in place of a secret name nothing.
func TestResume_redactedField(t *testing.T) {
	t.Parallel()
	r := operating(t, func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"token":"` + password + `"}`))
	}, `{}`)
	p := readback(t, "run", r.url+"/things", "-d", "x")
	require.Equal(t, 124, p.status, p.stdout)
	p = readback(t, "resume", resumeLine(t, p.stderr), "--then", "/things/{token}", "--within", "300ms")
	assert.Equal(t, 124, p.status, p.stdout)
	assert.Len(t, r.requests(), 1)
}
