package main_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What is wrong with the command line is said in one line, before anything is
// sent.
func TestBadInput_usage(t *testing.T) {
	t.Parallel()
	r := recording(t, func(http.ResponseWriter, int, *http.Request) {})
	run := func(args ...string) []string { return append([]string{"run", r.url, "-d", "x"}, args...) }
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no URL", []string{"run", "-d", "x"}, "there is no URL"},
		{"no valid URL", []string{"run", "http://[" + password, "-d", "x"}, "the URL is not valid"},
		{"no valid port", []string{"run", "http://me:" + password + "@h:" + password, "-d", "x"}, "the URL is not valid"},
		{"no HTTP URL", []string{"run", "ftp://h/x"}, "not one of http or https"},
		{"no port", []string{"run", "http://h:99999/x", "-d", "x"}, "a port above 65535"},
		{"no write", []string{"run", r.url}, "GET is not a write: give a method with -X, or a body with -d"},
		{"a read for a write", []string{"run", "GET", r.url}, "GET is not a write: if it writes at this service, say by --then where it is read back"},
		{"another", []string{"run", "-X", "HEAD", r.url, "--expect", ".a"}, "HEAD is not a write"},
		{"no host", []string{"run", "http:///x"}, "names no host"},
		{"two URLs", run("http://h/x", "http://h/y"), "3 arguments"},
		{"two methods", []string{"run", "-X", "PUT", "POST", r.url}, "two methods: POST, and -X PUT"},
		{"no method", run("-X", "A B"), "-X: that is not a method"},
		{"unknown flag", run("--nope"), "unknown flag: --nope"},
		{"unknown short flag, with a secret", run("-sy" + password), "readback: unknown flag: -y"},
		{"one dash", run("-then", "/x"), "readback: unknown flag: -t; did you mean --then?"},
		{"one dash, and what is curl's", run("-expect=.a"), "readback: unknown flag: -e; did you mean --expect?"},
		{"no quotes", run("--expect", ".state == done"), "function not defined: done/0; a member begins with a dot, and a text stands in double quotes"},
		{"almost a flag", run("--expct", "x"), "unknown flag: --expct; did you mean --expect?"},
		{"a swapped one", run("--wihtin", "1s"), "did you mean --within?"},
		{"another program's", run("--timeout", "1s"), "unknown flag: --timeout; here it is --within"},
		{"no format", run("-w", "%{nope}"), "-w: there is no %{nope}: there are command, name"},
		{"two formats", run("-w", "%{exit}", "--json"), "stdout has one result"},
		{"two bodies", run("-F", "a=b"), "there is one body: one of -d, -F and -T"},
		{"no part", []string{"run", r.url, "-F", "a"}, "-F: want NAME=CONTENT"},
		{"no file of a part", []string{"run", r.url, "-F", "a=@missing"}, "-F: open missing"},
		{"no upload", []string{"run", r.url, "-T", "missing"}, "-T: open missing"},
		{"no JSON", []string{"run", r.url, "--data-json", "{a:1}"}, "--data-json: that is not JSON"},
		{"no cookie", run("-b", "cookies.txt"), "files of cookies are not read"},
		{"a query that writes", []string{"run", r.url, "-G", "-d", "a=b"}, "GET is not a write"},
		{"JSON as in curl", []string{"run", r.url, "--json", "{}"}, "--json takes no value, it is for the result: a body is -d"},
		{"unknown command", []string{"nope"}, `unknown command "nope"`},
		{"almost a command", []string{"rn"}, `unknown command "rn" for "readback"; did you mean run?`},
		{"almost two", []string{"wun"}, `did you mean run?`},
		{"no help", []string{"help", "nope"}, `there is no command "nope"`},
		{"no help of that", []string{"help", "run", "nope"}, `there is no command "run nope"`},
		{"nothing at all", nil, "there is no command: readback --help lists them"},
		{"no shell's name", []string{"completion"}, "say for which shell: bash, fish, powershell or zsh"},
		{"no folder for the manual", []string{"man"}, "there is no DIRECTORY for the pages"},
		{"no shell", []string{"completion", "nope"}, `unknown command "nope" for "readback completion"`},
		{"two thens", run("--then", "--then"), "--then was given before"},
		{"then with a value", run("--then=GET"), "--then takes no value"},

		{"within 0", run("--within", "0"), "want a time above 0"},
		{"within below 0", run("--within=-1s"), "want a time above 0"},
		{"within without a unit", run("--within", "30"), "want a time above 0 with its unit, such as 500ms or 1m30s"},
		{"interval 0", run("--interval", "0s"), "want a time above 0"},
		{"settle 0", run("--settle", "0"), "want a number of reads from 1 to 32767"},
		{"max-time 0", run("-m", "0"), "--max-time"},
		{"window 0", run("--window", "403=0s"), "--window"},
		{"window of what", run("--window", "500=1s"), "want one of 404, 403, stale"},
		{"for what", run("--for", "ever"), "want present, absent or match"},
		{"match without a match", run("--for", "match"), "--expect-json"},
		{"PUT without a match", []string{"run", "-X", "PUT", r.url}, "--expect-json or --token, or --for present"},
		{"no expression", run("--expect", ".a =="), "--expect '.a ==': this is not an expression: "},
		{"what sets", run("--expect", `.state = "done"`), `--expect '.state = "done"': no answer makes this false: = sets a value, and == compares`},
		{"no function", run("--fail", "nope"), "--fail 'nope': this is not an expression: "},
		{"modules", run("--expect", `import "x" as x; .`), "this is not an expression: "},
		{"further input", run("--expect", "input"), "this is not an expression: "},
		{"mine by no expression", run("--find", "/x", "--mine", ".a ==", "--then", "/{id}"), "--mine '.a ==': this is not an expression: "},
		{"a field without a write", []string{"wait", r.url, "--expect-json", "id={id}"}, "there is no write whose answer"},
		{"data of a GET", run("--find", "GET /x", "--find-data", "x", "--mine", "a=b", "--then", "/{id}"), "--find-data has no use for a GET"},
		{"absent without a URL", run("--for", "absent"), "known before"},
		{"no pair", run("--expect-json", "/status"), "want POINTER=VALUE"},
		{"no status", run("--expect-status", "20x"), "want a status"},
		{"no token", run("--token", "nope"), "want mittwald, vault, cosmos"},
		{"no origin", run("--allow-origin", "h"), "want an origin"},

		{"template", run("--then", "/v1/{id"), "has a { without a }"},
		{"empty field", run("--then", "/v1/{}"), "cannot be"},
		{"print", run("--print", "{id"), "the braces do not match"},
		{"two results", run("--json", "--print", "{id}"), "stdout has one result"},
		{"two outputs", run("-o", "-", "--then", "-o", "-"), "stdout has one result"},

		{"no body file", run("-d", "@missing"), "-d: open missing: no such file"},
		{"no header file", run("-H", "@missing"), "-H: open missing: no such file"},
		{"no header", run("-H", password), `a header is "Name: value"`},
		{"no header's name", run("-H", password+" x: y"), "not the name of a header"},
		{"no header's value", run("-H", "X-A: "+password+"\x01"), "X-A: the value cannot be sent"},
		{"no password", run("-u", password), "want USER:PASSWORD"},
		{"no certificate", run("--cacert", "missing"), "--cacert: open missing"},
		{"no client certificate", run("--cert", "missing"), "--cert: open missing"},
		{"key alone", run("--key", "missing"), "--key has no use without --cert"},
		{"no proxy", run("-x", "ftp://me:"+password+"@h"), "--proxy: want a URL of"},
		{"no address", run("--resolve", "h:80:nowhere"), `"nowhere" is not an address`},
		{"output", run("-o", "missing/file"), "-o: open missing/file"},
		{"handle file", run("--handle-file", "missing/file"), "--handle-file: open missing"},

		{"find without mine", run("--find", "/x"), "--find needs --mine"},
		{"mine without find", run("--mine", "a=b"), "need --find"},
		{"find without found", run("--find", "/x", "--mine", "a=b"), "--find needs --found"},
		{"find by a header", run("--find", "/x", "--mine", "a=b", "--then", "/{header:X-Id}"), "has no {header:X-Id}"},
		{"find with a user", run("--find", "http://me:"+password+"@h/x", "--mine", "a=b", "--then", "/{id}"), "without user information"},
		{"resend of what", run("--resend", "always"), "--resend"},
		{"resend without a key", run("--resend", "with-key=1h"), "needs --idempotency-key"},

		{"no handle", []string{"resume"}, "there is no HANDLE"},
		{"no handle before then", []string{"resume", "--then", "/x"}, "there is no HANDLE"},
		{"not a handle", []string{"resume", "nope"}, "that is no handle"},
		{"nothing to wait for", []string{"wait"}, "there is no URL"},
		{"nothing to run", []string{"wait", "--"}, "there is no URL"},
		{"no such command", []string{"wait", "--", "no-such-command"}, "executable file not found"},
		{"absent for a command", []string{"wait", "--for", "absent", "--", "true"}, "--for absent has no meaning"},
		{"curl for a command", []string{"wait", "-k", "--", "true"}, "curl's flags have no use"},
		{"demo's argument", []string{"demo", "x"}, "unknown command"},
		{"demo's address", []string{"demo", "--listen", "nowhere"}, "listen tcp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := readback(t, tt.args...)
			assert.Equal(t, 2, p.status)
			assert.Empty(t, p.stdout)
			line := one(t, p.stderr)
			assert.True(t, strings.HasPrefix(line, "readback: "), line)
			assert.Contains(t, line, tt.want)
		})
	}
	t.Cleanup(func() { assert.Empty(t, r.requests()) })
}

