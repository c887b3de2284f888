package readbackhttp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/readback-go/readback/internal/pointer"
)

// FaultJSON returns an Exchange.Fault that reports a document in which the JSON
// pointer finds one of the states given, in any case, such as FAILED. The document
// must be this write's: a state may be left of an earlier failure, right after an
// update.
//
// If at is not a JSON pointer or no state is given, it returns nil.
func FaultJSON(at string, states ...string) func(Ref, *Document) error {
	if !pointer.Valid(at) || len(states) == 0 {
		return nil
	}
	return func(_ Ref, doc *Document) error {
		shown, err := pointer.Decode(doc.Body)
		if err != nil {
			return nil
		}
		value, _ := pointer.Get(shown, at)
		state, ok := scalar(value)
		if !ok || !slices.ContainsFunc(states, func(s string) bool { return strings.EqualFold(s, state) }) {
			return nil
		}
		return fmt.Errorf("readbackhttp: %s is %q", at, state)
	}
}
