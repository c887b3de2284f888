package consistency_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

type policy = consistency.Policy

// What is wrong is said before anything is sent.
func TestDo_badInput(t *testing.T) {
	t.Parallel()
	past := func(parent context.Context) context.Context {
		ctx, cancel := context.WithDeadline(parent, time.Now().Add(-time.Hour))
		cancel()
		return ctx
	}
	tenSeconds := func(parent context.Context) context.Context {
		ctx, cancel := context.WithTimeout(parent, 10*time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	canceled := func(parent context.Context) context.Context {
		ctx, cancel := context.WithCancel(parent)
		cancel()
		return ctx
	}
	tests := []struct {
		name    string
		goal    consistency.Goal
		ctx     func(context.Context) context.Context
		policy  func(*policy)
		flow    func(*flow)
		wantErr string
		wantIs  error
	}{
		{name: "zero flow", flow: func(f *flow) { *f = flow{} }, wantErr: "no operation"},
		{name: "flow made by hand", flow: func(f *flow) { *f = flow{Name: "x", Write: f.Write, Read: f.Read} }, wantErr: "no operation"},
		{name: "a name that a handle would change", flow: func(f *flow) { f.Name = "caf\xe9" }, wantErr: "the flow's name is not UTF-8"},
		{name: "no Write", flow: func(f *flow) { f.Write = nil }, wantErr: "no Write"},
		{name: "no Read", flow: func(f *flow) { f.Read = nil }, wantErr: "no Read"},
		{name: "update without a match", goal: consistency.ToMatch, flow: func(f *flow) { f.Match = nil }, wantErr: "no match"},
		{name: "create with Gone", flow: func(f *flow) { f.Gone = func(*item) bool { return true } }, wantErr: "no use for Gone"},
		{name: "update with Gone", goal: consistency.ToMatch, flow: func(f *flow) { f.Gone = func(*item) bool { return true } }, wantErr: "no use for Gone"},
		{name: "Mine without Find", flow: func(f *flow) { f.Mine = isMine }, wantErr: "a Mine but no Find"},
		{name: "MineValue without Find", flow: func(f *flow) { f.MineValue = func(ref, *item) bool { return true } }, wantErr: "a Mine but no Find"},
		{name: "Follows without Monitor", flow: func(f *flow) { f.Follows = func(ref) bool { return true } }, wantErr: "Follows but no Monitor"},
		{name: "SettleFor", policy: func(p *policy) { p.SettleFor = -1 }, wantErr: "Policy.SettleFor is negative"},
		{name: "SettleFor longer than there is time", policy: func(p *policy) { p.SettleFor = 30 * time.Second }, wantErr: "no room for"},
		{name: "SettleFor as long as Within", policy: func(p *policy) { p.SettleFor, p.Within = time.Minute, time.Minute }, wantErr: "no room for"},
		{name: "SettleFor longer than the context", policy: func(p *policy) { p.SettleFor = 20 * time.Second }, ctx: tenSeconds, wantErr: "the context's deadline has no room for"},
		{name: "Settle of more than fits", policy: func(p *policy) { p.Settle = poll.MaxSettle + 1 }, wantErr: "Policy.Settle is 32768, more than 32767"}, // case D21
		{name: "delete with a match", goal: consistency.ToAbsent, flow: func(f *flow) { f.Match = shows }, wantErr: "no use for a Match"},
		{name: "Mine without Find", flow: func(f *flow) { f.Mine = isMine }, wantErr: "a Mine but no Find"},

		{name: "Within", policy: func(p *policy) { p.Within = -1 }, wantErr: "Policy.Within is negative: -1ns"},
		{name: "ReadTimeout", policy: func(p *policy) { p.ReadTimeout = -time.Second }, wantErr: "Policy.ReadTimeout is negative: -1s"},
		{name: "Windows.NotFound", policy: func(p *policy) { p.Windows.NotFound = -1 }, wantErr: "Policy.Windows.NotFound is negative"},
		{name: "Windows.Stale", policy: func(p *policy) { p.Windows.Stale = -1 }, wantErr: "Policy.Windows.Stale is negative"},
		{name: "Windows.StillThere", policy: func(p *policy) { p.Windows.StillThere = -1 }, wantErr: "Policy.Windows.StillThere is negative"},
		{name: "Windows.BehindToken", policy: func(p *policy) { p.Windows.BehindToken = -1 }, wantErr: "Policy.Windows.BehindToken is negative"},
		{name: "Windows.Forbidden", policy: func(p *policy) { p.Windows.Forbidden = -1 }, wantErr: "Policy.Windows.Forbidden is negative"},
		{name: "Resend.WithKey", policy: func(p *policy) { p.Resend.WithKey = -1 }, wantErr: "Policy.Resend.WithKey is negative"},
		{name: "Settle", policy: func(p *policy) { p.Settle = -2 }, wantErr: "Policy.Settle is negative: -2"},
		{name: "write rule", policy: func(p *policy) { p.Rules.Write = []consistency.WriteRule{{From: 200}} }, wantErr: "Policy.Rules.Write[0] has no class"},
		{name: "read rule", policy: func(p *policy) { p.Rules.Read = []consistency.ReadRule{{Verdict: poll.Stop + 1}} }, wantErr: "Policy.Rules.Read[0] has no verdict"},
		{name: "write rule of no goal", policy: func(p *policy) {
			p.Rules.Write = []consistency.WriteRule{{Goal: consistency.ToAbsent + 1, Class: refused}}
		}, wantErr: "Policy.Rules.Write[0] has a goal that does not exist"},
		{name: "write rule of an empty range", policy: func(p *policy) {
			p.Rules.Write = []consistency.WriteRule{{From: 400, Class: refused}, {From: 500, To: 400, Class: refused}}
		}, wantErr: "Policy.Rules.Write[1] is for statuses from 500 to 400"},
		{name: "read rule of no goal", policy: func(p *policy) {
			p.Rules.Read = []consistency.ReadRule{{Goal: consistency.ToAbsent + 1}}
		}, wantErr: "Policy.Rules.Read[0] has a goal that does not exist"},
		{name: "read rule of a negative status", policy: func(p *policy) {
			p.Rules.Read = []consistency.ReadRule{{From: -1}}
		}, wantErr: "Policy.Rules.Read[0] is for statuses from -1 to -1"},
		{name: "ended context, and no room for SettleFor", ctx: canceled, policy: func(p *policy) { p.SettleFor = time.Second }, wantIs: context.Canceled},
		{name: "deadline in the past, and no room for SettleFor", ctx: past, policy: func(p *policy) { p.SettleFor = time.Second }, wantIs: context.DeadlineExceeded},
		{name: "negative backoff", policy: func(p *policy) { p.Schedule = readback.Backoff{Initial: -1} }, wantErr: "Policy.Schedule: readback: Backoff.Initial is negative"},
		{name: "backoff of NaN", policy: func(p *policy) { p.Schedule = readback.Backoff{Jitter: math.NaN()} }, wantErr: "Backoff.Jitter"},
		{name: "delays of nothing", policy: func(p *policy) { p.Schedule = readback.Delays[constant](nil) }, wantErr: "Delays needs a function"},

		{name: "ended context", ctx: canceled, wantIs: context.Canceled},
		{name: "deadline in the past", ctx: past, wantIs: context.DeadlineExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &service{writes: answers(201), reads: answers(200)}
			p, f, ctx := s.policy(), s.to(tt.goal), t.Context()
			if tt.policy != nil {
				tt.policy(&p)
			}
			if tt.flow != nil {
				tt.flow(&f)
			}
			if tt.ctx != nil {
				ctx = tt.ctx(ctx)
			}
			res, err := consistency.Do(ctx, p, f)
			s.told(t, res, err)
			assert.Equal(t, failed, res.Outcome, "nothing was sent")
			assert.Empty(t, s.writeAt)
			assert.Empty(t, s.readAt)
			assert.Empty(t, s.started)
			if tt.wantIs != nil {
				assert.ErrorIs(t, err, tt.wantIs)
				assert.NotErrorIs(t, err, consistency.ErrInvalid)
				return
			}
			assert.ErrorIs(t, err, consistency.ErrInvalid)
			assert.ErrorContains(t, err, tt.wantErr)

			h := consistency.Pending{}
			require.NoError(t, h.UnmarshalJSON([]byte(`{"readback":1,"name":"create item","goal":"present","class":"applied","written":{}}`)))
			res, err = consistency.Resume(ctx, p, f, h)
			if tt.name == "no Write" {
				require.NoError(t, err, "it needs none")
				return
			}
			assert.Equal(t, unconfirmed, res.Outcome, "the write stays what it was")
			assert.ErrorIs(t, err, consistency.ErrInvalid)
			assert.Empty(t, s.readAt)
		})
	}
}

func TestCreate_nilFunctions(t *testing.T) {
	t.Parallel()
	calls := 0
	write := func(context.Context) (int, error) { calls++; return 1, nil }
	read := func(context.Context, int) (int, error) { calls++; return 1, nil }
	remove := func(context.Context, int) error { calls++; return nil }
	match := func(int, int) bool { calls++; return true }
	list := func(context.Context, int) ([]int, error) { calls++; return []int{1}, nil }
	_, err := consistency.Do(t.Context(), consistency.Policy{}, consistency.Update("x", write, list, consistency.Member[int, int](nil)))
	assert.ErrorIs(t, err, consistency.ErrInvalid)
	assert.Zero(t, calls)
	flows := map[string]consistency.Flow[int, int]{
		"create without write":         consistency.Create("x", nil, read),
		"create without read":          consistency.Create[int, int]("x", write, nil),
		"update without write":         consistency.Update("x", nil, read, match),
		"update without read":          consistency.Update("x", write, nil, match),
		"update without match":         consistency.Update("x", write, read, nil),
		"update without a field":       consistency.Update("x", write, read, consistency.Field[int, int](nil, 1)),
		"update without a version":     consistency.Update("x", write, read, consistency.Version[int](nil, func(n int) int { return n })),
		"update without a version, 2":  consistency.Update("x", write, read, consistency.Version[int, int](func(n int) int { return n }, nil)),
		"delete without write":         consistency.Delete("x", 1, nil, read),
		"delete without read":          consistency.Delete[int, int]("x", 1, remove, nil),
		"nothing":                      {},
		"nothing but a name":           {Name: "x"},
		"nothing but a write and read": {Write: write, Read: read},
	}
	for name, f := range flows {
		t.Run(name, func(t *testing.T) {
			_, err := consistency.Do(t.Context(), consistency.Policy{}, f)
			assert.ErrorIs(t, err, consistency.ErrInvalid)
			assert.ErrorIs(t, err, consistency.ErrFailed)
			assert.Zero(t, calls)
		})
	}
}

// The zero policy is ready, and a policy is copied to make an exception.
func TestPolicy_zeroIsReady(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(404, 404, 200)}
		res, err := consistency.Do(t.Context(), consistency.Policy{}, s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Len(t, s.readAt, 3)
		assert.LessOrEqual(t, res.Elapsed, 300*time.Millisecond+2*time.Millisecond)
	})
}
