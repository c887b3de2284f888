package submit_test

import (
	"time"

	"github.com/readback-go/readback"
)

// constant is a backoff that never grows.
type constant time.Duration

func (c constant) NextBackOff() time.Duration { return time.Duration(c) }

func every(d time.Duration) readback.Schedule {
	return readback.Delays(func() constant { return constant(d) })
}
