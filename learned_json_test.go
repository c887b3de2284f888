package readback_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
)

func countKeys(t *testing.T, data []byte) int {
	t.Helper()
	var stored struct{ Keys []json.RawMessage }
	require.NoError(t, json.Unmarshal(data, &stored))
	return len(stored.Keys)
}

// saved returns what a schedule with two keys stores.
func saved(tb testing.TB) []byte {
	tb.Helper()
	s := readback.NewLearned(readback.LearnedOptions{Seed: 1})
	r := rand.New(rand.NewPCG(1, 1))
	play(s.For("orders"), lawNamed("lognormal"), r, time.Minute, 100)
	play(s.For("users"), lawNamed("dead time"), r, time.Minute, 100)
	data, err := json.Marshal(s)
	require.NoError(tb, err)
	return data
}

// A process that loads what another one saved goes on where that one was.
func TestLearned_saveAndLoad(t *testing.T) {
	t.Parallel()
	data := saved(t)
	var warm readback.Learned
	require.NoError(t, json.Unmarshal(data, &warm))
	again, err := json.Marshal(&warm)
	require.NoError(t, err)
	assert.JSONEq(t, string(data), string(again))
	assert.Equal(t, 2, countKeys(t, data))

	users := warm.For("users")
	assert.InEpsilon(t, 0.37, users.Quantile(0.5).Seconds(), 0.1)
	costs := play(users, lawNamed("dead time"), rand.New(rand.NewPCG(2, 2)), time.Minute, 10)
	assert.Less(t, costs[0].reads, 4.0, "it knows of the dead time")
}

func TestLearned_loadKeepsKeysUsedLast(t *testing.T) {
	t.Parallel()
	s := readback.NewLearned(readback.LearnedOptions{Keys: 1})
	require.NoError(t, json.Unmarshal(saved(t), s))
	data, err := json.Marshal(s)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"users"`)
	assert.NotContains(t, string(data), `"orders"`)
}

// Flows in flight go on with the plan they have while another is loaded.
func TestLearned_loadInFlight(t *testing.T) {
	t.Parallel()
	s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("slow"), 100)
	users := s.For("users")
	users.First(time.Minute)
	s.First(time.Minute)
	plan := s.Plan()
	require.NoError(t, s.UnmarshalJSON(saved(t)))
	assert.Greater(t, plan.Next(readback.Step{Reads: 1, Deadline: time.Minute}), time.Second)
	assert.Less(t, s.Times(time.Minute)[0], time.Second)
	assert.InEpsilon(t, 0.37, users.Quantile(0.5).Seconds(), 0.1)
}

// What cannot have been saved is refused, and changes nothing.
func TestLearned_loadRefuses(t *testing.T) {
	t.Parallel()
	valid := string(saved(t))
	swap := func(old, new string) string {
		require.True(t, strings.Contains(valid, old), old)
		return strings.Replace(valid, old, new, 1)
	}
	tests := []struct{ name, give, want string }{
		{"not JSON", `{`, "unexpected end of JSON input"},
		{"a number that is none", swap(`"at_once":`, `"at_once":NaN,"was":`), "invalid character 'N'"},
		{"a number too large", swap(`"at_once":`, `"at_once":1e999,"was":`), "cannot unmarshal number 1e999"},
		{"no version", `{}`, "readback: learned lags are of version 0, not 2: learn them anew"},
		{"a later version", swap(`"version":2`, `"version":3`), "readback: learned lags are of version 3, not 2: learn them anew"},
		{"no parent", `{"version":2}`, "readback: learned lags of the parent: 0 counts of later reads, not 33"},
		{"too few cells", swap(`"cells":[`, `"cells":[],"was":[`), "readback: learned lags of the parent: broad: 0 cells, not "},
		{"too many cells", swap(`"cells":[`, `"cells":[0,`), " cells, not "},
		{"too few levels", swap(`"levels":[`, `"levels":[],"was":[`), "0 levels, not 129"},
		{"too many levels", swap(`"levels":[`, `"levels":[0,`), "130 levels, not 129"},
		{"negative level", swap(`"levels":[0,`, `"levels":[-1,`), "level out of range: -1"},
		{"level too high", swap(`"levels":[0,`, `"levels":[8,`), "level out of range: 8"},
		{"more cells than fit", swap(`"levels":[0,0,0,`, `"levels":[7,7,7,`), "more than 320 cells"},
		{"negative mass outside", swap(`"at_once":`, `"at_once":-1,"was":`), "negative mass outside the cells: -1, "},
		{"negative mass", swap(`"cells":[`, `"cells":[-`), "broad: negative mass at 0: -"},
		{"mass beyond memory", swap(`"cells":[`, `"cells":[60`), "more than are remembered"},
		{"infinite mass", swap(`"at_once":`, `"at_once":1e300,"was":`), "more than are remembered"},
		{"lean", swap(`"lean":`, `"lean":7,"was":`), "lean out of range: 7"},
		{"alarm", swap(`"alarm":`, `"alarm":-1,"was":`), "alarm out of range: -1"},
		{"hits", swap(`"hits":`, `"hits":-1,"was":`), "counts of reads at zero out of range"},
		{"flows", swap(`"flows":`, `"flows":-1,"was":`), "flows, price or read time out of range"},
		{"price", swap(`"price":`, `"price":-1,"was":`), "flows, price or read time out of range"},
		{"key twice", swap(`"key":"orders"`, `"key":"users"`), `key "users" is empty or stored twice`},
		{"key without a name", swap(`"key":"orders"`, `"key":""`), `key "" is empty or stored twice`},
	}
	s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("slow"), 20)
	before, err := json.Marshal(s)
	require.NoError(t, err)
	for _, tt := range tests {
		assert.ErrorContains(t, s.UnmarshalJSON([]byte(tt.give)), tt.want, tt.name)
		after, err := json.Marshal(s)
		require.NoError(t, err)
		assert.Equal(t, before, after, tt.name)
	}
	assert.NoError(t, s.UnmarshalJSON([]byte("null")))
}

// Loading changes all or nothing, and what was loaded can be used and saved.
func FuzzLearned_load(f *testing.F) {
	f.Add(saved(f))
	f.Add([]byte(`{"version":2,"parent":{"lag":{"broad":{"cells":[]}}}}`))
	f.Add([]byte(`{"version":3}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := readback.NewLearned(readback.LearnedOptions{Seed: 1})
		s.Observe(readback.Lag{After: 0, By: time.Second, Reads: 2})
		before, err := json.Marshal(s)
		require.NoError(t, err)
		err = s.UnmarshalJSON(data)
		after, marshalErr := json.Marshal(s)
		require.NoError(t, marshalErr)
		if err != nil {
			require.Equal(t, before, after)
			return
		}
		require.NoError(t, readback.NewLearned(readback.LearnedOptions{}).UnmarshalJSON(after))
		flow(s, time.Second, nil)
		s.Observe(readback.Lag{After: 0, By: time.Second, Reads: 2})
	})
}
