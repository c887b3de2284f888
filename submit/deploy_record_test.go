package submit_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// put records a job as another program has left it.
func put(t *testing.T, store submit.Store, key, value string) {
	t.Helper()
	_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: key, Value: []byte(value)})
	require.NoError(t, err)
}

// A job that was sent, and answered, has no handle in its record: it is looked for.
func TestDeploy_noHandle(t *testing.T) {
	t.Parallel()
	bubble(t, "answered", func(t *testing.T) {
		w, store := &world{}, submit.NewMemory()
		_, err := w.write(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		put(t, store, "a", `{"submit":1,"state":"answered","holder":"gone","intent":"2000-01-01T00:00:00Z","print":"","job":{"Name":"x"}}`)
		runFor(w.on(t, store, everySecond), time.Minute)
		assert.Contains(t, valueOf(t, store, "a"), `"outcome":"confirmed"`)
	})
}

// What this version does not know it takes for nothing that it knows: neither an outcome nor a state.
func TestDeploy_unknownWords(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"outcome":              `"state":"ended","end":{"outcome":"superseded","at":"2000-01-01T00:00:00Z"}`,
		"state":                `"state":"paused"`,
		"member of a payload":  `"state":"queued","payload":{"version":0,"job":{"Name":"x"},"sealed":"s"}`,
		"negative version":     `"state":"queued","payload":{"version":-1,"job":{"Name":"x"}}`,
		"state of a set aside": `"state":"aside","broken":{"at":"2000-01-01T00:00:00Z","was":"paused","panic":"","stack":""}`,
	} {
		bubble(t, name, func(t *testing.T) {
			w, store := &world{}, submit.NewMemory()
			value := `{"submit":1,"holder":"gone","intent":"2000-01-01T00:00:00Z","print":"","job":{"Name":"x"},` + part + `}`
			put(t, store, "a", value)
			s := w.on(t, store, everySecond)
			defer running(s)()
			res, err := s.Submit(within(t, time.Minute), "a", order{"x"})
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, submit.ErrUnreadable)
			require.ErrorIs(t, s.Retry(t.Context(), "a"), submit.ErrUnreadable)
			require.ErrorIs(t, s.Cancel(t.Context(), "a"), submit.ErrUnreadable)
			require.ErrorIs(t, s.Forget(t.Context(), "a"), submit.ErrUnreadable)
			assert.Equal(t, value, valueOf(t, store, "a"))
			assert.Zero(t, w.sent("a"))
		})
	}
}

// tolerant reads a tip that is a number or, as it once was, a text.
type tolerant struct {
	Name string
	Tip  json.RawMessage
}

func (j tolerant) MarshalJSON() ([]byte, error) {
	return json.Marshal(wideOrder{Name: j.Name, Tip: len(j.Tip)})
}

