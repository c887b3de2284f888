package readbacktest

import (
	"fmt"
	"slices"
	"sync"
)

// C collects the complaints of a check about a value. testify and the assertions of this
// package can use it as a test. A complaint only means that the value is read again: Errorf
// notes one, and FailNow leaves the check.
//
// Errorf may be called concurrently; FailNow only on the goroutine of the check, as with a
// test. A C must not be used after its check has returned.
type C struct {
	mu     sync.Mutex
	said   []string
	failed bool
}

// Errorf notes a complaint: the value is not as it should be.
func (c *C) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = true
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// FailNow leaves the check, after its deferred functions: the value is not as it should be.
func (c *C) FailNow() {
	c.mu.Lock()
	c.failed = true
	c.mu.Unlock()
	panic(leave{c})
}

// leave is the panic by which FailNow leaves a check. It cannot end the goroutine, as a test
// does, since that would end the test.
type leave struct{ c *C }

func (leave) Error() string {
	return "readbacktest: FailNow of a C was called outside of its check, or on another goroutine"
}

// run calls the check, and returns when it returns or calls FailNow. All other
// panics, and the end of the goroutine, pass through.
func (c *C) run(check func()) {
	returned := false
	defer func() {
		if returned {
			return
		}
		// Nil if the goroutine ends.
		if why := recover(); why != nil && why != any(leave{c}) {
			panic(why)
		}
	}()
	check()
	returned = true
}

// complaints returns the complaints, and whether the value is good.
func (c *C) complaints() (said []string, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.said), !c.failed
}
