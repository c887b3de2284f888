package poll_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/poll"
)

// A read from before a run is the first of its history.
func TestHistory_Add(t *testing.T) {
	t.Parallel()
	h := new(poll.History)
	h.Add(poll.Read{N: 9, Began: 1, Ended: 2, Reason: "seen before", Status: 404})
	_, err := poll.Until(context.Background(), func(context.Context) (bool, error) { return true, nil },
		poll.When(func(v bool) bool { return v }), poll.Options{History: h, Since: time.Now()})
	require.NoError(t, err)
	var numbers []int
	for r := range h.All() {
		numbers = append(numbers, r.N)
	}
	assert.Equal(t, []int{1, 2}, numbers)
	assert.Equal(t, 2, h.Lag().Reads)
	assert.Equal(t, time.Duration(1), h.Lag().After)
}
