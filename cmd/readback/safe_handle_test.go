//go:build unix

package main_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file that is not the handle's is neither written nor removed.
func TestSafe_handleFile(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	for name, args := range map[string][]string{
		"in.notes": {"-d", "x", "--handle-file", "in.notes"},
		"in.body":  {"-d", "@in.body", "--handle-file", "in.body"},
		"in.out":   {"-d", "x", "--handle-file", "in.out", "-o", "in.out"},
		"in.link":  {"-d", "x", "--handle-file", "in.link"},
	} {
		dir := t.TempDir()
		at := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(at, []byte("mine"), 0o600))
		if name == "in.link" {
			require.NoError(t, os.Rename(at, at+"ed"))
			require.NoError(t, os.Symlink(at+"ed", at))
		}
		p := call{dir: dir, args: append([]string{"run", r.url}, args...)}.run(t)
		assert.Equal(t, 2, p.status, name)
		text, err := os.ReadFile(at)
		require.NoError(t, err)
		assert.Equal(t, "mine", string(text))
	}
	assert.Empty(t, r.requests())

	// Also a file that came meanwhile is nobody's to remove.
	dir := t.TempDir()
	r = recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if n == 2 {
			assert.NoError(t, os.Remove(filepath.Join(dir, "h.json")))
			assert.NoError(t, os.WriteFile(filepath.Join(dir, "h.json"), []byte("mine"), 0o600))
		}
		at7(w, n, req)
	})
	p := call{dir: dir, args: []string{"run", r.url, "-d", "x", "--handle-file", "h.json"}}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stderr, "another file now")
	text, err := os.ReadFile(filepath.Join(dir, "h.json"))
	require.NoError(t, err)
	assert.Equal(t, "mine", string(text))
}

// What is certain leaves no file, whatever it is.
func TestSafe_handleFileGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refused := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { w.WriteHeader(409) })
	for _, args := range [][]string{
		{refused.url, "-d", "x"},
		{"http://127.0.0.1:1", "-d", "x"}, // never sent
	} {
		p := call{dir: dir, args: append([]string{"run", "-q", "--handle-file", "h.json"}, args...)}.run(t)
		assert.Equal(t, 1, p.status, p.stderr)
		assert.NoFileExists(t, filepath.Join(dir, "h.json"))
	}
}

// Of runs with one file, one sends.
func TestSafe_oneOfMany(t *testing.T) {
	t.Parallel()
	r, _ := patient(t)
	dir := t.TempDir()
	var all sync.WaitGroup
	statuses := make(chan int, 4)
	for range 4 {
		all.Go(func() {
			statuses <- call{dir: dir, args: []string{"run", r.url + "/v1/things", "-d", "x", "--handle-file", "h.json", "--within", "2s"}}.run(t).status
		})
	}
	all.Wait()
	close(statuses)
	counts := map[int]int{}
	for status := range statuses {
		counts[status]++
	}
	assert.Equal(t, map[int]int{124: 1, 2: 3}, counts)
	posts := 0
	for _, got := range r.requests() {
		if strings.HasPrefix(got.line, "POST") {
			posts++
		}
	}
	assert.Equal(t, 1, posts)
}

// A process that is killed while its write is under way leaves a handle.
func TestSafe_killedInWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	arrived, end := make(chan struct{}), make(chan struct{})
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		switch req.Method {
		case http.MethodPut:
			close(arrived)
			<-end
		default:
			_, _ = w.Write([]byte(`{"mark":"7f"}`))
		}
	})
	defer close(end)
	cmd := call{dir: dir, args: []string{"run", "PUT", r.url + "/x", "-d", "x", "--expect-json", "mark=7f", "--handle-file", "h.json"}}.cmd(t)
	require.NoError(t, cmd.Start())
	<-arrived
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	info, err := os.Stat(filepath.Join(dir, "h.json"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	p := call{dir: dir, args: []string{"run", "PUT", r.url + "/x", "-d", "x", "--expect-json", "mark=7f", "--handle-file", "h.json"}}.run(t)
	assert.Equal(t, 2, p.status, "it may have been sent")
	p = call{dir: dir, args: []string{"resume", "h.json"}}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.NoFileExists(t, filepath.Join(dir, "h.json"))
	assert.Len(t, r.requests(), 2)
}

// forged is a handle of a run, with changes.
func forged(t *testing.T, word string, change func(h map[string]any)) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(word)
	require.NoError(t, err)
	var h map[string]any
	require.NoError(t, json.Unmarshal(text, &h))
	change(h)
	text, err = json.Marshal(h)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(text)
}

