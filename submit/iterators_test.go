package submit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// Iterators with bugs, loops that are left, and keys that come twice send nothing twice.
func TestBatch_oddIterators(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"panics", "twice", "twice, another", "break"} {
		bubble(t, how, func(t *testing.T) {
			w := &world{lag: 2 * time.Second, took: time.Second}
			store := submit.NewMemory()
			s := w.on(t, store, everySecond)
			jobs := func(yield func(string, order) bool) {
				for i := range 5 {
					if how == "panics" && i == 3 {
						panic("a bug")
					}
					key, o := fmt.Sprint(i), order{"x"}
					if how == "twice" || how == "twice, another" {
						key = fmt.Sprint(i / 2)
					}
					if how == "twice, another" {
						o.Name = fmt.Sprint(i)
					}
					if !yield(key, o) {
						return
					}
				}
			}
			var outcomes []consistency.Outcome
			func() {
				defer func() { _ = recover() }()
				for _, res := range s.SubmitAll(within(t, time.Hour), jobs) {
					outcomes = append(outcomes, res.Outcome)
					if how == "break" {
						break
					}
				}
			}()
			want := map[string][]consistency.Outcome{
				"panics": nil, "break": {confirmed},
				"twice": {confirmed, confirmed, confirmed, confirmed, confirmed}, "twice, another": {confirmed, failed, confirmed, failed, confirmed},
			}
			assert.Equal(t, want[how], outcomes)
			other := w.on(t, store, everySecond)
			defer running(other)()
			time.Sleep(time.Hour)
			for i := range 5 {
				assert.LessOrEqual(t, w.sent(fmt.Sprint(i)), 1)
				if res, err := other.Lookup(t.Context(), fmt.Sprint(i)); err == nil {
					assert.Equal(t, confirmed, res.Outcome)
				}
			}
		})
	}
}
