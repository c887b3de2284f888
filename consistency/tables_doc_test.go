package consistency_test

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// Case E7: the tables and the defaults in the package's documentation are those
// that decide.
func TestDoc_tables(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for name, want := range map[string]string{
		"writes": consistency.WriteTableText(), "reads": consistency.ReadTableText(), "defaults": consistency.DefaultsText(),
	} {
		assert.Contains(t, string(doc), want, name)
	}
}

// What is remembered of a flow between two visits stays small: a million of them
// are waited for at once.
func TestCourse_staysSmall(t *testing.T) {
	t.Parallel()
	assert.LessOrEqual(t, unsafe.Sizeof(consistency.Course{}), uintptr(152))
}
