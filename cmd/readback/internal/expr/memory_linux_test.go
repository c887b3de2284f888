//go:build !race

package expr_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/expr"
)

// children returns the most memory, in KiB, that any child of this process has
// had so far, as the system says.
func children(t *testing.T) (most int) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	for _, list := range lists {
		pids, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(pids)) {
			status, _ := os.ReadFile("/proc/" + pid + "/status") // it may have ended
			_, rest, _ := strings.Cut(string(status), "VmHWM:")
			if fields := strings.Fields(rest); len(fields) > 0 {
				n, _ := strconv.Atoi(fields[0])
				most = max(most, n)
			}
		}
	}
	return most
}

// The most that a child takes stays far from the gigabyte that the expression asks
// for.
func TestEval_memory(t *testing.T) {
	j := judge(t, `"x" * 1e9 | length`, `[range(1e9)] | length`)
	for n := range 2 {
		done := make(chan error, 1)
		go func() {
			_, err := j.Eval(t.Context(), n, expr.Input{Document: json.RawMessage(`1`)})
			done <- err
		}()
		most := 0
		for look := time.Tick(time.Millisecond); ; {
			select {
			case err := <-done:
				require.ErrorIs(t, err, expr.ErrLimit)
				assert.Less(t, most, 560<<10)
				t.Logf("%d MiB", most>>10)
			case <-look:
				most = max(most, children(t))
				continue
			}
			break
		}
	}
}
