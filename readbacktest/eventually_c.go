package readbacktest

import (
	"fmt"
	"slices"
	"sync"
)

// C collects what a check has against a value. It is a test to testify and to
// the assertions of this package, but failing it only means to read again:
// Errorf notes a complaint, and FailNow leaves the check.
//
// Errorf may be called concurrently; FailNow only where the check was called, as
// with a test. A C is of no use once its check has returned.
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

// FailNow leaves the check, whose deferred functions run: the value is not as it
// should be.
func (c *C) FailNow() {
	c.mu.Lock()
	c.failed = true
	c.mu.Unlock()
	panic(leave{c})
}

// leave is how FailNow leaves a check. Ending the goroutine, as a test does,
// would end the test.
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

// complaints returns what was said against the value, and whether it is good.
func (c *C) complaints() (said []string, good bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.said), !c.failed
}