// A queued job whose payload has a field that has another name now is not sent without it. A Lift
// says what it is called today.
func TestDeploy_renamedUnsent(t *testing.T) {
	t.Parallel()
	type renamed struct{ Title string }
	bubble(t, "left alone", func(t *testing.T) {
		w, store := &world{}, submit.NewMemory()
		require.NoError(t, w.on(t, store).Enqueue(t.Context(), "a", order{"x"}))
		runFor(jobsOf[renamed](t, w, store), time.Hour)
		assert.Zero(t, w.sent("a"))
		s := jobsOf[renamed](t, w, store)
		job, err := s.Job(t.Context(), "a")
		require.NoError(t, err)
		assert.ErrorIs(t, job.Unreadable, submit.ErrUnreadable)
		assert.ErrorContains(t, job.Unreadable, "Lift")
		require.ErrorIs(t, s.Enqueue(t.Context(), "a", renamed{"x"}), submit.ErrKeyReused)
		lifted := jobsOf(t, w, store, func(o *submit.Options[renamed, string, *thing]) {
			o.JobVersion = 1
			o.Lift = func(_ int, data []byte) (renamed, error) {
				var old order
				err := json.Unmarshal(data, &old)
				return renamed{old.Name}, err
			}
		})
		runFor(lifted, time.Hour)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "that the program's Same takes for the same", func(t *testing.T) {
		w, store := &world{}, submit.NewMemory()
		require.NoError(t, w.on(t, store).Enqueue(t.Context(), "a", order{"x"}))
		s := jobsOf(t, w, store, func(o *submit.Options[renamed, string, *thing]) {
			o.Same = func(renamed, renamed) bool { return true }
		})
		_, err := s.Submit(within(t, time.Hour), "a", renamed{"x"})
		require.ErrorIs(t, err, submit.ErrUnreadable)
		require.NotErrorIs(t, err, consistency.ErrFailed)
		assert.Zero(t, w.sent("a"))
	})
	bubble(t, "its values are written in another way", func(t *testing.T) {
		w, store := &world{}, submit.NewMemory()
		require.NoError(t, jobsOf[map[string]any](t, w, store).Enqueue(t.Context(), "a", map[string]any{"Name": "x", "Tip": "7"}))
		runFor(jobsOf[tolerant](t, w, store), time.Hour)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "deep inside", func(t *testing.T) {
		type before struct{ Lines []order }
		type after struct{ Lines []renamed }
		w, store := &world{}, submit.NewMemory()
		require.NoError(t, jobsOf[before](t, w, store).Enqueue(t.Context(), "a", before{[]order{{"x"}}}))
		runFor(jobsOf[after](t, w, store), time.Hour)
		assert.Zero(t, w.sent("a"))
	})
	bubble(t, "only upper and lower case differ", func(t *testing.T) {
		type tagged struct {
			Name string `json:"name"`
		}
		w, store := &world{}, submit.NewMemory()
		require.NoError(t, w.on(t, store).Enqueue(t.Context(), "a", order{"x"}))
		runFor(jobsOf[tagged](t, w, store), time.Hour)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "a field that is gone, and one that is new", func(t *testing.T) {
		type shorter struct{ Tip int }
		w, store := &world{}, submit.NewMemory()
		require.NoError(t, jobsOf[wideOrder](t, w, store).Enqueue(t.Context(), "gone", wideOrder{"x", 1}))
		runFor(jobsOf[shorter](t, w, store), time.Hour)
		require.NoError(t, jobsOf[shorter](t, w, store).Enqueue(t.Context(), "new", shorter{1}))
		runFor(jobsOf[wideOrder](t, w, store), time.Hour)
		assert.Equal(t, 1, w.sent("gone"))
		assert.Equal(t, 1, w.sent("new"))
	})
}

// A clock that was set back between the intent and the first send makes no key honoured for longer.
func TestResubmit_sentBeforeIntent(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{time.Millisecond, 2 * time.Hour, 60 * 24 * time.Hour} {
		bubble(t, back.String(), func(t *testing.T) {
			w, store := &world{honours: true}, submit.NewMemory()
			sent := time.Now().UTC()
			put(t, store, "a", `{"submit":1,"state":"sending","holder":"gone","intent":"`+sent.Add(back).Format(time.RFC3339Nano)+
				`","print":"","job":{"Name":"x"},"sent":"`+sent.Format(time.RFC3339Nano)+`"}`)
			time.Sleep(back + time.Hour)
			s := w.on(t, store, everySecond, func(o *options) { o.Resubmit.KeyHonouredFor = max(time.Hour, back/2) })
			runFor(s, time.Hour)
			assert.Zero(t, w.sent("a"), "the service has forgotten the key")
			var rec struct{ Sent time.Time }
			require.NoError(t, json.Unmarshal([]byte(valueOf(t, store, "a")), &rec))
			if back < 24*24*time.Hour {
				assert.WithinDuration(t, sent, rec.Sent, 2*time.Millisecond, "also in the record")
			}
		})
	}
}
