//go:build !race

package expr_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/expr"
)

// A document of the size that is usual at most has room, and time: the race
// detector takes many times as long.
func TestEval_large(t *testing.T) {
	t.Parallel()
	list := "[" + strings.Repeat(`{"id":1,"name":"something"},`, 400_000) + `{"id":2}]`
	got, err := judge(t, `length == 400001 and .[-1].id == 2`).Eval(t.Context(), 0, expr.Input{Document: json.RawMessage(list), Text: list})
	require.NoError(t, err)
	assert.True(t, got.True)
}