// A write that never left is failed, and one that did is never.
func TestBadInput_unreachable(t *testing.T) {
	t.Parallel()
	const closed = "http://127.0.0.1:1"
	p := readback(t, "run", closed, "-d", "x")
	assert.Equal(t, 1, p.status)
	assert.Contains(t, one(t, p.stdout), "connection refused")
	assert.NotContains(t, p.stderr, "was sent")

	p = readback(t, "run", "http://no-such-host.invalid", "-d", "x", "-q")
	assert.Equal(t, 1, p.status)
	assert.Contains(t, one(t, p.stdout), "no-such-host.invalid")
	assert.Empty(t, p.stderr)

	p = readback(t, "wait", closed, "--within", "2s")
	assert.Equal(t, 124, p.status)
	assert.Contains(t, one(t, p.stdout), "connection refused")
}

func TestBadInput_tls(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/7")
		_, _ = w.Write([]byte(`{"id":7}`))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is to fail
	server.StartTLS()
	t.Cleanup(server.Close)

	p := readback(t, "run", server.URL, "-d", "x", "-q")
	assert.Equal(t, 1, p.status)
	assert.Contains(t, one(t, p.stdout), "certificate")

	p = readback(t, "run", server.URL, "-d", "x", "-q", "-k")
	assert.Equal(t, 0, p.status, p.stdout)
}

