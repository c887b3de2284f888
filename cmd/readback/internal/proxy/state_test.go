package proxy_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
)

// What was learned outlives the process, and nothing else is left of it.
func TestCommand_learnState(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := newService(0)
	s.hide = 2
	upstream := httptest.NewServer(s)
	t.Cleanup(upstream.Close)
	file := filepath.Join(t.TempDir(), "state.json")
	learned := func() *readback.Learned {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		l := readback.NewLearned(readback.LearnedOptions{})
		require.NoError(t, json.Unmarshal(data, l))
		return l
	}
	session := func(signal os.Signal) {
		p := start(t, "proxy", "--upstream", upstream.URL, "--listen", "127.0.0.1:0", "--learn-state", file)
		url := p.line(t)
		_ = learned() // from the beginning there is a whole file
		client := newClient(t)
		for range 10 {
			at, err := post(client, url+"/things", "body")
			require.NoError(t, err)
			require.NoError(t, get(client, url+at, 200))
		}
		require.NoError(t, p.Process.Signal(signal))
		_, _ = p.end(t)
	}
	session(syscall.SIGTERM)
	first := learned().Quantile(0.5)
	assert.Positive(t, first)
	assert.Less(t, first, time.Since(began))
	before, err := os.ReadFile(file)
	require.NoError(t, err)

	session(syscall.SIGKILL) // loses what was learned meanwhile, and no more
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(after))

	session(os.Interrupt)
	again := learned()
	assert.Positive(t, again.Quantile(0.5))
	assert.Less(t, again.Quantile(0.5), time.Since(began))
	assert.Greater(t, len(marshal(t, again)), 0)
	assert.NotEqual(t, string(before), string(marshal(t, again)), "went on learning")

	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, left, 1)
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return data
}

// A file that is not understood stays as it is, and nothing begins.
func TestCommand_learnStateNotOurs(t *testing.T) {
	t.Parallel()
	good := marshal(t, readback.NewLearned(readback.LearnedOptions{}))
	var newer map[string]any
	require.NoError(t, json.Unmarshal(good, &newer))
	require.Contains(t, newer, "version")
	newer["version"] = 1000
	for name, data := range map[string][]byte{
		"cut short": good[:len(good)/2], "newer": marshal(t, newer), "another's": []byte("hello"), "empty": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "state.json")
			require.NoError(t, os.WriteFile(file, data, 0o640))
			stdout, stderr, status := run(t, "proxy", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--learn-state", file)
			assert.Equal(t, 2, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, "readback: --learn-state: "+file+" is not what this version of readback learned, and stays as it is: ")
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, data, after)
		})
	}
}

// The exit status of a command says nothing of the file: that it could not be
// written is said aloud.
func TestCommand_learnStateLost(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(dir, 0o700))
	args := []string{"proxy", "--upstream", "http://127.0.0.1:1", "-q", "--learn-state", filepath.Join(dir, "state.json"), "--", "sh", "-c", `rm -r "$1"; exit 3`, "sh", dir}
	_, stderr, status := run(t, args...)
	assert.Equal(t, 3, status)
	assert.Contains(t, stderr, "readback: --learn-state: what was learned is lost: ")

	require.NoError(t, os.Mkdir(dir, 0o700))
	p := start(t, append(args[:6:6], "--listen", "127.0.0.1:0")...)
	_ = p.line(t)
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, p.Process.Signal(os.Interrupt))
	_, status = p.end(t)
	assert.Equal(t, 74, status)
	assert.Contains(t, p.Stderr.String(), "readback: --learn-state: what was learned is lost: ")
}
