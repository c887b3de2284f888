package natsstore

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestDone_broken(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", "-1", "1s"} {
		_, _, err := done(nats.Header{doneHeader: {text}})
		require.ErrorContains(t, err, "kept for")
	}
}