// A handle is data: what only a command line may say is refused in one, and
// credentials go nowhere that only a handle names.
func TestSafe_forgedHandle(t *testing.T) {
	t.Parallel()
	honest, _ := patient(t)
	evil := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { _, _ = w.Write([]byte(`{"id":7}`)) })
	p := readback(t, "run", honest.url+"/v1/things", "-d", "x", "-H", authorization, "--within", "20ms")
	require.Equal(t, 124, p.status)
	word := resumeLine(t, p.stderr)
	before := len(honest.requests())
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.secret"), []byte("X-Secret: "+password), 0o600))

	write := func(name string, value any) func(map[string]any) {
		return func(h map[string]any) { h["write"].(map[string]any)[name] = value }
	}
	read := func(name string, value any) func(map[string]any) {
		return func(h map[string]any) { h["read"].(map[string]any)[name] = value }
	}
	flags := func(name, value string) func(map[string]any) {
		return func(h map[string]any) { h["flags"] = map[string]any{name: []string{value}} }
	}
	for name, change := range map[string]func(map[string]any){
		"output":         write("output", "in.secret"),
		"proxy":          write("proxy", evil.url),
		"header file":    write("header", []string{"@in.secret"}),
		"data":           write("data", "@in.secret"),
		"a secret":       read("header", []string{"X-Api-Key: 1"}),
		"host":           write("header", []string{"Host: evil.example"}),
		"method":         read("method", "DELETE"),
		"handle file":    flags("handle-file", "in.secret"),
		"flag of output": flags("output", "in.secret"),
		"expression":     flags("expect", "true"),
		"print":          flags("print", "{id}"),
		"command line":   func(h map[string]any) { h["write"] = []string{"-o", "in.secret", evil.url} },
		"older":          func(h map[string]any) { h["readback_command"] = 1 },
		"user":           write("url", "http://me:pw123456@"+honest.url[len("http://"):]),
	} {
		p := call{dir: dir, args: []string{"resume", forged(t, word, change), "--origin", honest.url, "-H", authorization, "--within", "50ms"}}.run(t)
		assert.Equal(t, 2, p.status, name+": "+p.stdout)
		assert.Contains(t, one(t, p.stderr), "handle", name)
	}
	move := func(h map[string]any) {
		for _, place := range []string{"write"} {
			h[place].(map[string]any)["url"] = evil.url + "/v1/things"
		}
		pending := h["pending"].(map[string]any)
		pending["name"] = "POST " + evil.url + "/v1/things"
		pending["written"] = map[string]any{"location": evil.url + "/v1/things/7"}
		h["origins"] = []string{evil.url}
		delete(h, "again")
	}
	elsewhere := forged(t, word, move)
	for _, credentials := range [][]string{
		{"-H", authorization}, {"-u", "me:" + password}, {"--then", "-H", authorization},
	} {
		p := readback(t, append([]string{"resume", elsewhere, "--within", "50ms"}, credentials...)...)
		assert.Equal(t, 2, p.status, p.stdout)
		assert.Contains(t, one(t, p.stderr), "the credentials would be sent to "+evil.url+", an origin that only the handle names")
		p = readback(t, append([]string{"resume", elsewhere, "--origin", honest.url, "--within", "50ms"}, credentials...)...)
		assert.Equal(t, 2, p.status, p.stdout)
	}
	p = call{args: []string{"resume", elsewhere}, env: []string{"READBACK_HEADER=" + authorization}}.run(t)
	assert.Equal(t, 2, p.status)
	text, err := base64.RawURLEncoding.DecodeString(elsewhere)
	require.NoError(t, err)
	p = call{args: []string{"resume", "-", "-H", authorization}, stdin: string(text)}.run(t)
	assert.Equal(t, 2, p.status, "what comes by stdin may come from anywhere")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.handle"), text, 0o644))
	p = call{dir: dir, args: []string{"resume", "in.handle", "-H", authorization}}.run(t)
	assert.Equal(t, 2, p.status, "a file that others may read is not the run's own")
	assert.Empty(t, evil.requests())
	assert.Len(t, honest.requests(), before)

	// Without credentials there is nothing to lose, and the place is told first.
	p = readback(t, "resume", elsewhere, "--within", "2s")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.True(t, strings.HasPrefix(p.stderr, "readback: resuming POST "+evil.url+"/v1/things; reads go to "+evil.url+"\n"), p.stderr)
	for _, got := range evil.requests() {
		assert.Empty(t, got.header.Get("Authorization"))
	}
	p = readback(t, "resume", word, "-q", "--origin", honest.url, "-H", authorization, "--within", "50ms")
	assert.Contains(t, p.stderr, "reads go to "+honest.url+"\n", "also if little is to be told")
}

