package consistency_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Case B1: something in between repeats a POST, and what stands in the way is what
// the first copy made; or a PUT with If-Match. There is one look.
func TestConflict_look(t *testing.T) {
	t.Parallel()
	const (
		present = consistency.ToPresent
		match   = consistency.ToMatch
		absent  = consistency.ToAbsent
	)
	shownAt := func(version int) []reply { return []reply{{status: 200, version: version}} }
	tests := []struct {
		name   string
		goal   consistency.Goal
		found  [][]string
		reads  []reply
		set    func(*flow)
		want   consistency.Outcome
		elapse time.Duration
		is     error
	}{
		{name: "ours", goal: present, found: [][]string{{"x", "w1"}}, reads: answers(200), want: confirmed},
		{name: "ours, not visible yet", goal: present, found: [][]string{{"w1"}}, reads: answers(404, 404, 403, 200), want: confirmed, elapse: 2 * time.Second},
		{name: "another's", goal: present, found: [][]string{{"x"}}, want: failed},
		{name: "several others'", goal: present, found: [][]string{{"x", "y"}}, want: failed},
		{name: "nothing", goal: present, found: [][]string{nil}, want: failed},
		{name: "several of ours", goal: present, found: [][]string{{"w1", "w2"}}, want: unconfirmed, elapse: 10 * time.Second, is: consistency.ErrNotProvablyMine},
		{name: "several of ours, then one", goal: present, found: [][]string{{"w1", "w2"}, {"w2"}}, reads: answers(200), want: confirmed, elapse: time.Second},
		{name: "ours, and then never visible", goal: present, found: [][]string{{"w1"}}, reads: answers(404), want: unconfirmed, elapse: 30 * time.Second},
		{name: "ours, and not as a match asks", goal: present, found: [][]string{{"w1"}}, reads: shownAt(1), want: unconfirmed, elapse: 30 * time.Second,
			set: func(f *flow) { f.Match = shows }},
		{name: "by its value", goal: present, found: [][]string{{"a", "b"}}, reads: shownAt(2), want: unconfirmed, elapse: 10 * time.Second, is: consistency.ErrNotProvablyMine,
			set: func(f *flow) { f.Mine, f.MineValue = nil, shows }},
		{name: "by its value, one", goal: present, found: [][]string{{"a"}}, reads: shownAt(2), want: confirmed,
			set: func(f *flow) { f.Mine, f.MineValue = nil, shows }},
		{name: "by its value, another's", goal: present, found: [][]string{{"a"}}, reads: shownAt(1), want: failed,
			set: func(f *flow) { f.Mine, f.MineValue = nil, shows }},
		{name: "without a Mine", goal: present, found: [][]string{{"w1"}}, want: failed, set: func(f *flow) { f.Mine = nil }},

		{name: "shown", goal: match, found: [][]string{{"w1"}}, reads: shownAt(wanted), want: confirmed},
		{name: "shows another value", goal: match, found: [][]string{{"w1"}}, reads: shownAt(1), want: failed},
		{name: "not there", goal: match, found: [][]string{{"w1"}}, reads: answers(404), want: failed},
		{name: "shown by its value, late", goal: match, found: [][]string{{"w1"}}, reads: shownAt(wanted), want: confirmed,
			set: func(f *flow) { f.Mine, f.MineValue = nil, shows }},
		{name: "a value that is not ours", goal: match, found: [][]string{{"w1"}}, reads: shownAt(wanted), want: failed,
			set: func(f *flow) { f.MineValue = func(ref, *item) bool { return false } }},
		{name: "a failed state", goal: match, found: [][]string{{"w1"}}, reads: shownAt(wanted), want: failed,
			set: func(f *flow) { f.Fault = func(ref, *item) error { return errLost } }},
		{name: "not seen, then shown", goal: match, found: [][]string{{"w1"}}, reads: []reply{{status: 503}, {status: 403}, {}, {status: 200, version: wanted}}, want: confirmed, elapse: 3 * time.Second},
		{name: "not seen, then another value", goal: match, found: [][]string{{"w1"}}, reads: []reply{{status: 503}, {status: 403}, {status: 200, version: 1}}, want: failed, elapse: 2 * time.Second},
		{name: "never seen", goal: match, found: [][]string{{"w1"}}, reads: answers(503), want: unconfirmed, elapse: 10 * time.Second},
		{name: "always forbidden", goal: match, found: [][]string{{"w1"}}, reads: answers(403), want: unconfirmed, elapse: 10 * time.Second},
		{name: "cannot be seen", goal: match, found: [][]string{{"w1"}}, reads: answers(401), want: unconfirmed},
		{name: "a missing role", goal: match, found: [][]string{{"w1"}}, reads: []reply{{status: 403, body: roleMissing}}, want: unconfirmed},

		{name: "a deletion", goal: absent, found: [][]string{{"w1"}}, reads: answers(404), want: failed},
	}
	for _, status := range []int{409, 412} {
		for _, tt := range tests {
			bubble(t, fmt.Sprintf("%d/%s to %s", status, tt.name, tt.goal), func(t *testing.T) {
				s := &service{writes: answers(status), reads: tt.reads, found: tt.found}
				f := s.to(tt.goal)
				if tt.set != nil {
					tt.set(&f)
				}
				res, err := consistency.Do(t.Context(), s.policy(), f)
				s.onePlainWrite(t, res, err)
				assert.Equal(t, tt.want, res.Outcome, "%v", err)
				assert.Equal(t, tt.elapse, res.Elapsed)
				if tt.is != nil {
					assert.ErrorIs(t, err, tt.is)
				}
				if tt.want == failed {
					var e *consistency.Error
					require.ErrorAs(t, err, &e)
					assert.Equal(t, status, e.Status, "the refusal, and not what was seen of another's")
				}
				assert.Equal(t, tt.want != failed && s.started != nil || tt.want != confirmed, true)

				// By Send and Visit too.
				again := &service{writes: answers(status), reads: tt.reads, found: tt.found}
				f = again.to(tt.goal)
				if tt.set != nil {
					tt.set(&f)
				}
				var course consistency.Course
				h, err := consistency.NewStepper(again.policy(), f).Send(t.Context(), consistency.Pending{}, &course)
				if consistency.OutcomeOf(err) == confirmed {
					var res result
					res, err = visitAll(t.Context(), again.policy(), f, h, &course)
					assert.Equal(t, tt.want, res.Outcome)
				}
				assert.Equal(t, tt.want, consistency.OutcomeOf(err), "%v", err)
			})
		}
	}
}

