//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A report has a test for each thing, and says what is wrong with it.
func TestCI_junit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	report := func() (suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Class   string `xml:"classname,attr"`
			Failure *struct {
				Type    string `xml:"type,attr"`
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
			Error *struct{} `xml:"error"`
			Out   string    `xml:"system-out"`
		} `xml:"testcase"`
	}) {
		data, err := os.ReadFile(filepath.Join(dir, "report.xml"))
		require.NoError(t, err)
		require.NoError(t, xml.Unmarshal(data, &suite))
		return suite
	}
	run := func(args ...string) process {
		return call{dir: dir, args: append([]string{args[0], "--report-junit", "report.xml", "-q"}, args[1:]...)}.run(t)
	}
	r := inTurn(t, "404 | {}", `{"id":7}`)
	p := run("run", r.url, "-d", "x", "-H", authorization)
	require.Equal(t, 0, p.status, p.stderr)
	got := report()
	assert.Equal(t, []int{1, 0, 0}, []int{got.Tests, got.Failures, got.Errors})
	assert.Equal(t, "POST "+r.url, got.Cases[0].Name)
	assert.Equal(t, "readback.run", got.Cases[0].Class)
	assert.Contains(t, got.Cases[0].Out, "404 pending (not found)\nread 2 after ")

	p = run("run", inTurn(t, "404 | <"+key+"&\x01>").url, "-d", "x", "-H", authorization, "--within", "50ms")
	require.Equal(t, 124, p.status)
	got = report()
	require.NotNil(t, got.Cases[0].Failure)
	assert.Equal(t, "unconfirmed", got.Cases[0].Failure.Type)
	assert.Contains(t, got.Cases[0].Failure.Message, "unconfirmed after ")
	assert.Contains(t, got.Cases[0].Failure.Text, "readback resume ")

	p = run("wait", inTurn(t, "{}{").url, "--and", inTurn(t, "401 | {}").url, "--and", "--", "true")
	assert.Equal(t, 3, p.status)
	got = report()
	assert.Equal(t, 3, got.Tests)
	assert.Equal(t, 1, got.Errors)
	p = call{args: []string{"wait", r.url, "--report-junit", "missing/x"}}.run(t)
	assert.Equal(t, 2, p.status)
}

// Annotations and a summary are written where GitHub's variables are, and only if
// they were asked for.
func TestCI_github(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	summary := filepath.Join(dir, "summary.md")
	r := recording(t, func(w http.ResponseWriter, _ int, _ *http.Request) { w.WriteHeader(400) })
	env := []string{"GITHUB_ACTIONS=true", "GITHUB_STEP_SUMMARY=" + summary}
	p := call{env: env, args: []string{"wait", r.url + "/a%25b"}}.run(t)
	assert.NotContains(t, p.stderr, "::")
	assert.NoFileExists(t, summary)
	p = call{args: []string{"wait", r.url, "--github"}}.run(t)
	assert.NotContains(t, p.stderr, "::", "this is no job of GitHub's")
	p = call{env: env, args: []string{"wait", "-q", r.url + "/a%25b", "--github"}}.run(t)
	assert.Equal(t, 3, p.status)
	assert.Regexp(t, `^::error title=readback%3A unconfirmed::GET `+r.url+`/a%2525b: unconfirmed after 1 read`, one(t, p.stderr))
	p = call{env: env, args: []string{"wait", "-q", "--github", "--and", "--", "true"}}.run(t)
	assert.Equal(t, 2, p.status)
	p = call{env: env, args: []string{"wait", "-q", "--github", "--", "true"}}.run(t)
	assert.Empty(t, p.stderr)
	text, err := os.ReadFile(summary)
	require.NoError(t, err)
	assert.Contains(t, string(text), "| :x: unconfirmed | GET "+r.url+"/a%25b | 1 | ")
	assert.Contains(t, string(text), "| :white_check_mark: confirmed | true | 1 | ")
}

// Events come as they happen, on a descriptor of their own.
func TestCI_events(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	cmd := call{args: []string{"run", "-q", inTurn(t, "404 | {}", `{"id":7}`).url, "-d", "x", "-H", authorization, "--events-fd", "3"}}.cmd(t)
	cmd.ExtraFiles = []*os.File{writer}
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	require.NoError(t, cmd.Start())
	require.NoError(t, writer.Close())
	var kinds []string
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		holdsNoSecret(t, lines.Text())
		var event struct {
			Event, Class, Verdict, Reason, Outcome string
			Status                                 int
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &event))
		kinds = append(kinds, strings.TrimSpace(event.Event+" "+event.Class+event.Verdict+event.Outcome))
	}
	require.NoError(t, cmd.Wait())
	assert.Equal(t, []string{"write applied", "read pending", "read ready", "result confirmed"}, kinds)
	one(t, stdout.String())

	for _, bad := range []string{"1", "2", "9", "-1"} { // 0 is none
		p := readback(t, "wait", "http://127.0.0.1:1", "--events-fd", bad)
		assert.Equal(t, 2, p.status, bad)
		assert.Contains(t, one(t, p.stderr), "--events-fd: ")
	}

	// A reader that is gone ends nothing.
	cmd = call{args: []string{"wait", "-q", "--events-fd", "3", "--", "true"}}.cmd(t)
	cmd.ExtraFiles = []*os.File{closedPipe(t)}
	require.NoError(t, cmd.Run())
}

// What is no file, such as a device or a pipe, is written to, and not replaced; a
// link leads to the file.
func TestCI_junitElsewhere(t *testing.T) {
	t.Parallel()
	r := inTurn(t, `{"id":7}`)
	dir := t.TempDir()
	out := filepath.Join(dir, "in.out")                    // no file that the test looks into
	require.NoError(t, os.Symlink("/proc/self/fd/1", out)) // as /dev/stdout is
	p := call{dir: dir, args: []string{"wait", "-q", r.url, "--report-junit", "in.out"}}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, p.stdout, "<testsuite")
	info, err := os.Lstat(out)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink, "it is what it was")

	require.NoError(t, os.Mkdir(filepath.Join(dir, "reports"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "reports", "real.xml"), []byte("before"), 0o600))
	require.NoError(t, os.Symlink("reports/real.xml", filepath.Join(dir, "link.xml")))
	p = call{dir: dir, args: []string{"wait", "-q", r.url, "--report-junit", "link.xml"}}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	text, err := os.ReadFile(filepath.Join(dir, "reports", "real.xml"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "<testsuite")
}
