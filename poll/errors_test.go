package poll_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/poll"
)

// clientTimeout fails as a read does whose http.Client has a Timeout.
func clientTimeout() error {
	return &url.Error{Op: "Get", URL: "http://api.test/users/1", Err: fmt.Errorf("%w (Client.Timeout exceeded)", context.DeadlineExceeded)}
}

func unready(t *testing.T, err error) *poll.NotReadyError {
	t.Helper()
	var unready *poll.NotReadyError
	require.ErrorAs(t, err, &unready)
	return unready
}

func TestNotReadyError_context(t *testing.T) {
	t.Parallel()
	errWhy := errors.New("shutting down")
	tests := []struct {
		name string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want []error
		not  []error
	}{
		{"cancelled", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(5*time.Second, cancel)
			return ctx, cancel
		}, []error{context.Canceled}, []error{context.DeadlineExceeded}},
		{"cancelled with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(5*time.Second, func() { cancel(errWhy) })
			return ctx, func() { cancel(nil) }
		}, []error{context.Canceled, errWhy}, []error{context.DeadlineExceeded}},
		{"timed out", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 5*time.Second)
		}, []error{context.DeadlineExceeded}, []error{context.Canceled}},
		{"timed out with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, 5*time.Second, errWhy)
		}, []error{context.DeadlineExceeded, errWhy}, []error{context.Canceled}},
	}
	for _, tt := range tests {
		for _, last := range []answer{hanging, notFound} {
			bubble(t, fmt.Sprintf("%s, last read takes %v", tt.name, last.takes), func(t *testing.T) {
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				_, err := poll.Until(ctx, script(notFound, last).read, judge, poll.Options{Schedule: everySecond})
				for _, want := range append(tt.want, poll.ErrNotReady, errMissing) {
					require.ErrorIs(t, err, want)
				}
				for _, not := range append(tt.not, poll.ErrDeadline, poll.ErrWindow, poll.ErrReadTimeout) {
					require.NotErrorIs(t, err, not)
				}
				assert.Equal(t, 5*time.Second, unready(t, err).Elapsed)
			})
		}
	}
}

// Only the caller's own context makes an error match that of a context.
func TestNotReadyError_readsTimeout(t *testing.T) {
	t.Parallel()
	timedOut := answer{says: poll.Judgement{Verdict: poll.Unknown}, err: clientTimeout()}
	stopped := answer{says: poll.Judgement{Verdict: poll.Stop}, err: clientTimeout()}
	stoppedBy := answer{says: poll.Judgement{Verdict: poll.Stop, Cause: fmt.Errorf("lost: %w", clientTimeout())}}
	cancelled := answer{says: poll.Judgement{Verdict: poll.Stop}, err: fmt.Errorf("read: %w", context.Canceled)}
	tests := []struct {
		name string
		give answer
		want error
	}{
		{"of the loop", hanging, poll.ErrReadTimeout},
		{"of the client", timedOut, poll.ErrDeadline},
		{"of the client, and the judge says stop", stopped, poll.ErrNotReady},
		{"in the cause of a stop", stoppedBy, poll.ErrNotReady},
		{"of a context of the read", cancelled, poll.ErrNotReady},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			_, err := poll.Until(t.Context(), script(tt.give).read, judge, poll.Options{
				Schedule: everySecond, ReadTimeout: time.Second, Within: 2 * time.Second,
			})
			require.ErrorIs(t, err, tt.want)
			require.ErrorIs(t, err, poll.ErrNotReady)
			assert.NotErrorIs(t, err, context.DeadlineExceeded)
			assert.NotErrorIs(t, err, context.Canceled)
			assert.NotErrorIs(t, fmt.Errorf("wrapped: %w", err), context.DeadlineExceeded)
		})
	}
}

func TestNotReadyError_As(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		timedOut := answer{says: poll.Judgement{Verdict: poll.Unknown}, err: clientTimeout()}
		_, err := poll.Until(t.Context(), script(timedOut).read, judge, poll.Options{Schedule: everySecond})
		var inLast *url.Error
		require.ErrorAs(t, err, &inLast)
		assert.Equal(t, "Get", inLast.Op)

		cause := &url.Error{Op: "Stop", Err: errRefused}
		_, err = poll.Until(t.Context(), script(timedOut, answer{says: poll.Judgement{Verdict: poll.Stop, Cause: cause}, err: clientTimeout()}).read,
			judge, poll.Options{Schedule: everySecond})
		var first *url.Error
		require.ErrorAs(t, err, &first)
		assert.Same(t, cause, first, "the cause comes before the last read's")
	})
}

func TestNotReadyError_Cause(t *testing.T) {
	t.Parallel()
	errJudge := errors.New("a role is missing")
	tests := []struct {
		name string
		give poll.Judgement
		err  error
		want error
	}{
		{"the judge's", poll.Judgement{Verdict: poll.Stop, Cause: errJudge}, errRefused, errJudge},
		{"the read's if the judge gives none", poll.Judgement{Verdict: poll.Stop}, errRefused, errRefused},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			_, err := poll.Until(t.Context(), script(answer{says: tt.give, err: tt.err}).read, judge, poll.Options{})
			assert.Equal(t, tt.want, unready(t, err).Cause)
			assert.Equal(t, tt.err, unready(t, err).Last)
		})
	}
	bubble(t, "never nil", func(t *testing.T) {
		_, err := poll.Until(t.Context(), script(answer{says: poll.Judgement{Verdict: poll.Stop}}).read, judge, poll.Options{})
		assert.EqualError(t, unready(t, err).Cause, "the judge said stop")
	})
}

