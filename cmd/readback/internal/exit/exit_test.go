package exit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

func TestStatusOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, 0},
		{"none with a status", exit.With(exit.Usage, nil), 0},
		{"quiet and well", exit.Quiet(0), 0},
		{"quiet", exit.Quiet(124), 124},
		{"no status", io.EOF, 9},
		{"usage", exit.Usagef("%w", io.EOF), 2},
		{"wrapped", fmt.Errorf("x: %w", exit.With(74, io.EOF)), 74},
		{"the outermost", exit.With(1, exit.Usagef("x")), 1},
	} {
		assert.Equal(t, tt.want, exit.StatusOf(tt.err, 9), tt.name)
	}
	assert.ErrorIs(t, exit.Usagef("-d: %w", io.EOF), io.EOF)
	assert.EqualError(t, exit.Usagef("-d: %w", io.EOF), "-d: EOF")
	assert.EqualError(t, exit.Quiet(124), "exit status 124")
}

func TestSignalled(t *testing.T) {
	t.Parallel()
	for s, want := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, ended := exit.Signalled(ctx)
		assert.False(t, ended)
		cancel(fmt.Errorf("because: %w", exit.Signal{Signal: s}))
		got, ended := exit.Signalled(ctx)
		assert.True(t, ended)
		assert.Equal(t, want, got.Status())
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("another reason"))
	_, ended := exit.Signalled(ctx)
	assert.False(t, ended)
}
