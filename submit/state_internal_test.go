package submit

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A state that has been left is reached again only where a job is tried again or read
// again, and what has ended is never sent.
func TestStates_neverGoBack(t *testing.T) {
	t.Parallel()
	for from, row := range moves {
		for e, to := range row {
			if to == unborn {
				assert.Panics(t, func() { state(from).after(event(e)) })
				continue
			}
			assert.Equal(t, to, state(from).after(event(e)))
			if to == sending {
				assert.Contains(t, []state{unborn, queued}, state(from), "sent from nowhere else")
			}
			if to == queued {
				assert.NotContains(t, []state{lost, answered, ended}, state(from), "what may have been sent is not queued again")
			}
			if to == ended || to == aside {
				assert.NotEqual(t, state(from), to)
			}
		}
	}
	for s := queued; s < states; s++ {
		text, err := json.Marshal(s)
		assert.NoError(t, err)
		var back state
		assert.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, s.String(), back.String())
	}
}
