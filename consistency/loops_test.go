package consistency_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
)

// What those build on who read back in a way of their own.
func TestPolicy_beneath(t *testing.T) {
	t.Parallel()
	require.NoError(t, consistency.Policy{}.Validate())
	require.ErrorIs(t, consistency.Policy{Within: -1}.Validate(), consistency.ErrInvalid)

	assert.Equal(t, 30*time.Second, consistency.Policy{}.WithinAfter(consistency.Applied))
	assert.Equal(t, 2*time.Minute, consistency.Policy{}.WithinAfter(consistency.Ambiguous))
	assert.Equal(t, 10*time.Minute, consistency.Policy{}.WithinAfter(consistency.Accepted))
	assert.Equal(t, time.Second, consistency.Policy{Within: time.Second}.WithinAfter(consistency.Accepted))

	core, logs := observer.New(zap.DebugLevel)
	var order []string
	p := consistency.Policy{Logger: zap.New(core)}
	p.Observer = func(e consistency.Event) {
		order = append(order, e.Flow)
		assert.Zero(t, logs.Len(), "the observer is first")
	}
	p.Tell(consistency.Event{Flow: "own", Phase: consistency.PhaseRead})
	assert.Equal(t, []string{"own"}, order)
	assert.Equal(t, 1, logs.Len())
	consistency.Policy{}.Tell(consistency.Event{})
	for level, heard := range map[zapcore.Level]bool{zap.DebugLevel: true, zap.InfoLevel: false} {
		core, _ := observer.New(level)
		assert.Equal(t, heard, consistency.Policy{Logger: zap.New(core)}.Observed())
	}
	assert.True(t, p.Observed())
	assert.False(t, consistency.Policy{}.Observed())
}

func TestRules_ClassOf(t *testing.T) {
	t.Parallel()
	own := consistency.Rules{Write: []consistency.WriteRule{{Method: "PUT", From: 409, Class: consistency.Applied}}}
	assert.Equal(t, consistency.Applied, own.ClassOf(consistency.ToMatch, consistency.Answer{Method: "PUT", Status: 409}))
	assert.Equal(t, consistency.Refused, own.ClassOf(consistency.ToMatch, consistency.Answer{Method: "POST", Status: 409}))
	assert.Equal(t, consistency.Applied, own.ClassOf(consistency.ToAbsent, consistency.Answer{Status: 404}))
	assert.Equal(t, consistency.Ambiguous, own.ClassOf(consistency.ToPresent, consistency.Answer{Status: 599}))
}

// An answer carries the headers, for what the status does not say.
func TestAnswerOf_header(t *testing.T) {
	t.Parallel()
	header := http.Header{"X-Ms-Substatus": {"1002"}}
	assert.Equal(t, header, consistency.AnswerOf(&http.Response{StatusCode: 404, Header: header}).Header)
	assert.Nil(t, consistency.AnswerOf(nil).Header)
}