// Of several tries that conflicted, the last one may be the echo of the first: that it
// was not carried out itself proves nothing of that.
func TestConflict_lastNotCarriedOut(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int]consistency.Outcome{1: failed, 2: unconfirmed} {
		bubble(t, fmt.Sprint(tries, " tries"), func(t *testing.T) {
			s := &service{writes: answers(409), reads: answers(404)}
			f := s.to(consistency.ToPresent)
			f.Find = func(context.Context) ([]ref, error) { return nil, consistency.NotCarriedOut(errLost) }
			f.Mine = func(ref) bool { return true }
			p := s.policy()
			p.SingleAttempt = true
			p.Resend.When = func(consistency.Answer) bool { return len(s.writeAt) < tries }
			res, _ := consistency.Do(t.Context(), p, f)
			assert.Equal(t, want, res.Outcome)
			assert.Len(t, s.writeAt, tries)
		})
	}
}

// A look whose the conflict is has the time that another try would only wait for.
func TestConflict_noTimeForAnotherTry(t *testing.T) {
	t.Parallel()
	bubble(t, "the context ends before", func(t *testing.T) {
		s := &service{writes: answers(409), reads: answers(200), found: [][]string{{"w1"}}}
		p := s.policy()
		p.Resend.When = func(consistency.Answer) bool { return true }
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		res, err := consistency.Do(ctx, p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Len(t, s.writeAt, 1)
	})
}

// Other refusals are not looked after, nor is the caller's word.
func TestConflict_noLook(t *testing.T) {
	t.Parallel()
	for _, write := range []reply{{status: 400}, {status: 404}, {status: 422}, {status: 429}, {err: consistency.As(refused, &fault{status: 409})}} {
		bubble(t, fmt.Sprint(write.status), func(t *testing.T) {
			s := &service{writes: []reply{write}, reads: answers(200), found: [][]string{{"w1"}}}
			res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, failed, res.Outcome)
			assert.Empty(t, s.findAt)
		})
	}
}

