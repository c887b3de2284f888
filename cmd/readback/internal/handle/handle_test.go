//go:build unix

package handle_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/handle"
)

const text = `{"readback_command":1,"write":["-X","POST","http://h/x"],"read":[],"again":{"write":["-H Authorization"]},` +
	`"pending":{"readback":1,"name":"POST http://h/x","goal":"present","class":"applied","written":{"location":"http://h/x/7"}}}`

func parsed(t *testing.T) (h handle.Handle) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &h))
	return h
}

// A handle is found in each of its forms, and says the same.
func TestRead(t *testing.T) {
	t.Parallel()
	h := parsed(t)
	word, err := h.Text()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "h.json")
	require.NoError(t, h.Save(file))
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	for _, given := range []string{file, word, " " + word + "\n", word + "==", text} {
		got, err := handle.Read(given, nil)
		require.NoError(t, err)
		same, err := got.Text()
		require.NoError(t, err)
		assert.Equal(t, word, same)
	}
	for _, piped := range []string{text, word + "\n"} {
		got, err := handle.Read("-", strings.NewReader(piped))
		require.NoError(t, err)
		same, err := got.Text()
		require.NoError(t, err)
		assert.Equal(t, word, same)
	}
}

func TestRead_wrong(t *testing.T) {
	t.Parallel()
	word, err := parsed(t).Text()
	require.NoError(t, err)
	for given, want := range map[string]string{
		"":                 "not all of one",
		"-":                "not all of one",
		"nope":             "neither a file, nor all of the text",
		word[:len(word)-9]: "neither a file, nor all of the text",
		text[:len(text)-9]: "not all of one",
		t.TempDir():        "is a directory",
		`{}`:               "no handle of this command",
		`{"readback":1,"name":"x","goal":"present","class":"applied","written":{}}`: "no handle of this command",
		strings.Replace(text, `"readback_command":1`, `"readback_command":2`, 1):    "of version 2, newer than 1",
	} {
		_, err := handle.Read(given, strings.NewReader(""))
		assert.ErrorContains(t, err, want, given)
	}
}

// The command line can be copied into a shell as it is, and names what to fill in.
func TestCommand(t *testing.T) {
	t.Parallel()
	for want, again := range map[string]handle.Again{
		"readback resume 'it'\\''s here'":                                           {},
		"readback resume 'it'\\''s here' -H 'X-A: ...' --proxy '...' 'URL'":         {Write: []string{"-H X-A", "--proxy", "URL"}},
		"readback resume 'it'\\''s here' --find '...' --then -d '...' 'URL'":        {Find: true, Read: []string{"-d", "URL"}},
		"readback resume 'it'\\''s here' --find '...' --mine '...' --found '...'":   {Lost: true},
		"readback resume 'it'\\''s here' --allow-origin '...' --then -H 'X-A: ...'": {Origin: true, Read: []string{"-H X-A"}},
	} {
		assert.Equal(t, want, again.Command("it's here"))
	}
	assert.Equal(t, "readback resume a/b-1.json", handle.Again{}.Command("a/b-1.json"))
	assert.Equal(t, "readback resume ''", handle.Again{}.Command(""))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	assert.NoError(t, handle.Check(filepath.Join(dir, "new")))
	assert.ErrorContains(t, handle.Check(dir), "is not a file")
	assert.ErrorContains(t, handle.Check(filepath.Join(dir, "none", "x")), "no such file")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, files, "nothing is left")
}
