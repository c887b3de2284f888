package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// The tests below stand for single checks, each of which was broken once and seen by
// nothing else.

// What is no class says nothing, below and above the five, of a write and of a read.
func TestAs_noClass(t *testing.T) {
	t.Parallel()
	for _, class := range []consistency.Class{0, consistency.Ambiguous + 1, 255} {
		bubble(t, class.String(), func(t *testing.T) {
			s := &service{writes: []reply{{err: consistency.As(class, errors.New("odd"))}}, reads: []reply{{err: consistency.As(class, errors.New("odd"))}, {status: 200}}, found: [][]string{{"w1"}}}
			_, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			require.NoError(t, err)
			assert.Equal(t, ambiguous, s.class())
			verdict, _ := s.judged(1)
			assert.Equal(t, poll.Unknown, verdict)
		})
	}
	for _, class := range []consistency.Class{consistency.Applied, consistency.Ambiguous} { // the ends of the range
		bubble(t, class.String()+" is one", func(t *testing.T) {
			s := &service{writes: []reply{{err: consistency.As(class, errors.New("odd"))}}, reads: answers(200), found: [][]string{{"w1"}}}
			_, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			require.NoError(t, err)
			assert.Equal(t, class, s.class())
		})
	}
}

// SettleFor must fit before the context's deadline by every door, to the nanosecond; and
// a context that has ended is what is told, not that it has no room.
func TestSettleFor_roomInTheContext(t *testing.T) {
	t.Parallel()
	type door func(context.Context, consistency.Policy) error
	s := &service{writes: answers(201), reads: answers(200)}
	doors := map[string]door{
		"Do": func(ctx context.Context, p consistency.Policy) error {
			_, err := consistency.Do(ctx, p, s.create())
			return err
		},
		"Resume": func(ctx context.Context, p consistency.Policy) error {
			_, err := consistency.Resume(ctx, p, s.create(), s.create().Lost().WithTrace("x"))
			return err
		},
		"Await": func(ctx context.Context, p consistency.Policy) error {
			_, err := consistency.Await(ctx, p, "await", func(context.Context) (int, error) { return 1, nil }, nil)
			return err
		},
	}
	policy := consistency.Policy{SettleFor: time.Second}
	for name, open := range doors {
		bubble(t, name, func(t *testing.T) {
			short, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := open(short, policy)
			assert.ErrorIs(t, err, consistency.ErrInvalid)
			assert.ErrorContains(t, err, "which the context's deadline has no room for")
			long, cancel := context.WithTimeout(t.Context(), time.Second+1)
			defer cancel()
			assert.NotErrorIs(t, open(long, policy), consistency.ErrInvalid)
			over, end := context.WithTimeout(t.Context(), time.Millisecond)
			end()
			err = open(over, policy)
			assert.NotErrorIs(t, err, consistency.ErrInvalid)
			assert.ErrorIs(t, err, context.Canceled)
		})
	}
}

// A function of the caller's that panics leaves no step open, by any door.
func TestTracer_panicsByEveryDoor(t *testing.T) {
	t.Parallel()
	boom := func(context.Context) (int, error) { panic("boom") }
	var handle consistency.Pending
	require.NoError(t, json.Unmarshal([]byte(`{"readback":2,"name":"x","goal":"present","class":"applied","written":"1"}`), &handle))
	for name, open := range map[string]func(context.Context, consistency.Policy){
		"Await": func(ctx context.Context, p consistency.Policy) { _, _ = consistency.Await(ctx, p, "x", boom, nil) },
		"Resume": func(ctx context.Context, p consistency.Policy) {
			_, _ = consistency.Resume(ctx, p, consistency.Create("x", nil, func(ctx context.Context, _ string) (int, error) { return boom(ctx) }), handle)
		},
	} {
		bubble(t, name, func(t *testing.T) {
			var tracer spans
			assert.PanicsWithValue(t, "boom", func() { open(t.Context(), consistency.Policy{Tracer: &tracer}) })
			assert.Len(t, tracer.begun, 2)
			assert.Len(t, tracer.ended, 2, "the read and the flow")
		})
	}
}

// Await waits for what it is told to, also if that is nothing.
func TestAwait_wantsNothing(t *testing.T) {
	t.Parallel()
	bubble(t, "a nil", func(t *testing.T) {
		reads := 0
		got, err := consistency.Await(t.Context(), consistency.Policy{Schedule: everySecond}, "drained", func(context.Context) (*item, error) {
			if reads++; reads < 3 {
				return &item{}, nil
			}
			return nil, nil
		}, func(i *item) bool { return i == nil })
		require.NoError(t, err)
		assert.Nil(t, got)
		assert.Equal(t, 3, reads)
	})
}

