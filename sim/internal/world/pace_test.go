package world

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A machine that keeps up is never late, and one that stood still is late by that
// as soon as anything runs.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		defer p.end()
		time.Sleep(time.Minute + tick/2)
		assert.Zero(t, p.lateness())

		p.mu.Lock()
		p.last = p.last.Add(-3 * time.Second) // as if the last tick had been then
		p.mu.Unlock()
		assert.Equal(t, 3*time.Second-tick/2, p.lateness())
		time.Sleep(time.Minute)
		assert.Equal(t, 3*time.Second, p.lateness())
	})
}
