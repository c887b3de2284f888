package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/report"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file that is kept.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

// small is a measurement with one of everything.
func small() *report.Run {
	left, refused, lost := answered("404 403 200 200"), report.Flow{Took: 3 * ms, Status: 409, Class: "refused", Outcome: "failed", Error: "answered 409 Conflict"}, answered("404 404 404")
	left.Cleanup = "DELETE https://api.example/v1/workspaces/3: 409 Conflict"
	lost.Error = "unconfirmed: 3 reads"
	r := of(answered("404 200 404 200 200"), answered("200 200"), left, refused, lost)
	r.Count, r.Interrupted = 8, true
	return r
}

// The JSON is read by programs: what it says must stay.
func TestSave_golden(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	require.NoError(t, small().Save(&b))
	golden(t, "run.json", b.Bytes())
}

func TestTell_golden(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]func(*bytes.Buffer) error{
		"small.txt":     func(b *bytes.Buffer) error { return small().Tell(b, nil, false) },
		"nothing.txt":   func(b *bytes.Buffer) error { return nothing().Tell(b, nil, false) },
		"compared.txt":  func(b *bytes.Buffer) error { return flippy.measured().Tell(b, steady.measured(), false) },
		"censored.txt":  func(b *bytes.Buffer) error { return censored().Tell(b, nil, false) },
		"compared.json": func(b *bytes.Buffer) error { return small().Tell(b, small(), true) },
	} {
		var b bytes.Buffer
		require.NoError(t, tell(&b))
		golden(t, name, b.Bytes())
	}
}

// What was saved tells the same when it is loaded.
func TestLoad(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*report.Run{
		"small": small(), "steady": steady.measured(), "nothing": nothing(), "hostile": hostile(),
	} {
		var saved, again, page, samePage bytes.Buffer
		require.NoError(t, r.Save(&saved))
		loaded, err := report.Load(bytes.NewReader(saved.Bytes()))
		require.NoError(t, err, name)
		require.NoError(t, loaded.Save(&again))
		assert.True(t, saved.String() == again.String(), name)
		require.NoError(t, r.Page(&page, nil))
		require.NoError(t, loaded.Page(&samePage, nil))
		assert.True(t, page.String() == samePage.String(), name)
	}
}

func TestLoad_refuses(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]string{
		``:               "not a saved measurement: EOF",
		`<html>`:         "not a saved measurement: invalid character '<' looking for beginning of value",
		`{}`:             "not a saved measurement: it has no version",
		`{"version": 2}`: "a saved measurement of version 2, and only 1 is known here",
		`{"version": 1, "flows": [{"reads": [{"ms": 5}, {"ms": 3}]}]}`:         "not a saved measurement: the reads of its flow 1 are not in order",
		`{"version": 1, "flows": [{"reads": [{"ms": -1}]}]}`:                   "not a saved measurement: the reads of its flow 1 are not in order",
		`{"version": 1, "flows": [{"reads": [{"ms": 1, "took_ms": null}]}]}`:   "not a saved measurement: the reads of its flow 1 are not in order",
		`{"version": 1, "flows": [{"reads": [{"ms": 1, "took_ms": 1e99}]}]}`:   "not a saved measurement: 1e+99 ms are out of range",
		`{"version": 1, "flows": [{"reads": [{"ms": 1, "took_ms": "long"}]}]}`: "not a saved measurement: json: cannot unmarshal string into Go",
	} {
		_, err := report.Load(strings.NewReader(give))
		require.Error(t, err, give)
		assert.Contains(t, err.Error(), want)
	}
}

// A measurement that holds nothing is told of all the same.
func TestTell_empty(t *testing.T) {
	t.Parallel()
	r, err := report.Load(strings.NewReader(`{"version": 1}`))
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, r.Tell(&b, r, false))
	require.NoError(t, r.Tell(&b, r, true))
	require.NoError(t, r.Page(&b, r))
}
