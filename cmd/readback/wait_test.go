package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWait(t *testing.T) {
	t.Parallel()
	statuses := func(list ...int) func(http.ResponseWriter, int, *http.Request) {
		return func(w http.ResponseWriter, n int, _ *http.Request) {
			w.WriteHeader(list[min(n, len(list))-1])
			_, _ = w.Write([]byte(`{"n":` + string(rune('0'+n)) + `,"s":"7"}`))
		}
	}
	tests := []struct {
		name   string
		answer func(http.ResponseWriter, int, *http.Request)
		args   []string
		status int
		reads  int // 0 is any number
	}{
		{"present", statuses(404, 403, 200), nil, 0, 3},
		{"present, often", statuses(404, 200, 404, 200), []string{"--settle", "2"}, 0, 5},
		{"gone", statuses(200, 404), []string{"--for", "absent"}, 0, 3},
		{"gone for good", statuses(200, 410), []string{"--for", "absent"}, 0, 2},
		{"a number", statuses(200), []string{"--expect-json", "/n=3"}, 0, 3},
		{"a number in a string", statuses(200), []string{"--expect-json", "s=7"}, 0, 1},
		{"a string is a string", statuses(200), []string{"--expect-json", `/n="3"`, "--within", "60ms"}, 124, 0},
		{"both", statuses(200), []string{"--expect-json", "n=2", "--expect-json", "s=7"}, 0, 2},
		{"a status", statuses(200, 204), []string{"--expect-status", "204"}, 0, 2},
		{"a status that is an error", statuses(200, 503, 200), []string{"--expect-status", "5xx"}, 0, 2},
		{"forbidden in the end", statuses(200, 403), []string{"--expect-status", "401,403"}, 0, 2},
		{"gone means forbidden", statuses(404, 404, 403), []string{"--for", "absent", "--expect-status", "403", "--settle", "1"}, 0, 3},
		{"no lag", statuses(404, 403), []string{"--window", "403=30ms", "--within", "20s"}, 124, 0},
		{"a stop", statuses(400), nil, 3, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := recording(t, tt.answer)
			p := readback(t, append([]string{"wait", r.url + "/x", "--interval", "5ms", "--max-interval", "10ms"}, tt.args...)...)
			assert.Equal(t, tt.status, p.status, p.stderr+p.stdout)
			one(t, p.stdout)
			if tt.reads > 0 {
				assert.Len(t, r.requests(), tt.reads)
			}
			assert.NotContains(t, p.stderr, "resume", "nothing was written here")
			for _, got := range r.requests() {
				assert.Equal(t, "GET /x", got.line)
			}
		})
	}
}

func TestWait_unmet(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { _, _ = w.Write([]byte(`{"a":1}`)) })
	p := readback(t, "wait", "-q", r.url, "--expect-json", "a=1", "--expect-json", "/b=2", "--within", "2s")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, one(t, p.stdout), "seen last: stale (/b is missing")
	assert.Contains(t, p.stdout, "; last status 200; --within is 2s; it does not show /b=2")
}

// A read may be any request, and its document any output.
func TestWait_request(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { _, _ = w.Write([]byte("hello")) })
	p := readback(t, "wait", "-q", "-X", "POST", r.url, "-d", "query", "-u", "me:"+password, "-o", "-", "--expect-status", "2xx")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Equal(t, "hello", p.stdout)
	got := r.requests()
	require.Len(t, got, 1)
	assert.Equal(t, "POST /", got[0].line)
	assert.Equal(t, "query", got[0].body)
	assert.Equal(t, "Basic bWU6aHVudGVyMmh1bnRlcjI=", got[0].header.Get("Authorization"))
}

func TestWait_command(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	count := `echo x >> in.count; n=$(wc -l < in.count); echo "run $n"; echo "{\"n\":$n}" >&2; test $n -ge 3`
	p := call{dir: dir, args: []string{"wait", "--interval", "5ms", "--", "sh", "-c", count}}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Regexp(t, `^sh: confirmed after 3 reads in [0-9.]+m?s: exit status 0$`, one(t, p.stdout))
	assert.Contains(t, p.stderr, "pending (exit status 1)\n")
	assert.True(t, strings.HasSuffix(p.stderr, "\nrun 3\n{\"n\":3}\n"), p.stderr)

	p = readback(t, "wait", "--interval", "50ms", "--within", "3s", "--expect-json", "/ready=true", "--", "sh", "-c", `echo '{"ready":false}'`)
	assert.Equal(t, 124, p.status)
	assert.Contains(t, one(t, p.stdout), "last exit status 0, but the output is not as expected")

	p = readback(t, "wait", "--settle", "2", "--expect-json", "/ready=true", "--", "sh", "-c", `echo '{"ready":true}'; echo noise >&2`)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stdout, "after 2 reads")
}

// A command that hangs is stopped with all that it started, and nothing waits
// for what it left behind.
func TestWait_commandHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := call{dir: dir, args: []string{"wait", "--within", "3s", "--read-timeout", "1s", "--", "sh", "-c", "sleep 60 & echo $! >> in.pids; wait"}}.run(t)
	assert.Equal(t, 124, p.status)
	assert.Contains(t, one(t, p.stdout), "read timed out")
	pids, err := os.ReadFile(filepath.Join(dir, "in.pids"))
	require.NoError(t, err)
	require.NotEmpty(t, strings.Fields(string(pids)))
	for _, pid := range strings.Fields(string(pids)) {
		assert.Eventually(t, func() bool {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ") // gone, or waiting to be noticed
		}, 50*time.Second, 10*time.Millisecond) // sooner than it ends by itself
	}

	p = readback(t, "wait", "--", "sh", "-c", "sleep 60 & echo done")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stderr, "done")
}

