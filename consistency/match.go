package consistency

import "cmp"

// Field returns a match that accepts a value whose field, as get returns it, is
// want.
func Field[W, R any, F comparable](get func(R) F, want F) func(W, R) bool {
	if get == nil {
		return nil // a flow without a match is refused before its write
	}
	return func(_ W, value R) bool { return get(value) == want }
}

// Version returns a match that accepts a value of the version that was written
// or a later one. A version that is zero is not known, and never accepted.
func Version[W, R any, V cmp.Ordered](written func(W) V, shown func(R) V) func(W, R) bool {
	if written == nil || shown == nil {
		return nil
	}
	return func(w W, value R) bool {
		var unknown V
		want, got := written(w), shown(value)
		return want != unknown && got != unknown && got >= want
	}
}

// Member returns a match that accepts a list if is accepts one of its members.
func Member[W, E any](is func(W, E) bool) func(W, []E) bool {
	if is == nil {
		return nil
	}
	return func(w W, list []E) bool {
		for _, member := range list {
			if is(w, member) {
				return true
			}
		}
		return false
	}
}
