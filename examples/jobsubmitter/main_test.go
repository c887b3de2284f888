package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// A worker is this binary, started again.
func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) != "" {
		if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-jobs", "40"}, &out, &errs), "%s", &out)
	assert.Regexp(t, `^The first worker was killed when \d+ of 40 jobs were done\.\n`, out.String())
	assert.Contains(t, out.String(), "lost 0, made twice 0, told wrong 0\n")
	assert.Empty(t, errs.String(), "no bar without a terminal")
}

// Whoever interrupts it is told so, and leaves no worker behind.
func TestRun_interrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := run(ctx, nil, first(cancel), io.Discard)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "the second worker: ")
}

// first is a writer that calls itself when something is written.
type first func()

func (f first) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

func TestRun_arguments(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"there must be a job, not 0": {"-jobs", "0"},
		`unexpected argument "x"`:    {"x"},
	} {
		var out bytes.Buffer
		require.ErrorContains(t, run(t.Context(), args, &out, &out), want)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	good := table{
		rows: map[string]map[consistency.Outcome]int{"": {consistency.Confirmed: 2}, "503 never": {consistency.Unconfirmed: 1}},
		made: map[string]int{"": 2},
	}
	var out bytes.Buffer
	good.print(&out)
	assert.Equal(t, `                 the service  confirmed  unconfirmed  failed  made
                    answered          2            0       0     2
        503, and carried out          0            0       0     0
  504, and carried out later          0            0       0     0
  503, and never carried out          0            1       0     0
lost 0, made twice 0, told wrong 0
`, out.String())
	require.NoError(t, good.verdict())
	for _, bad := range []table{{lost: 1}, {double: 1}, {wrong: 1}} {
		require.Error(t, bad.verdict())
	}
}
