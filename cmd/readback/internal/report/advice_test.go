package report_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/consistency"
)

// asks returns the policy that an advice means.
func asks(a *report.Advice) consistency.Policy {
	return consistency.Policy{
		Within: a.Within.Duration(),
		Settle: a.Settle,
		Windows: consistency.Windows{
			NotFound:   a.Windows["not found"].Duration(),
			Stale:      a.Windows["stale"].Duration(),
			StillThere: a.Windows["still there"].Duration(),
			Forbidden:  a.Windows["forbidden"].Duration(),
		},
		Schedule: readback.Backoff{FirstRead: a.First.Duration(), Initial: a.Initial.Duration(), Max: a.Max.Duration()},
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	// 404 until 400 ms, then 403 until 800 ms.
	slow := answered("404 404 404 404 403 403 403 403 200")
	a := of(slow, answered("404 200")).Summary().Advice
	require.NotNil(t, a)
	assert.Equal(t, 3, a.Margin, "of a small sample")
	assert.Equal(t, 2500*ms, a.Within, "three times 805 ms, rounded up")
	assert.Equal(t, map[string]report.Millis{"not found": 1500 * ms, "forbidden": 1200 * ms}, a.Windows)
	require.NoError(t, asks(a).Validate())

	many := steady
	many.flows = 200
	assert.Equal(t, 2, many.measured().Summary().Advice.Margin)
	assert.Nil(t, of(answered("404"), answered("503")).Summary().Advice, "nothing was seen")
}

// What some flow did not get over has no window but the whole, and that is
// longer than what was waited in vain.
func TestAdvice_censored(t *testing.T) {
	t.Parallel()
	a := of(answered("404 200"), answered("404 404 404 404 404 404 404 404 404 404 404")).Summary().Advice
	require.NotNil(t, a)
	assert.Equal(t, 3000*ms, a.Within)
	assert.Empty(t, a.Windows)
}

// The flags mean the same to readback run as the advice.
func TestAdvice_flags(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]service{"steady": steady, "flips": flippy, "tail": tailed} {
		a := s.measured().Summary().Advice
		var flags flow.Flags
		set := pflag.NewFlagSet("run", pflag.ContinueOnError)
		flags.AddFlags(set)
		require.NoError(t, set.Parse(strings.Fields(a.Flags)), name)
		got, err := flags.Policy()
		require.NoError(t, err, name)
		assert.Equal(t, asks(a), got, name)
	}
}

// The code compiles, and declares the same policy.
func TestAdvice_goCode(t *testing.T) {
	t.Parallel()
	var program strings.Builder
	program.WriteString(`package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

func main() {
	_ = time.Second
	show := func(p consistency.Policy) {
		_ = json.NewEncoder(os.Stdout).Encode([]any{p.Within, p.Settle, p.Windows, p.Schedule})
	}
`)
	services := []service{steady, flippy, tailed}
	for _, s := range services {
		program.WriteString("\t{\n" + s.measured().Summary().Advice.Go + "\n\tshow(policy)\n\t}\n")
	}
	program.WriteString("}\n")
	file := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(file, []byte(program.String()), 0o600))
	out, err := exec.Command("go", "run", file).CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, program.String())

	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, len(services))
	for i, s := range services {
		p := asks(s.measured().Summary().Advice)
		want, err := json.Marshal([]any{p.Within, p.Settle, p.Windows, p.Schedule})
		require.NoError(t, err)
		assert.JSONEq(t, string(want), lines[i])
	}
}

func TestMillis(t *testing.T) {
	t.Parallel()
	for give, want := range map[time.Duration]string{
		0: "0", time.Second: "1000", 1500 * time.Microsecond: "1.5", 1234567 * time.Nanosecond: "1.235", forever.Duration(): "null",
	} {
		got, err := json.Marshal(report.Millis(give))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
		var back report.Millis
		require.NoError(t, json.Unmarshal(got, &back))
		again, err := json.Marshal(back)
		require.NoError(t, err)
		assert.Equal(t, want, string(again))
	}
	var m report.Millis
	require.Error(t, json.Unmarshal([]byte(`1e300`), &m))
	require.Error(t, json.Unmarshal([]byte(`"1s"`), &m))
}
