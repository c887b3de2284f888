// Package page holds a page of documentation against what is true.
package page

import (
	"os"
	"strings"
	"testing"
)

// Of reads a file, and returns a function that fails a test if the page does not have some
// words, however its lines are broken.
func Of(t *testing.T, file string) (says func(t *testing.T, words string)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	return func(t *testing.T, words string) {
		t.Helper()
		if !strings.Contains(page, words) {
			t.Errorf("%s does not say %q", file, words)
		}
	}
}
