package consistency_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

// Whatever is taken for a handle survives the way through JSON, and whatever is
// not leaves the handle as it was.
func FuzzPending_UnmarshalJSON(f *testing.F) {
	for _, seed := range []string{
		`null`,
		`{}`,
		`{"readback":1,"name":"create item","goal":"present","class":"applied","written":{"ID":"w1"}}`,
		`{"readback":1,"name":"<&>","goal":"match","class":"ambiguous","doubtful":true}`,
		`{"readback":1,"name":"\ud800","goal":"absent","class":"accepted","written":null,"monitored":true}`,
		`{"readback":2,"name":"create item","goal":"present","class":"applied","tries":2,"answered":946684800000,"trace":"00-1-2-01"}`,
		`{"readback":2,"name":"create item","goal":"present","class":"applied","tries":-1}`,
		`{"readback":3,"name":"create item","goal":"present","class":"applied"}`,
		`{"readback":1,"goal":"any","class":"refused"}`,
		` {"READBACK":1,"goal":"present","class":"applied","written": [1 , 2]} `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := new(consistency.Pending)
		require.NoError(t, before.UnmarshalJSON([]byte(`{"readback":1,"name":"before","goal":"match","class":"applied"}`)))
		h := *before
		if err := h.UnmarshalJSON(data); err != nil {
			assert.Equal(t, *before, h)
			return
		}
		assert.False(t, h.IsZero())
		once, err := json.Marshal(h)
		require.NoError(t, err)
		var got consistency.Pending
		require.NoError(t, json.Unmarshal(once, &got))
		twice, err := json.Marshal(got)
		require.NoError(t, err)
		assert.Equal(t, string(once), string(twice))
		assert.Equal(t, h.Name(), got.Name())

		// No handle, however strange, makes Resume write or panic.
		fl := consistency.Create(h.Name(), func(context.Context) (any, error) { t.Error("a write"); return nil, nil },
			func(context.Context, any) (int, error) { return 0, &fault{status: 401} })
		_, err = consistency.Resume(t.Context(), consistency.Policy{}, fl, h)
		assert.Equal(t, unconfirmed, consistency.OutcomeOf(err))
	})
}

// scriptStatuses are what a fuzzed service may answer; 0 is a lost connection.
var scriptStatuses = []int{200, 404, 403, 410, 503, 202, 304, 401, 409, 412, 422, 429, 500, 0, 307, 303}

// The first law, against every script: never Confirmed for what the reads do not
// show, never Failed for a write that may be carried out. And one write.
func FuzzDo(f *testing.F) {
	f.Add(uint8(0), uint8(0), uint8(0), []byte{1, 2, 0})
	f.Add(uint8(1), uint8(3), uint8(0), []byte{0, 16, 1, 16, 16})
	f.Add(uint8(2), uint8(2), uint8(4), []byte{4, 1, 1, 1})
	f.Add(uint8(0), uint8(2), uint8(13), []byte{1, 1, 0, 0, 0})
	f.Add(uint8(2), uint8(2), uint8(0), []byte("\xeb\xebA0\xeb\xeb0BBA\xeb1")) // a read is cut short before the last
	f.Fuzz(func(t *testing.T, goal, settle, write uint8, script []byte) {
		if len(script) == 0 || len(script) > 64 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := &service{writes: answers(scriptStatuses[int(write)%len(scriptStatuses)]), found: [][]string{nil, {"x"}, {"w1", "x"}}}
			for _, b := range script {
				s.reads = append(s.reads, reply{
					status:  scriptStatuses[int(b)%len(scriptStatuses)],
					version: int(b) / len(scriptStatuses) % 3,
					asError: b >= 128,
					took:    time.Duration(b/64) * time.Second,
				})
			}
			p := s.policy()
			p.Settle = int(settle) % 4
			to := goals[int(goal)%len(goals)]
			res, err := consistency.Do(t.Context(), p, s.to(to))
			s.onePlainWrite(t, res, err)
			require.LessOrEqual(t, res.Elapsed, 10*time.Minute)
			for _, id := range s.readIDs {
				require.Equal(t, "w1", id)
			}
			switch res.Outcome {
			case failed:
				require.Contains(t, []consistency.Class{refused, notExecuted}, s.class())
				require.Empty(t, s.readAt)
			case unconfirmed:
				require.NotContains(t, []consistency.Class{refused, notExecuted}, s.class())
			case confirmed:
				settled := max(1, p.Settle)
				if p.Settle == 0 && to == consistency.ToAbsent {
					settled = 2
				}
				s.requireShown(t, to, settled)
			}
		})
	})
}

// requireShown checks that the last reads that tell something show what was
// asked for, as often in a row as asked.
func (s *service) requireShown(t *testing.T, goal consistency.Goal, settle int) {
	t.Helper()
	streak := 0
	for n := len(s.readAt); n > 0; n-- {
		r := nth(s.reads, n)
		if s.cut[n-1] {
			continue
		}
		good := r.status == 200 && !r.asError
		switch goal {
		case consistency.ToMatch:
			good = good && r.version >= wanted
		case consistency.ToAbsent:
			good = r.status == 404 || r.status == 410
			if r.status == 410 && streak == 0 {
				return // a tombstone is enough
			}
		}
		if good {
			if streak++; streak == settle {
				return
			}
			continue
		}
		pending := []int{200, 202, 403, 404, 410}
		if goal == consistency.ToAbsent {
			pending = []int{200, 202, 0, 500, 503, 429} // and setbacks
		}
		require.False(t, slices.Contains(pending, r.status) && !(r.asError && goal != consistency.ToAbsent),
			"read %d does not show it, only %d after it do", n, streak)
	}
	require.GreaterOrEqual(t, streak, settle)
}
