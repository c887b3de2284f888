// Package inbubble runs tests in bubbles of testing/synctest, where time is exact and
// nobody waits. A goroutine that is left behind makes a test fail.
package inbubble

import (
	"testing"
	"testing/synctest"
)

// Test runs a test with a clock of its own, beside other tests.
func Test(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// Run is Test for a subtest.
func Run(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { Test(t, test) })
}
