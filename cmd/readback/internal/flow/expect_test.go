package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/readbackhttp"
)

// A value is JSON or a text; what is JSON but no text is also the text that
// spells it.
func TestMatches(t *testing.T) {
	t.Parallel()
	const doc = `{"status":"done","n":7,"text":"7","on":true,"no":null,"list":[{"a/b":1}],"o":{"x":[1,2]},"empty":""}`
	for pair, want := range map[string]bool{
		"/status=done":   true,
		"status=done":    true,
		`status="done"`:  true,
		"status=Done":    false,
		"n=7":            true,
		`n="7"`:          false,
		"n=7.0":          true,
		"text=7":         true,
		`text="7"`:       true,
		"on=true":        true,
		`on="true"`:      false,
		"no=null":        true,
		"missing=null":   false,
		"/list/0/a~1b=1": true,
		"/list/1/a~1b=1": false,
		`o={"x":[1,2]}`:  true,
		`o={"x":[2,1]}`:  false,
		"empty=":         true,
		"status=":        false,
		"status=a=b":     false,
	} {
		matches, err := flow.Matches([]string{pair})
		require.NoError(t, err, pair)
		assert.Equal(t, want, matches([]byte(doc)), pair)
		assert.False(t, matches([]byte("<html>")), pair)
	}
	both, err := flow.Matches([]string{"n=7", "on=false"})
	require.NoError(t, err)
	assert.False(t, both([]byte(doc)), "all of several")
}

func TestParseToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]readbackhttp.Token{
		"":         nil,
		"mittwald": readbackhttp.Mittwald(),
		"A:B":      readbackhttp.HeaderToken{Answer: "A", Request: "B"},
		"A:B:409":  readbackhttp.HeaderToken{Answer: "A", Request: "B", BehindStatus: 409},
	} {
		got, err := flow.ParseToken(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"A", "A:", ":B", "A:B:x", "A:B:200", "A:B:600", "A:B:409:1"} {
		_, err := flow.ParseToken(text)
		assert.Equal(t, exit.Usage, exit.StatusOf(err, 0), text)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	f := flow.Flags{Within: time.Minute, Settle: 3, Window: []string{"404=1s", "forbidden=2s", "stale=3s", "still-there=4s", "412=5s"}}
	p, err := f.Policy()
	require.NoError(t, err)
	assert.Equal(t, time.Minute, p.Within)
	assert.Equal(t, 3, p.Settle)
	assert.Equal(t, []time.Duration{1e9, 2e9, 3e9, 4e9, 5e9},
		[]time.Duration{p.Windows.NotFound, p.Windows.Forbidden, p.Windows.Stale, p.Windows.StillThere, p.Windows.BehindToken})
	for _, bad := range []flow.Flags{
		{Window: []string{"404"}}, {Window: []string{"404=-1s"}}, {Window: []string{"409=1s"}}, {Interval: 2 * time.Second, MaxInterval: time.Second},
	} {
		_, err := bad.Policy()
		assert.Equal(t, exit.Usage, exit.StatusOf(err, 0))
	}
}