// What a reference lacks is said in the flow's own words, where it is looked for by
// nobody.
func TestFlow_lacksInItsOwnWords(t *testing.T) {
	t.Parallel()
	lacks := errors.New("the answer has no number")
	s := &service{writes: answers(201)}
	f := s.create()
	f.Lacks = func(ref) error { return lacks }
	_, err := consistency.Do(t.Context(), s.policy(), f)
	assert.ErrorIs(t, err, lacks)
	assert.NotErrorIs(t, err, consistency.ErrNoReference)
	assert.Empty(t, s.readAt)
}

// A deletion reads what it was told to delete, whatever its operation leaves behind.
func TestMonitor_deletionKnowsItsReference(t *testing.T) {
	t.Parallel()
	bubble(t, "deleted", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202, 200), reads: answers(404)}
		f := s.to(consistency.ToAbsent)
		f.Lacks = func(ref) error { return errors.New("no number") }
		_, err := consistency.Do(t.Context(), s.policy(), f)
		assert.NoError(t, err)
	})
}

// The 403s of an operation and those of the reads behind it are two runs.
func TestMonitor_forbiddenRunsAreTwo(t *testing.T) {
	t.Parallel()
	bubble(t, "each within its window", func(t *testing.T) {
		s := &service{
			writes:    answers(202),
			monitored: answers(403, 403, 403, 403, 403, 403, 403, 403, 200),
			reads:     answers(403, 403, 403, 403, 403, 403, 403, 403, 200),
		}
		_, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		require.NoError(t, err)
		assert.Equal(t, seconds(8, 9, 10, 11, 12, 13, 14, 15, 16), s.readAt)
	})
	bubble(t, "a record that is gone ends the run too", func(t *testing.T) {
		s := &service{
			writes:    answers(202),
			monitored: answers(403, 403, 403, 403, 403, 403, 403, 403, 410),
			reads:     answers(403, 403, 403, 403, 403, 403, 403, 403, 200),
		}
		_, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		assert.NoError(t, err)
	})
}

// A handle that goes on behind an operation keeps what only its end told.
func TestMonitor_handleHasWhatItTold(t *testing.T) {
	t.Parallel()
	bubble(t, "resumed", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202), reads: answers(404)}
		p := s.policy()
		p.Within = 3 * time.Second
		f := s.to(consistency.ToPresent)
		res, err := consistency.Do(t.Context(), p, f)
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		f.Monitor = func(_ context.Context, w *ref) (bool, error) { w.ID = "w9"; return true, nil }
		res, err = consistency.Resume(t.Context(), p, f, res.Pending)
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		kept, err := json.Marshal(res.Pending)
		require.NoError(t, err)
		assert.Contains(t, string(kept), "w9")
	})
}

// A rule that calls a good status ambiguous makes the write one that is looked for, though
// there is a Monitor.
func TestMonitor_notAfterAnAmbiguousAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, "looked for", func(t *testing.T) {
		s := &service{writes: []reply{{status: 200, asError: true}}, monitored: answers(202), reads: answers(200), found: [][]string{{"w1"}}}
		p := s.policy()
		p.Rules.Write = []consistency.WriteRule{{From: 200, Class: ambiguous}}
		_, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		assert.Empty(t, s.monitorAt)
	})
}

// A value has proven whose an update is, though the next read is behind.
func TestConflict_provenByAValue(t *testing.T) {
	t.Parallel()
	bubble(t, "a replica behind", func(t *testing.T) {
		s := &service{writes: answers(412), reads: []reply{{status: 200, version: 2}, {status: 200, version: 1}, {status: 200, version: 2}}, found: [][]string{{"w1"}}}
		f := s.to(consistency.ToMatch)
		f.Mine, f.MineValue = nil, shows
		_, err := consistency.Do(t.Context(), s.policy(), f)
		assert.NoError(t, err)
	})
}

