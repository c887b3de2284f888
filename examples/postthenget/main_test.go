package main

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quick are the flags of a service whose lags are short, since its sockets are
// real and so is the time.
var quick = []string{"-workspaces-lag", "10ms", "-memberships-lag", "25ms", "-fault", "504 later 20ms", "-within", "200ms"}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"one replica", nil},
		{"flipping replicas", []string{"-replicas", "3", "-replica-spread", "10ms", "-settle", "6"}},
		{"executed at once, answered 503", []string{"-fault", "503 at-once"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := parse(append(append([]string{}, quick...), tt.args...))
			require.NoError(t, err)
			var out strings.Builder

			require.NoError(t, run(t.Context(), &out, s))

			assert.Regexp(t, `create alpha\n +0 ms  write +ok +applied`, out.String())
			assert.Regexp(t, `(?m)^create gamma, 504 +confirmed .* right$`, out.String())
			assert.Regexp(t, `(?m)^create delta, 503, never run +unconfirmed .* right$`, out.String())
			assert.Regexp(t, `(?m)^create without a name +failed +0 reads .* right$`, out.String())
			assert.Len(t, regexp.MustCompile(`(?m) right$`).FindAllString(out.String(), -1), 6)
			assert.Contains(t, out.String(), `to go on later: {"readback":2,`)
		})
	}
}

// A fault that never executes what the flow expects to find is told by the exit
// status.
func TestRun_wrongOutcome(t *testing.T) {
	t.Parallel()
	s, err := parse(append(append([]string{}, quick...), "-fault", "504 never"))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()

	assert.ErrorContains(t, run(ctx, io.Discard, s), "create gamma, 504")
}

func TestParse_invalid(t *testing.T) {
	t.Parallel()
	_, err := parse([]string{"-replicas", "many"})
	assert.Error(t, err)
}