// A look in which the caller's context ends proves nothing.
func TestConflict_contextEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := &service{writes: answers(409), reads: answers(503), found: [][]string{{"w1"}}}
		res, err := consistency.Do(ctx, s.policy(), s.to(consistency.ToMatch))
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, context.DeadlineExceeded)

		// It can be gone on with: what is there decides then.
		other := &service{reads: []reply{{status: 200, version: wanted}}, answered: time.Now(), found: [][]string{{"w1"}}}
		_, err = consistency.Resume(t.Context(), other.policy(), other.to(consistency.ToMatch), stored(t, res.Pending))
		require.NoError(t, err)
	})
}

// Cases A9, A10: a creation may say what it should show, under an old name. That
// proves nothing of whose it is.
func TestCreate_match(t *testing.T) {
	t.Parallel()
	bubble(t, "the old one, nothing, then the new one", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{status: 200, version: 1}, {status: 404}, {status: 200, version: wanted}}}
		f := s.create()
		f.Match = shows
		_, err := consistency.Do(t.Context(), s.policy(), f)
		require.NoError(t, err)
		assert.Equal(t, seconds(0, 1, 2), s.readAt)
		verdict, reason := s.judged(1)
		assert.Equal(t, stale, shown{verdict, reason})
	})
	bubble(t, "a look-alike after a lost answer", func(t *testing.T) {
		s := &service{writes: answers(503), reads: []reply{{status: 200, version: wanted}}, found: [][]string{{"x"}}}
		f := s.to(consistency.ToPresent)
		f.Match, f.Mine = shows, nil
		res, err := consistency.Do(t.Context(), s.policy(), f)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)
		assert.Empty(t, s.readAt)
	})
	bubble(t, "proven, and as wanted", func(t *testing.T) {
		s := &service{writes: answers(503), reads: []reply{{status: 200, version: 1}, {status: 200, version: wanted}}, found: [][]string{{"w1"}}}
		f := s.to(consistency.ToPresent)
		f.Match = shows
		_, err := consistency.Do(t.Context(), s.policy(), f)
		require.NoError(t, err)
		assert.Equal(t, seconds(0, 1), s.readAt)
	})
}

// MineValue reads each candidate, and what it cannot see is no proof.
func TestFind_mineValue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		found []string
		read  map[string]reply // of the candidates
		want  string           // which is ours; empty is none
		judge shown            // of the first look
	}{
		{"one of two", []string{"a", "b"}, map[string]reply{"a": {status: 200, version: 1}, "b": {status: 200, version: 2}}, "b", ready},
		{"neither", []string{"a", "b"}, map[string]reply{"a": {status: 200, version: 1}, "b": {status: 404}}, "", shown{poll.Pending, "not provably ours"}},
		{"both", []string{"a", "b"}, map[string]reply{"a": {status: 200, version: 2}, "b": {status: 200, version: 2}}, "", shown{poll.Pending, "not provably ours"}},
		{"one cannot be seen", []string{"a", "b"}, map[string]reply{"a": {status: 503}, "b": {status: 200, version: 2}}, "", down},
		{"one is gone", []string{"a", "b"}, map[string]reply{"a": {status: 410}, "b": {status: 200, version: 2}}, "b", ready},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: answers(503)}
			f := s.create()
			f.Read = func(_ context.Context, w ref) (*item, error) {
				r := tt.read[w.ID]
				return &item{Code: r.status, Version: r.version}, r.error()
			}
			f.Find = func(context.Context) (refs []ref, _ error) {
				for _, id := range tt.found {
					refs = append(refs, ref{ID: id})
				}
				return refs, nil
			}
			f.MineValue = shows
			p := s.policy()
			p.Within = 3 * time.Second
			res, err := consistency.Do(t.Context(), p, f)
			verdict, reason := s.judged(1)
			assert.Equal(t, tt.judge, shown{verdict, reason})
			assert.Equal(t, tt.want != "", err == nil, "%v", err)
			assert.Equal(t, tt.want, res.Written.ID)
		})
	}
}