// A rule that ends reads ends a look after a conflict as well, whatever it calls its
// reason; and once such a look could not see, no fault makes the write Failed.
func TestConflict_cannotBeSeen(t *testing.T) {
	t.Parallel()
	bubble(t, "stopped", func(t *testing.T) {
		s := &service{writes: answers(409), reads: answers(403), found: [][]string{{"w1"}}}
		p := s.policy()
		p.Rules.Read = []consistency.ReadRule{{From: 403, Verdict: poll.Stop, Reason: consistency.Forbidden}}
		f := s.to(consistency.ToPresent)
		f.Find = func(context.Context) ([]ref, error) { return nil, &fault{status: 403} }
		res, err := consistency.Do(t.Context(), p, f)
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		assert.Zero(t, res.Elapsed)
	})
	bubble(t, "then a fault", func(t *testing.T) {
		s := &service{writes: answers(409), reads: answers(200)}
		f := s.create()
		found := []error{&fault{status: 503}}
		f.Mine, f.Find = isMine, func(context.Context) ([]ref, error) {
			if len(found) > 0 {
				return nil, found[0]
			}
			return []ref{{ID: "w1"}}, nil
		}
		f.Fault = func(ref, *item) error { return errors.New("no quota") }
		res, err := consistency.Do(t.Context(), s.policy(), f)
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		found = nil
		res, err = consistency.Resume(t.Context(), s.policy(), f, res.Pending)
		assert.Equal(t, unconfirmed, res.Outcome, "%v", err)
		assert.ErrorIs(t, err, consistency.ErrOperation)
	})
}

// silentlyBroken is an error of which nothing can be asked.
type silentlyBroken struct{}

func (silentlyBroken) Error() string   { return "broken" }
func (silentlyBroken) Unwrap() []error { panic("boom") }

// NotCarriedOut is proof with its reason, and none beside what cannot be asked.
func TestNotCarriedOut_reasonAndPanics(t *testing.T) {
	t.Parallel()
	why := errors.New("rolled back")
	for name, tt := range map[string]struct {
		found error
		want  consistency.Outcome
	}{
		"proof":                           {consistency.NotCarriedOut(why), failed},
		"beside an error that panics":     {errors.Join(consistency.NotCarriedOut(why), silentlyBroken{}), unconfirmed},
		"behind an error that panics":     {errors.Join(silentlyBroken{}, consistency.NotCarriedOut(why)), unconfirmed},
		"beside an error of another kind": {errors.Join(consistency.NotCarriedOut(why), errLost), unconfirmed},
	} {
		bubble(t, name, func(t *testing.T) {
			s := &service{writes: answers(503)}
			p := s.policy()
			p.SingleAttempt = true
			f := s.create()
			f.Mine, f.Find = isMine, func(context.Context) ([]ref, error) { return nil, tt.found }
			res, err := consistency.Do(t.Context(), p, f)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			if tt.want == failed {
				assert.ErrorIs(t, err, why)
				assert.ErrorContains(t, err, "rolled back")
			}
		})
	}
}

// What is said of candidates: how many there were, the first three, and what is missing.
func TestFind_whatIsSaid(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		found []string
		mine  bool
		says  string
		not   string
	}{
		"one, nobody can prove it":  {[]string{"w1"}, false, `one was found, {"ID":"w1"}, and the flow has no Mine`, ""},
		"one, and another's":        {[]string{"x1"}, true, `of 1 found ({"ID":"x1"}), Mine proves 0`, ""},
		"five, the first three":     {[]string{"x1", "x2", "x3", "x4", "x5"}, true, `of 5 found ({"ID":"x1"}, {"ID":"x2"}, {"ID":"x3"}), Mine proves 0`, "x4"},
		"two, nobody can prove any": {[]string{"w1", "w2"}, false, `2 were found ({"ID":"w1"}, {"ID":"w2"}), and the flow has no Mine`, ""},
	} {
		bubble(t, name, func(t *testing.T) {
			s := &service{writes: answers(503), found: [][]string{tt.found}}
			f := s.to(consistency.ToPresent)
			if !tt.mine {
				f.Mine = nil
			}
			p := s.policy()
			p.Within = 3 * time.Second
			_, err := consistency.Do(t.Context(), p, f)
			assert.ErrorContains(t, err, tt.says)
			if tt.not != "" {
				assert.NotContains(t, err.Error(), tt.not)
			}
		})
	}
}

