package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/wire"
)

func TestOnly(t *testing.T) {
	t.Parallel()
	errThis, errKind := errors.New("this"), errors.New("kind")
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"nil", nil, false},
		{"itself", errThis, true},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", errThis)), true},
		{"beside its kind", fmt.Errorf("%w: %w", errKind, errThis), true},
		{"joined alone", errors.Join(errThis), true},
		{"joined with another", errors.Join(errThis, errKind), false},
		{"beside a connection's", fmt.Errorf("%w: %w", io.EOF, errThis), false},
		{"twice", errors.Join(errThis, fmt.Errorf("again: %w", errThis)), true},
		{"another", errKind, false},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, wire.Only(tt.err, func(e error) bool { return wire.Same(e, errThis) }), tt.name)
	}
}

// uncomparable cannot be compared, which == would tell by a panic.
type uncomparable struct{ list []string }

func (uncomparable) Error() string { return "uncomparable" }

// wrapper may hold what cannot be compared.
type wrapper struct{ inner error }

func (wrapper) Error() string { return "wrapper" }

func TestSame(t *testing.T) {
	t.Parallel()
	pointer := &net.OpError{}
	tests := []struct {
		name string
		a, b error
		want bool
	}{
		{"nils", nil, nil, true},
		{"nil and not", nil, io.EOF, false},
		{"not and nil", io.EOF, nil, false},
		{"one", io.EOF, io.EOF, true},
		{"two", io.EOF, io.ErrUnexpectedEOF, false},
		{"pointers", pointer, pointer, true},
		{"pointers to alike", pointer, &net.OpError{}, false},
		{"values that are alike", wrapper{io.EOF}, wrapper{io.EOF}, true},
		{"what cannot be compared", uncomparable{}, uncomparable{}, false},
		{"what cannot, inside", wrapper{uncomparable{[]string{"a"}}}, wrapper{uncomparable{[]string{"a"}}}, false},
	}
	for _, tt := range tests {
		assert.NotPanics(t, func() { assert.Equal(t, tt.want, wire.Same(tt.a, tt.b), tt.name) })
	}
}

// Which errors tell of a lost answer, and not of a status that nobody found.
func TestTells(t *testing.T) {
	t.Parallel()
	for _, lost := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.Canceled, context.DeadlineExceeded,
		&net.OpError{Op: "read", Err: errors.New("reset")},
		&url.Error{Op: "Post", Err: io.EOF},
		fmt.Errorf("create: %w", io.EOF),
		errors.Join(errors.New("try 1"), fmt.Errorf("try 2: %w", io.EOF)),
		fmt.Errorf("%w: %w", errors.New("kind"), net.ErrClosed),
	} {
		assert.True(t, wire.Tells(lost), "%v", lost)
	}
	for _, other := range []error{nil, errors.New("unexpected status 400"), errors.Join(errors.New("a"), errors.New("b")), uncomparable{}} {
		assert.False(t, wire.Tells(other), "%v", other)
	}
}

func TestAnnotates(t *testing.T) {
	t.Parallel()
	errKind := errors.New("kind")
	assert.True(t, wire.Annotates(fmt.Errorf("%w: %w", errKind, io.EOF), errKind))
	assert.False(t, wire.Annotates(fmt.Errorf("%w: %w", errKind, io.EOF), io.EOF), "it is what happened")
	assert.False(t, wire.Annotates(errors.Join(errKind, io.EOF), errKind), "one of several failures")
	assert.True(t, wire.Annotates(fmt.Errorf("%w: %w", kind("api"), io.EOF), kind("api")), "a constant")
	assert.False(t, wire.Annotates(fmt.Errorf("%w, then %w", io.EOF, &failure{"reset"}), &failure{"reset"}), "a failure of which nothing is known")
}

type (
	kind    string
	failure struct{ why string }
)

// A stream that was reset tells that an answer was lost, though its error has no
// method that says so.
func TestTells_ofHTTP2(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	srv.EnableHTTP2, srv.Config.ErrorLog = true, quiet
	srv.StartTLS()
	t.Cleanup(srv.Close)
	resp, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	require.Equal(t, 2, resp.ProtoMajor)
	_, err = io.ReadAll(resp.Body)
	require.Error(t, err)
	require.NoError(t, resp.Body.Close())
	assert.True(t, wire.Tells(err), "%T", err)
	assert.True(t, wire.Tells(fmt.Errorf("decode: %w", err)))
}
