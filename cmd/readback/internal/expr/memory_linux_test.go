package expr_test

import (
	"encoding/json"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/expr"
)

// The most that any child took, as the system counts it, stays far from the
// gigabyte that the expression asks for.
func TestEval_memory(t *testing.T) {
	j := judge(t, `"x" * 1e9 | length`, `[range(1e9)] | length`)
	for n := range 2 {
		_, err := j.Eval(t.Context(), n, expr.Input{Document: json.RawMessage(`1`)})
		require.ErrorIs(t, err, expr.ErrLimit)
	}
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage))
	assert.Less(t, usage.Maxrss, int64(450<<10), "in KiB")
	t.Logf("largest child: %d MiB", usage.Maxrss>>10)
}