// The edges of what a policy may be: the last that is valid, and the first that is not.
func TestPolicy_edges(t *testing.T) {
	t.Parallel()
	write := func(r consistency.WriteRule) consistency.Policy {
		return consistency.Policy{Rules: consistency.Rules{Write: []consistency.WriteRule{r}}}
	}
	read := func(r consistency.ReadRule) consistency.Policy {
		return consistency.Policy{Rules: consistency.Rules{Read: []consistency.ReadRule{r}}}
	}
	for name, tt := range map[string]struct {
		give  consistency.Policy
		valid bool
	}{
		"settle, the most":           {consistency.Policy{Settle: poll.MaxSettle}, true},
		"settle, more":               {consistency.Policy{Settle: poll.MaxSettle + 1}, false},
		"settle, negative":           {consistency.Policy{Settle: -1}, false},
		"a span just shorter":        {consistency.Policy{Within: time.Second, SettleFor: time.Second - 1}, true},
		"a span as long":             {consistency.Policy{Within: time.Second, SettleFor: time.Second}, false},
		"a span of the default":      {consistency.Policy{SettleFor: 30 * time.Second}, false},
		"a span shorter than that":   {consistency.Policy{SettleFor: 30*time.Second - 1}, true},
		"class, the last":            {write(consistency.WriteRule{Class: consistency.Ambiguous}), true},
		"class, beyond":              {write(consistency.WriteRule{Class: consistency.Ambiguous + 1}), false},
		"class, the first":           {write(consistency.WriteRule{Class: consistency.Applied}), true},
		"class, none":                {write(consistency.WriteRule{}), false},
		"goal of a write, the last":  {write(consistency.WriteRule{Class: refused, Goal: consistency.ToAbsent}), true},
		"goal of a write, beyond":    {write(consistency.WriteRule{Class: refused, Goal: consistency.ToAbsent + 1}), false},
		"goal of a read, beyond":     {read(consistency.ReadRule{Goal: consistency.ToAbsent + 1}), false},
		"verdict, the last":          {read(consistency.ReadRule{Verdict: poll.Stop}), true},
		"verdict, beyond":            {read(consistency.ReadRule{Verdict: poll.Stop + 1}), false},
		"one status":                 {read(consistency.ReadRule{From: 404, To: 404}), true},
		"a range":                    {read(consistency.ReadRule{From: 404, To: 410}), true},
		"a range backwards":          {read(consistency.ReadRule{From: 404, To: 403}), false},
		"from below zero":            {read(consistency.ReadRule{From: -1}), false},
		"to below zero":              {read(consistency.ReadRule{To: -1}), false},
		"both below zero":            {write(consistency.WriteRule{Class: refused, From: -2, To: -1}), false},
		"from below zero to a range": {write(consistency.WriteRule{Class: refused, From: -1, To: 404}), false},
		"up to a status":             {write(consistency.WriteRule{Class: refused, To: 404}), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.give.Validate()
			if tt.valid {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, consistency.ErrInvalid)
		})
	}
	fields := map[string]func(*consistency.Policy) *time.Duration{
		"Within":              func(p *consistency.Policy) *time.Duration { return &p.Within },
		"ReadTimeout":         func(p *consistency.Policy) *time.Duration { return &p.ReadTimeout },
		"SettleFor":           func(p *consistency.Policy) *time.Duration { return &p.SettleFor },
		"Resend.WithKey":      func(p *consistency.Policy) *time.Duration { return &p.Resend.WithKey },
		"Windows.NotFound":    func(p *consistency.Policy) *time.Duration { return &p.Windows.NotFound },
		"Windows.Stale":       func(p *consistency.Policy) *time.Duration { return &p.Windows.Stale },
		"Windows.StillThere":  func(p *consistency.Policy) *time.Duration { return &p.Windows.StillThere },
		"Windows.BehindToken": func(p *consistency.Policy) *time.Duration { return &p.Windows.BehindToken },
		"Windows.Forbidden":   func(p *consistency.Policy) *time.Duration { return &p.Windows.Forbidden },
	}
	for name, field := range fields {
		var p consistency.Policy
		*field(&p) = -1
		err := p.Validate()
		assert.ErrorIs(t, err, consistency.ErrInvalid, name)
		assert.ErrorContains(t, err, "Policy."+name+" is negative")
		*field(&p) = 1
		assert.NoError(t, p.Validate(), name)
	}
}

// The tries between which a write waits have a schedule too where the policy has none.
func TestResend_withoutASchedule(t *testing.T) {
	t.Parallel()
	bubble(t, "429, then made", func(t *testing.T) {
		s := &service{writes: answers(429, 201), reads: answers(200)}
		p := consistency.Policy{Resend: consistency.Resend{OnRateLimited: true}}
		_, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		assert.Len(t, s.writeAt, 2)
	})
}

