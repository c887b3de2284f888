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
	"github.com/readback-go/readback/cmd/readback/internal/request"
)

const text = `{"readback_command":2,"write":{"method":"POST","url":"http://h/x"},"read":{},"again":{"write":[{"flag":"-H","name":"Authorization"}]},` +
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
	_, err = handle.Create(file, h)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	for _, given := range []string{file, word, " " + word + "\n", word + "==", text} {
		got, from, err := handle.Read(given, nil)
		require.NoError(t, err)
		assert.Equal(t, given == file, from.Own())
		same, err := got.Text()
		require.NoError(t, err)
		assert.Equal(t, word, same)
	}
	for _, piped := range []string{text, word + "\n"} {
		got, _, err := handle.Read("-", strings.NewReader(piped))
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
		strings.Replace(text, `"readback_command":2`, `"readback_command":3`, 1):    "of version 3, newer than 2",
		strings.Replace(text, `"readback_command":2`, `"readback_command":1`, 1):    "of version 1, which was a command line",
		strings.Replace(text, `"read":{}`, `"read":{"output":"x"}`, 1):              "not one that this command made",
	} {
		_, _, err := handle.Read(given, strings.NewReader(""))
		assert.ErrorContains(t, err, want, given)
	}
}

// The command line can be copied into a shell as it is, and names what to fill in.
func TestCommand(t *testing.T) {
	t.Parallel()
	header := func(name string) request.Need { return request.Need{Flag: "-H", Name: name} }
	const start = "readback resume 'it'\\''s here'"
	for want, again := range map[string]handle.Again{
		start: {},
		start + " -H 'X-A: ...' --proxy '...' 'URL'":                          {Write: []request.Need{header("X-A"), {Flag: "--proxy"}, request.NeedURL}},
		start + " --find '...' --then -d '...' 'URL'":                         {Find: true, Read: []request.Need{{Flag: "-d"}, request.NeedURL}},
		start + " --find '...' --mine '...' --found '...'":                    {Lost: true},
		start + " --allow-origin '...' --then -H 'X-A: ...'":                  {Origin: true, Read: []request.Need{header("X-A")}},
		start + " --origin https://h --cacert '/a b' --insecure -H 'Host: x'": {Named: []string{"https://h"}, Write: []request.Need{{Flag: "--cacert", Value: "/a b"}, {Flag: "--insecure", Switch: true}, {Flag: "-H", Name: "Host", Value: "x"}}},
		start + " --expect '.a == \"b\"'":                                     {Expressions: []request.Need{{Flag: "--expect", Shown: `.a == "b"`}}},
	} {
		assert.Equal(t, want, again.Command("it's here"))
	}
	assert.Equal(t, "readback resume a/b-1.json", handle.Again{}.Command("a/b-1.json"))
	assert.Equal(t, "readback resume ''", handle.Again{}.Command(""))
}

// A file is made once, and touched only while it is the same.
func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := parsed(t)
	name := filepath.Join(dir, "new")
	file, err := handle.Create(name, h)
	require.NoError(t, err)
	_, err = handle.Create(name, h)
	assert.ErrorIs(t, err, handle.ErrTaken)
	require.NoError(t, file.Save(h))
	require.NoError(t, file.Save(h))
	assert.True(t, file.Own())

	require.NoError(t, os.Remove(name))
	require.NoError(t, file.Save(h), "one that is gone is made again")
	require.NoError(t, os.Remove(name))
	require.NoError(t, os.WriteFile(name, []byte("other"), 0o600))
	assert.ErrorContains(t, file.Save(h), "another file now")
	assert.ErrorContains(t, file.Remove(), "another file now")

	_, err = handle.Create(dir, h)
	assert.ErrorIs(t, err, handle.ErrTaken)
	_, err = handle.Create(filepath.Join(dir, "none", "x"), h)
	assert.ErrorContains(t, err, "no such file")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 1, "nothing is left")
}
