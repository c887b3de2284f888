package cause_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/cause"
)

func TestVeil(t *testing.T) {
	t.Parallel()
	timeout := &url.Error{Op: "Get", URL: "http://api.test", Err: fmt.Errorf("%w (Client.Timeout exceeded)", context.DeadlineExceeded)}
	tests := []struct {
		name string
		give error
		want []error // still found
	}{
		{"deadline", context.DeadlineExceeded, nil},
		{"cancelled", context.Canceled, nil},
		{"deep", fmt.Errorf("read: %w", timeout), []error{timeout}},
		{"joined", errors.Join(io.EOF, context.Canceled, context.DeadlineExceeded), []error{io.EOF}},
		{"no context's error", fmt.Errorf("read: %w", io.EOF), []error{io.EOF}},
		{"a timeout of the system is not a context's", os.ErrDeadlineExceeded, []error{os.ErrDeadlineExceeded}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, got := range []error{
				cause.Veil(tt.give),
				cause.Veil(cause.Veil(tt.give)),
				fmt.Errorf("wrapped: %w", cause.Veil(tt.give)),
				errors.Join(io.ErrUnexpectedEOF, cause.Veil(tt.give)),
			} {
				assert.NotErrorIs(t, got, context.DeadlineExceeded)
				assert.NotErrorIs(t, got, context.Canceled)
				for _, want := range tt.want {
					assert.ErrorIs(t, got, want)
				}
			}
			assert.EqualError(t, cause.Veil(tt.give), tt.give.Error(), "the text is the same")
		})
	}
}

func TestVeil_nil(t *testing.T) {
	t.Parallel()
	assert.NoError(t, cause.Veil(nil))
}

func TestVeil_As(t *testing.T) {
	t.Parallel()
	inner := &url.Error{Op: "Get", Err: context.DeadlineExceeded}
	got := cause.Veil(fmt.Errorf("read: %w", inner))

	var asURL *url.Error
	require.ErrorAs(t, got, &asURL)
	assert.Same(t, inner, asURL)
	var asNet net.Error
	require.ErrorAs(t, got, &asNet)
	assert.True(t, asNet.Timeout(), "that it is a timeout is no secret")
	var other *net.OpError
	assert.NotErrorAs(t, got, &other)
}

func TestOf(t *testing.T) {
	t.Parallel()
	errWhy := errors.New("shutting down")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	caused, cancelCause := context.WithCancelCause(context.Background())
	cancelCause(fmt.Errorf("stop: %w", errWhy))
	expired, stop := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer stop()
	overdue, stopOverdue := context.WithDeadlineCause(context.Background(), time.Now().Add(-time.Second), errWhy)
	defer stopOverdue()

	tests := []struct {
		name     string
		give     context.Context
		want     []error
		wantText string
	}{
		{"cancelled", cancelled, []error{context.Canceled}, "context canceled"},
		{"cancelled with a cause", caused, []error{context.Canceled, errWhy}, "stop: shutting down (context canceled)"},
		{"expired", expired, []error{context.DeadlineExceeded}, "context deadline exceeded"},
		{"expired with a cause", overdue, []error{context.DeadlineExceeded, errWhy}, "shutting down (context deadline exceeded)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := cause.Of(tt.give)
			for _, want := range tt.want {
				require.ErrorIs(t, got, want)
			}
			assert.Equal(t, tt.give.Err(), got.Err)
			assert.Equal(t, context.Cause(tt.give), got.Cause)
			assert.EqualError(t, got, tt.wantText)
		})
	}
	assert.NotErrorIs(t, cause.Of(cancelled), context.DeadlineExceeded)
	assert.NotErrorIs(t, cause.Of(expired), context.Canceled)
}
