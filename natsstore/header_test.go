package natsstore

import (
	"math"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is to be kept is kept for as long and little longer, in whole seconds.
func TestTTL(t *testing.T) {
	t.Parallel()
	for keep, want := range map[time.Duration]time.Duration{
		1:                            2 * time.Second,
		time.Second:                  2 * time.Second,
		time.Second + 1:              3 * time.Second,
		7 * 24 * time.Hour:           7*24*time.Hour + time.Second,
		time.Duration(math.MaxInt64): 100*365*24*time.Hour + time.Second,
	} {
		assert.Equal(t, want, ttl(keep), keep)
	}
}

func TestDone_broken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", "-1", "1s"} {
		_, _, err := done(nats.Header{doneHeader: {text}})
		require.ErrorContains(t, err, "kept for")
	}
}
