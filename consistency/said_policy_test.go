package consistency_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// Policy.Answer is told the phase: a code means one thing to a write and another
// to a read.
func TestPolicy_answerKnowsThePhase(t *testing.T) {
	t.Parallel()
	bubble(t, "40001", func(t *testing.T) {
		conflict := errors.New("could not serialize access")
		s := &service{writes: answers(202), monitored: []reply{{err: conflict}, {status: 200}}, reads: []reply{{err: conflict}, {status: 200}}}
		phases := map[consistency.Phase]int{}
		p := s.policy()
		p.Answer = func(phase consistency.Phase, value any, err error) (consistency.Answer, bool) {
			phases[phase]++
			if _, isBool := value.(bool); isBool != (phase == consistency.PhaseMonitor) {
				t.Errorf("%T in phase %s", value, phase)
			}
			if err != conflict {
				return consistency.Answer{}, false
			}
			return consistency.Answer{Status: 503, Code: "40001"}, true
		}
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, map[consistency.Phase]int{consistency.PhaseWrite: 1, consistency.PhaseMonitor: 2, consistency.PhaseRead: 2}, phases)
		assert.Equal(t, "40001", s.events[1].Code)
	})
}

// An answer that has a code and no status is judged by the rules that ask for the
// code, and is no success without one.
func TestPolicy_answerWithACodeAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := &service{writes: []reply{{err: errLost}}}
		p := s.policy()
		p.Answer = func(consistency.Phase, any, error) (consistency.Answer, bool) {
			return consistency.Answer{Code: "23505"}, true
		}
		res, _ := consistency.Do(t.Context(), p, s.create())
		assert.Equal(t, unconfirmed, res.Outcome)
		p.Rules.Write = []consistency.WriteRule{{Code: "23505", Class: refused}}
		res, err := consistency.Do(t.Context(), p, s.create())
		assert.Equal(t, failed, res.Outcome)
		assert.ErrorContains(t, err, "last status 23505 to the write")
	})
}