// The write was sent, and the run says so and how to go on.
func TestBadInput_afterTheWrite(t *testing.T) {
	t.Parallel()
	created := func(contentType, body string) func(http.ResponseWriter, int, *http.Request) {
		return func(w http.ResponseWriter, n int, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			if n == 1 {
				w.Header().Set("Location", "http://other.example/7")
				w.WriteHeader(http.StatusCreated)
			}
			_, _ = w.Write([]byte(body))
		}
	}
	const page = "<html><title>Please log in</title></html>"
	tests := []struct {
		name   string
		answer func(http.ResponseWriter, int, *http.Request)
		args   []string
		want   string // on stdout
		next   string // after the handle
	}{
		{"a field that is not there", created("application/json", `{"a":1}`), []string{"--then", "/v1/{id}"},
			"the answer has no usable field {id}", " --then 'URL'"},
		{"a page in place of JSON", created("text/html; charset=utf-8", page), []string{"--then", "/v1/{id}"},
			"the last answer is text/html, not JSON", " --then 'URL'"},
		{"a page in place of what is read", created("text/html", page), []string{"--then", "/7", "--expect-json", "a=1", "--within", "2s"},
			"the last answer is text/html, not JSON", ""},
		{"nothing in place of JSON", created("", ""), []string{"--then", "/7", "--expect-json", "a=1", "--within", "2s"},
			"the last answer is empty, not JSON", ""},
		{"another origin", created("", ""), nil, "will not read http://other.example/7", " --allow-origin '...'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := recording(t, tt.answer)
			p := readback(t, append([]string{"run", r.url, "-d", "x"}, tt.args...)...)
			assert.Equal(t, 124, p.status)
			assert.Contains(t, one(t, p.stdout), tt.want)
			assert.Contains(t, p.stderr, "readback: the write was sent and carried out (answered 201); do not send it again.")
			assert.Regexp(t, `\n  readback resume [A-Za-z0-9_-]+`+tt.next+`\n$`, p.stderr)
			posts := 0
			for _, got := range r.requests() {
				if got.line == "POST /" {
					posts++
				}
			}
			assert.Equal(t, 1, posts)
		})
	}
}