// Last is the error of the last read that tells something.
func TestNotReadyError_Last(t *testing.T) {
	t.Parallel()
	errOther := errors.New("500")
	other := answer{says: poll.Judgement{Verdict: poll.Unknown}, err: errOther}
	tests := []struct {
		name string
		give []answer
		opts poll.Options
		want error
	}{
		{"the only one", []answer{notFound}, poll.Options{}, errMissing},
		{"the later one", []answer{notFound, other}, poll.Options{}, errOther},
		{"nil if it succeeded", []answer{notFound, stale}, poll.Options{}, nil},
		{"a read timeout counts", []answer{notFound, hanging}, poll.Options{ReadTimeout: time.Second}, poll.ErrReadTimeout},
		{"not of a read cut short", []answer{notFound, hanging}, poll.Options{ReadTimeout: time.Hour}, errMissing},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			tt.opts.Schedule = everySecond
			_, err := poll.Until(t.Context(), script(tt.give...).read, judge, tt.opts)
			require.ErrorIs(t, err, poll.ErrDeadline)
			if tt.want == nil {
				assert.NoError(t, unready(t, err).Last)
			}
			assert.ErrorIs(t, unready(t, err).Last, tt.want)
		})
	}
}

func TestNotReadyError_Error(t *testing.T) {
	t.Parallel()
	errWhy := errors.New("shutting down")
	tests := []struct {
		name string
		give *poll.NotReadyError
		want string
	}{
		{"deadline", &poll.NotReadyError{Reads: 3, Elapsed: 30 * time.Second, Cause: poll.ErrDeadline},
			"poll: not ready after 3 reads in 30s: the deadline of the poll passed"},
		{"last read failed", &poll.NotReadyError{Reads: 3, Elapsed: 1234567 * time.Microsecond, Cause: poll.ErrDeadline, Last: errMissing},
			"poll: not ready after 3 reads in 1.235s: the deadline of the poll passed; last read: 404 no such user"},
		{"the last read is the cause", &poll.NotReadyError{Reads: 1, Cause: errRefused, Last: errRefused},
			"poll: not ready after 1 read in 0s: 400 bad id"},
		{"the last read is in the cause", &poll.NotReadyError{Reads: 1, Cause: fmt.Errorf("stop: %w", errRefused), Last: errRefused},
			"poll: not ready after 1 read in 0s: stop: 400 bad id"},
		{"no cause", &poll.NotReadyError{Reads: 1, Last: errWhy},
			"poll: not ready after 1 read in 0s: <nil>; last read: shutting down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, tt.give, tt.want)
			assert.ErrorIs(t, tt.give, poll.ErrNotReady)
			assert.NotErrorIs(t, tt.give, errOf("none of these"))
		})
	}
}

type errOf string

func (e errOf) Error() string { return string(e) }

// The text of a run's error, as a log shows it.
func TestUntil_errorText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		give []answer
		opts poll.Options
		want string
	}{
		{"deadline", []answer{notFound}, poll.Options{Within: 2 * time.Second},
			"poll: not ready after 3 reads in 2s: the deadline of the poll passed; last read: 404 no such user"},
		{"window", []answer{notFound.until(2 * time.Second)}, poll.Options{},
			"poll: not ready after 3 reads in 2s: the window of the reason passed: not found; last read: 404 no such user"},
		{"stop", []answer{stale, refused}, poll.Options{},
			"poll: not ready after 2 reads in 1s: 400 bad id"},
		{"read timeout", []answer{hanging, answer{says: poll.Judgement{Verdict: poll.Stop, Cause: errOf("enough")}, err: errRefused}}, poll.Options{ReadTimeout: time.Second},
			"poll: not ready after 2 reads in 2s: enough; last read: 400 bad id"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			tt.opts.Schedule = everySecond
			_, err := poll.Until(t.Context(), script(tt.give...).read, judge, tt.opts)
			require.EqualError(t, err, tt.want)
		})
	}
}

// The history says how long a read had before it was cut short.
func TestUntil_cutErrorText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts poll.Options
		want string
	}{
		{"timeout", poll.Options{ReadTimeout: 2 * time.Second}, "read timed out after 2s: context deadline exceeded"},
		{"cut", poll.Options{Reserve: time.Second}, "read cut short after 28s: context deadline exceeded"},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			if tt.opts.ReadTimeout == 0 {
				tt.opts.ReadTimeout = time.Hour
			}
			var h poll.History
			tt.opts.History = &h
			_, err := poll.Until(t.Context(), script(hanging, ready).read, judge, tt.opts)
			require.NoError(t, err)
			for read := range h.All() {
				require.EqualError(t, read.Err, tt.want)
				break
			}
		})
	}
}

// A poll inside the read of another ends with that read's context, and takes
// its timeout for its caller's.
func TestUntil_nested(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]poll.Options{
		"read timeout": {ReadTimeout: 5 * time.Second, Within: time.Minute},
		"cut short":    {ReadTimeout: time.Hour, Reserve: time.Second, Within: 7 * time.Second},
	} {
		bubble(t, name, func(t *testing.T) {
			var inside []error
			opts.Schedule = everySecond
			_, err := poll.Until(t.Context(), func(ctx context.Context) (answer, error) {
				a, err := poll.Until(ctx, script(notFound, hanging).read, func(a answer, err error, read poll.Read) poll.Judgement {
					assert.Equal(t, 1, read.N, "a read that was cut short is not judged")
					return judge(a, err, read)
				}, poll.Options{Schedule: everySecond, ReadTimeout: poll.NoTimeout})
				inside = append(inside, err)
				return a, err
			}, judge, opts)
			require.ErrorIs(t, inside[0], context.DeadlineExceeded)
			require.ErrorIs(t, inside[0], errMissing)
			require.ErrorIs(t, err, poll.ErrDeadline)
			assert.ErrorIs(t, err, errMissing)
			assert.NotErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}