// A handle of version 1 tells nothing of tries, whatever else is in it, and negative
// numbers are those of no handle.
func TestPending_numbers(t *testing.T) {
	t.Parallel()
	const old = `{"readback":1,"name":"create item","goal":"present","class":"ambiguous","tries":1,"answered":1}`
	bubble(t, "version 1", func(t *testing.T) {
		var h consistency.Pending
		require.NoError(t, json.Unmarshal([]byte(old), &h))
		var s service
		f := s.create()
		f.Mine, f.Find = isMine, func(context.Context) ([]ref, error) { return nil, consistency.NotCarriedOut(nil) }
		res, err := consistency.Resume(t.Context(), s.policy(), f, h)
		assert.Equal(t, unconfirmed, res.Outcome, "%v: there may have been several", err)
	})
	for _, bad := range []string{`"tries":-1`, `"answered":-1`, `"readback":3`, `"readback":0`, `"goal":"any"`, `"class":"refused"`, `"class":""`} {
		var h consistency.Pending
		text := `{"readback":2,"name":"x","goal":"present","class":"applied",` + bad + `}`
		assert.Error(t, json.Unmarshal([]byte(text), &h), bad)
		assert.True(t, h.IsZero())
	}
}

// "Already exists" by another status than 409 is a refusal, unless a rule calls it
// ambiguous: then what is this write's confirms, and nothing makes it Failed.
func TestConflict_byAnotherStatus(t *testing.T) {
	t.Parallel()
	exists := []consistency.WriteRule{{From: 422, Body: consistency.JSON("/code", "already_exists"), Class: ambiguous}}
	for name, tt := range map[string]struct {
		rules []consistency.WriteRule
		found []string
		want  consistency.Outcome
	}{
		"no rule":                {nil, []string{"w1"}, failed},
		"a rule, and ours":       {exists, []string{"x", "w1"}, confirmed},
		"a rule, and another's":  {exists, []string{"x"}, unconfirmed},
		"a rule that has no fit": {exists[:0], []string{"w1"}, failed},
	} {
		bubble(t, name, func(t *testing.T) {
			s := &service{writes: []reply{{status: 422, body: `{"code":"already_exists"}`}}, reads: answers(200), found: [][]string{tt.found}}
			p := s.policy()
			p.Rules.Write = tt.rules
			res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
		})
	}
}

// GraphQL's errors beside data may come of what was carried out; without data nothing ran.
func TestRules_graphQL(t *testing.T) {
	t.Parallel()
	hasErrors, hasData, nullData := consistency.JSON("/errors"), consistency.JSON("/data"), consistency.JSON("/data", nil)
	rules := []consistency.WriteRule{
		{From: 200, Body: func(b []byte) bool { return hasErrors(b) && !hasData(b) && !nullData(b) }, Class: refused},
		{From: 200, Body: hasErrors, Class: ambiguous},
	}
	for body, want := range map[string]consistency.Class{
		`{"errors":[{"message":"Cannot query field"}]}`:                                 refused,
		`{"data":null,"errors":[{"message":"owner is not to be seen"}]}`:                ambiguous,
		`{"data":{"create":{"id":"7","owner":null}},"errors":[{"message":"no"}]}`:       ambiguous,
		`{"data":{"create":{"id":"7"}},"errors":[]}`:                                    applied,
		`{"data":{"create":{"id":"7"}},"extensions":{"warnings":["it is deprecated"]}}`: applied,
	} {
		assert.Equal(t, want, consistency.Rules{Write: rules}.ClassOf(consistency.ToPresent, consistency.Answer{Status: 200, Body: []byte(body), Whole: true}), body)
	}
}

// Bodies are waited for where a rule of that phase asks for one, and nowhere else.
func TestRules_waitForBodiesWhereAskedFor(t *testing.T) {
	t.Parallel()
	body := consistency.JSON("/ok", false)
	writes := consistency.Rules{Write: []consistency.WriteRule{{Class: refused}, {Class: refused, Body: body}}, Read: []consistency.ReadRule{{From: 404}}}
	reads := consistency.Rules{Write: []consistency.WriteRule{{Class: refused}}, Read: []consistency.ReadRule{{From: 404}, {Body: body}}}
	for phase, want := range map[consistency.Phase][2]bool{
		consistency.PhaseWrite: {true, false}, consistency.PhaseRead: {false, true}, consistency.PhaseMonitor: {false, true},
	} {
		assert.Equal(t, want, [2]bool{writes.AskForBodies(phase), reads.AskForBodies(phase)}, "%v", phase)
	}
}