// The three dots of the printed line are no credentials.
func TestSafe_placeholders(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		if req.Method == http.MethodDelete || req.Header.Get("Authorization") == "ApiKey "+key {
			return
		}
		http.NotFound(w, req) // as services do that hide what is not yours
	})
	p := readback(t, "run", "DELETE", r.url+"/7", "-H", authorization, "--within", "50ms")
	require.Equal(t, 124, p.status, p.stdout)
	word := resumeLine(t, p.stderr)
	before := len(r.requests())
	for _, args := range [][]string{
		{"resume", word, "--origin", r.url, "-H", "Authorization: ..."},
		{"resume", word, "--origin", r.url, "-H", "Authorization: Bearer ..."},
		{"resume", word, "--origin", r.url, "-H", authorization, "--find", "..."},
		{"resume", word, "--origin", "...", "-H", authorization},
		{"resume", word, "--origin", r.url, "-H", authorization, "--then", "URL"},
		{"run", "DELETE", r.url + "/7", "-H", "Authorization: ..."},
		{"wait", r.url, "-H", "Authorization: …"},
	} {
		p := readback(t, args...)
		assert.Equal(t, 2, p.status, args)
		one(t, p.stderr)
	}
	p = call{args: []string{"resume", word, "--origin", r.url}, env: []string{"READBACK_HEADER=Authorization: ..."}}.run(t)
	assert.Equal(t, 2, p.status)
	assert.Len(t, r.requests(), before)
}

// A file of the first run is absolute in the line that goes on elsewhere.
func TestSafe_cacert(t *testing.T) {
	t.Parallel()
	good, trusted := certificate(t, "", time.Now().Add(time.Hour))
	r := showing(t, only(good), func(w http.ResponseWriter, n int, req *http.Request) {
		if n > 1 && n < 9 {
			http.NotFound(w, req)
			return
		}
		at7(w, n, req)
	})
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in.ca"), trusted, 0o600))
	p := call{dir: dir, args: []string{"run", r.url, "-d", "x", "--cacert", "in.ca", "--within", "20ms", "--handle-file", "h.json"}}.run(t)
	require.Equal(t, 124, p.status, p.stdout)
	absolute := filepath.Join(dir, "in.ca")
	assert.Contains(t, p.stderr, "\n  readback resume h.json --cacert "+absolute+"\n")
	h := filepath.Join(dir, "h.json")
	p = readback(t, "resume", h)
	assert.Equal(t, 2, p.status, "no file is opened because a handle names it")
	assert.Contains(t, p.stderr, "give --cacert "+absolute)
	p = readback(t, "resume", h, "--cacert", absolute, "--within", "30s", "--interval", "5ms", "--max-interval", "5ms")
	assert.Equal(t, 0, p.status, p.stderr)
}

// A handle that a link leads to is the file, and no link to it: that is changed, and
// in the end removed.
func TestSafe_linkedHandle(t *testing.T) {
	t.Parallel()
	r, show := patient(t)
	dir := t.TempDir()
	p := call{dir: dir, args: []string{"run", r.url + "/v1/things", "-d", "x", "--within", "20ms", "--handle-file", "h.json"}}.run(t)
	require.Equal(t, 124, p.status)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "other"), 0o700))
	link := filepath.Join(dir, "other", "link")
	require.NoError(t, os.Symlink("../h.json", link))
	p = call{dir: dir, args: []string{"resume", link, "--within", "20ms"}}.run(t)
	assert.Equal(t, 124, p.status)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink, "it is still a link")
	show()
	p = call{dir: dir, args: []string{"resume", link, "--within", "30s"}}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.NoFileExists(t, filepath.Join(dir, "h.json"), "or it could be resumed again")
}
