package consistency_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

func TestAwait(t *testing.T) {
	t.Parallel()
	isWanted := func(i *item) bool { return i.Version >= wanted }
	tests := []struct {
		name    string
		want    func(*item) bool
		settle  int
		reads   []reply
		wantAt  []time.Duration
		version int
		wantErr error
	}{
		{"at once", isWanted, 0, []reply{{status: 200, version: 2}}, seconds(0), 2, nil},
		{"404, 403, stale, then it", isWanted, 0, []reply{{status: 404}, {status: 403}, {status: 200, version: 1}, {status: 200, version: 3}}, seconds(0, 1, 2, 3), 3, nil},
		{"settled", isWanted, 2, []reply{{status: 200, version: 2}, {status: 200, version: 1}, {status: 200, version: 2}}, seconds(0, 1, 2, 3), 2, nil},
		{"anything at all", nil, 0, []reply{{status: 404}, {status: 200, version: 1}}, seconds(0, 1), 1, nil},
		{"refused", isWanted, 0, []reply{{status: 200, version: 1}, {status: 401}}, seconds(0, 1), 1, consistency.ErrUnconfirmed},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{reads: tt.reads, answered: time.Now()}
			p := s.policy()
			p.Settle = tt.settle
			got, err := consistency.Await(t.Context(), p, "item", func(ctx context.Context) (*item, error) {
				return s.read(ctx, ref{})
			}, tt.want)
			assert.ErrorIs(t, err, tt.wantErr)
			assert.Equal(t, tt.wantAt, s.readAt)
			require.NotNil(t, got, "the last successful read's value")
			assert.Equal(t, tt.version, got.Version)
			for _, e := range s.events {
				assert.NotEqual(t, consistency.PhaseWrite, e.Phase)
				assert.Equal(t, "item", e.Flow)
			}
		})
	}
}

func TestAwait_time(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		read    int
		windows consistency.Windows
		within  time.Duration
		want    time.Duration
		wantIs  error
	}{
		{"not found", 404, consistency.Windows{}, 0, 30 * time.Second, poll.ErrDeadline},
		{"forbidden", 403, consistency.Windows{}, 0, 10 * time.Second, poll.ErrWindow},
		{"stale", 200, consistency.Windows{Stale: 3 * time.Second}, 0, 3 * time.Second, poll.ErrWindow},
		{"within", 404, consistency.Windows{}, time.Minute, time.Minute, poll.ErrDeadline},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			time.Sleep(time.Hour) // the clock begins with the call
			began := time.Now()
			s := &service{reads: answers(tt.read), answered: began}
			p := s.policy()
			p.Windows, p.Within = tt.windows, tt.within
			_, err := consistency.Await(t.Context(), p, "item", func(ctx context.Context) (*item, error) {
				return s.read(ctx, ref{})
			}, func(*item) bool { return false })
			assert.Equal(t, tt.want, time.Since(began))
			assert.ErrorIs(t, err, tt.wantIs)
			assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
			assert.Equal(t, seconds(0, 1), first(2, s.readAt))
		})
	}
}

func TestAwait_badInput(t *testing.T) {
	t.Parallel()
	reads := 0
	read := func(context.Context) (int, error) { reads++; return 1, nil }
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := consistency.Await(t.Context(), consistency.Policy{}, "item", (func(context.Context) (int, error))(nil), nil)
	assert.ErrorIs(t, err, consistency.ErrInvalid)
	assert.ErrorContains(t, err, "the flow has no Read")
	assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))

	_, err = consistency.Await(t.Context(), consistency.Policy{Within: -1}, "item", read, nil)
	assert.ErrorIs(t, err, consistency.ErrInvalid)
	assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))

	_, err = consistency.Await(ended, consistency.Policy{}, "item", read, nil)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
	assert.Zero(t, reads)
}
