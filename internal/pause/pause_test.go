package pause_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/internal/pause"
)

func TestFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		d, limit  time.Duration
		want      bool
		wantAfter time.Duration
	}{
		{"it waits", time.Second, time.Hour, true, time.Second},
		{"not at all", 0, time.Hour, true, 0},
		{"the context ends first", time.Hour, time.Second, false, time.Second},
		{"it has ended before", -1, 0, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				defer cancel()
				began := time.Now()
				assert.Equal(t, tt.want, pause.For(ctx, tt.d))
				assert.Equal(t, tt.wantAfter, time.Since(began))
			})
		})
	}
}