// Much output is kept from its end.
func TestWait_commandOutput(t *testing.T) {
	t.Parallel()
	p := readback(t, "wait", "--json", "-q", "--", "sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; echo end")
	require.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stdout, `xend\n",`)
	assert.Less(t, len(p.stdout), 70<<10)
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	env := []string{
		"READBACK_HEADER=" + authorization + "\nX-Other: 1", "READBACK_WITHIN=5s", "READBACK_QUIET=true",
		"READBACK_EXPECT_JSON=/version=1\nowner=alice", "READBACK_DATA=" + body("a"), "READBACK_PRINT={id}",
	}
	p := call{args: []string{"run", s.url}, env: env}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Regexp(t, "^[a-z0-9]+\n$", p.stdout)
	assert.Empty(t, p.stderr)

	// What the arguments say goes before.
	p = call{args: []string{"run", s.url, "-d", body("b"), "--print", "{workspaceName}"}, env: env}.run(t)
	assert.Equal(t, "b\n", p.stdout, p.stderr)

	p = call{args: []string{"wait", s.url}, env: []string{"READBACK_WITHIN=0"}}.run(t)
	assert.Equal(t, 2, p.status)
	assert.Contains(t, one(t, p.stderr), "READBACK_WITHIN: ")
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run", "wait", "resume", "proxy", "measure", "demo"} {
		p := readback(t, command, "--help")
		assert.Equal(t, 0, p.status)
		assert.Contains(t, p.stdout, "Usage:\n  readback "+command)
		assert.Empty(t, p.stderr)
		assert.NotContains(t, p.stdout, "true|false")
		assert.Equal(t, p, readback(t, "help", command))
	}
	help := readback(t, "run", "--help").stdout
	for _, title := range []string{"Requests, as with curl", "What reads are to show", "When", "Answers that are lost, or come later", "Output", "Sending"} {
		assert.Equal(t, 1, strings.Count(help, "\n"+title+":\n"), title)
	}
	assert.NotContains(t, readback(t, "measure", "--help").stdout, "body of the last answer")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		p := readback(t, "completion", shell)
		assert.Equal(t, 0, p.status)
		assert.Contains(t, p.stdout, "readback")
	}
	p := readback(t, "__complete", "run", "http://h/", "--then", "GET", "--expect-j")
	assert.Contains(t, p.stdout, "--expect-json")

	dir := t.TempDir()
	p = readback(t, "man", filepath.Join(dir, "man1"))
	require.Equal(t, 0, p.status, p.stderr)
	page, err := os.ReadFile(filepath.Join(dir, "man1", "readback-run.1"))
	require.NoError(t, err)
	assert.Contains(t, string(page), ".TH \"READBACK-RUN\" \"1\"")
	for _, want := range []string{
		`\fB\-X\fR, \fB\-\-request\fR \fIMETHOD\fR`, `\fB\-\-expect\-json\fR \fIPOINTER=VALUE\fR`,
		".SH EXIT STATUS\n", ".TP\n.B 124\nunconfirmed: ", ".SH ENVIRONMENT\n", "READBACK_WITHIN, ", ".SH EXAMPLES\n", `\fBreadback\fR(1)`,
	} {
		assert.Contains(t, string(page), want)
	}
	assert.NotContains(t, string(page), "READBACK_THEN")
	assert.NotContains(t, string(page), "`")
	for _, name := range []string{"readback", "readback-wait", "readback-resume", "readback-proxy", "readback-measure", "readback-demo"} {
		page, err := os.ReadFile(filepath.Join(dir, "man1", name+".1"))
		require.NoError(t, err)
		assert.Contains(t, string(page), ".SH EXIT STATUS\n.TP\n.B 0\n", name)
	}
}

// The page of the command has each flag, by one of its names, and no others.
func TestHelp_page(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/command.md")
	require.NoError(t, err)
	flag := regexp.MustCompile(`(?:^|[^\w-])(-\w|--[a-z][a-z0-9-]+)\b`)
	told := make(map[string]bool)
	for _, found := range flag.FindAllStringSubmatch(string(text), -1) {
		told[found[1]] = true
	}
	known := map[string]bool{"--version": true, "--retry": true} // the latter is curl's
	for _, command := range []string{"run", "wait", "resume", "proxy", "measure", "demo"} {
		for _, found := range regexp.MustCompile(`(?m)^ +(?:(-\w), +)?(--[a-z0-9-]+)`).FindAllStringSubmatch(readback(t, command, "--help").stdout, -1) {
			known[found[2]] = true
			assert.True(t, told[found[1]] || told[found[2]], "the page does not tell of %s of %s", found[2], command)
		}
	}
	for name := range told {
		assert.True(t, known[name] || len(name) == 2, "the page tells of %s", name)
	}
}

// What is waited for by a POST is named by it.
func TestWait_method(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { _, _ = w.Write([]byte(`{"n":7}`)) })
	p := readback(t, "wait", r.url+"/search?q=1", "-d", "x", "--expect-json", "n=7")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Regexp(t, "^POST "+r.url+"/search: confirmed after 1 read in .*: POST "+r.url+`/search\?q=1 answered 200`, one(t, p.stdout))
}

// What fails is told without the names of packages.
func TestWait_words(t *testing.T) {
	t.Parallel()
	p := readback(t, "wait", "http://no-such-host.invalid/", "--within", "20ms")
	assert.Equal(t, 124, p.status)
	assert.NotContains(t, p.stdout+p.stderr, "readbackhttp")
}
