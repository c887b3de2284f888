package readbacktest_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbacktest"
)

// A script that cannot be ends the test, with a word on what is wrong.
func TestScript_invalid(t *testing.T) {
	t.Parallel()
	rule := func(r readbacktest.Rule) readbacktest.Script {
		return readbacktest.Script{Rules: []readbacktest.Rule{{}, r}}
	}
	tests := []struct {
		script readbacktest.Script
		want   string
	}{
		{readbacktest.Script{Lag: -1}, "Script.Lag cannot be -1ns"},
		{readbacktest.Script{Lag: math.MaxInt64}, "Script.Lag cannot be 2562047h47m16.854775807s"},
		{readbacktest.Script{Forbidden: -1}, "Script.Forbidden cannot be -1ns"},
		{readbacktest.Script{Partial: -1}, "Script.Partial cannot be -1ns"},
		{readbacktest.Script{ListLag: -1}, "Script.ListLag cannot be -1ns"},
		{readbacktest.Script{NegativeCache: -1}, "Script.NegativeCache cannot be -1ns"},
		{readbacktest.Script{Skew: math.MaxInt64}, "Script.Skew cannot be 2562047h47m16.854775807s"},
		{readbacktest.Script{Lag: 1, LagFrom: readbacktest.Fixed(1)}, "Script has more than one of Lag, LagFrom and Replicas"},
		{readbacktest.Script{Lag: 1, Replicas: []readbacktest.Draw{readbacktest.Fixed(1)}}, "Script has more than one of Lag, LagFrom and Replicas"},
		{readbacktest.Script{Replicas: []readbacktest.Draw{}}, "Script.Replicas is empty, so that nothing could be read"},
		{readbacktest.Script{Replicas: []readbacktest.Draw{nil}}, "Script.Replicas[0] is nil; Fixed(0) does not lag"},
		{readbacktest.Script{Tombstone: 3}, "Script.Tombstone cannot be 3"},
		{readbacktest.Script{Token: readbacktest.Token{Answer: "A"}}, `Script.Token needs the headers Answer and Request and the status Behind, and has "A", "" and 0`},
		{readbacktest.Script{Token: readbacktest.Token{Answer: "A", Request: "B", Behind: 200}}, `Script.Token needs the headers Answer and Request and the status Behind, and has "A", "B" and 200`},
		{readbacktest.Script{Token: readbacktest.Token{Answer: "A", Request: "B", Behind: 412, Wait: -1}}, "Script.Token.Wait cannot be -1ns"},
		{readbacktest.Script{Existing: map[string]string{"w/1": "{}"}}, `Script.Existing: "w/1" is not the path of a thing`},
		{readbacktest.Script{Existing: map[string]string{"/w/{id}": "{}"}}, `Script.Existing: "/w/{id}" is not the path of a thing`},
		{readbacktest.Script{Existing: map[string]string{"/w/{id...}": "{}"}}, `Script.Existing: "/w/{id...}" is not the path of a thing`},
		{readbacktest.Script{Existing: map[string]string{"GET /w": "{}"}}, `Script.Existing: "GET /w" is not the path of a thing`},
		{readbacktest.Script{Existing: map[string]string{"/": "{}"}}, `Script.Existing: "/" is not the path of a thing`},
		{readbacktest.Script{Existing: map[string]string{"/w/1": "[]"}}, `Script.Existing["/w/1"] is not a JSON object`},
		{rule(readbacktest.Rule{On: "post /w"}), `Script.Rules[1]: "post /w" begins with neither a method nor a slash; want it like "GET /workspaces/{id}"`},
		{rule(readbacktest.Rule{On: "/w", Skip: -1}), `Script.Rules[1] (/w) counts below zero: Skip -1, Times 0`},
		{rule(readbacktest.Rule{Times: -1}), `Script.Rules[1] (all) counts below zero: Skip 0, Times -1`},
		{rule(readbacktest.Rule{From: -1}), `Script.Rules[1] (all) has a time that cannot be: -1ns`},
		{rule(readbacktest.Rule{Delay: -1}), `Script.Rules[1] (all) has a time that cannot be: -1ns`},
		{rule(readbacktest.Rule{Slow: -1}), `Script.Rules[1] (all) has a time that cannot be: -1ns`},
		{rule(readbacktest.Rule{RetryAfter: -1}), `Script.Rules[1] (all) has a time that cannot be: -1ns`},
		{rule(readbacktest.Rule{From: 2, Until: 2}), `Script.Rules[1] (all) is in force from 2ns until 2ns, which is never`},
		{rule(readbacktest.Rule{Execute: readbacktest.Later(-1)}), `Script.Rules[1] (all) executes after -1ns`},
		{rule(readbacktest.Rule{Execute: readbacktest.Twice(2, 1)}), `Script.Rules[1] (all) executes for the second time before the first`},
		{rule(readbacktest.Rule{Status: 101}), `Script.Rules[1] (all) has the status 101`},
		{rule(readbacktest.Rule{Status: 1000}), `Script.Rules[1] (all) has the status 1000`},
		{rule(readbacktest.Rule{RetryAfterAs: time.ANSIC}), `Script.Rules[1] (all) has a form of Retry-After, but no time`},
		{rule(readbacktest.Rule{Cut: 4}), `Script.Rules[1] (all) has a Cut of 4`},
		{rule(readbacktest.Rule{Cut: readbacktest.CutAnswer, Status: 503}), `Script.Rules[1] (all) cuts the connection and answers`},
		{rule(readbacktest.Rule{Cut: readbacktest.CutAnswer, Endless: true}), `Script.Rules[1] (all) cuts the connection and answers`},
		{rule(readbacktest.Rule{Cut: readbacktest.CutAnswer, Operation: new(readbacktest.Operation)}), `Script.Rules[1] (all) cuts the connection and answers`},
		{rule(readbacktest.Rule{Cut: readbacktest.CutRequest, Execute: readbacktest.AtOnce()}), `Script.Rules[1] (all) executes what it did not read`},
		{rule(readbacktest.Rule{Cut: readbacktest.Unreachable, Execute: readbacktest.AtOnce()}), `Script.Rules[1] (all) executes what it did not read`},
		{rule(readbacktest.Rule{Cut: readbacktest.Unreachable, Delay: 1}), `Script.Rules[1] (all) delays what is not reachable`},
		{rule(readbacktest.Rule{Truncated: true, Endless: true}), `Script.Rules[1] (all) has a body that is truncated and endless`},
		{rule(readbacktest.Rule{Header: http.Header{"etag": {"1"}}}), `Script.Rules[1] (all) has the header "etag", which is spelled "Etag"`},
		{rule(readbacktest.Rule{Operation: &readbacktest.Operation{Takes: -1}}), `Script.Rules[1] (all) has an operation that takes -1ns`},
		{rule(readbacktest.Rule{Operation: &readbacktest.Operation{Header: "location"}}), `Script.Rules[1] (all) has an operation with the header "location", which is spelled "Location"`},
		{rule(readbacktest.Rule{Status: 503, Operation: new(readbacktest.Operation)}), `Script.Rules[1] (all) has an operation and a status that says that there is none`},
	}
	for _, tt := range tests {
		fake := under(func(t *fakeT) { readbacktest.NewServer(t, tt.script) })
		assert.Equal(t, "readbacktest: "+tt.want, fake.text())
		assert.False(t, fake.passed)
		assert.PanicsWithError(t, "readbacktest: "+tt.want, func() { readbacktest.NewHandler(tt.script) })
	}
	unreachable := rule(readbacktest.Rule{On: "GET", Cut: readbacktest.Unreachable})
	fake := under(func(t *fakeT) { readbacktest.NewServer(t, unreachable) })
	assert.Equal(t, "readbacktest: Script.Rules[1] (GET) is Unreachable, which a server on a socket never is", fake.text())
	assert.False(t, fake.passed)
}

// A pick out of range is the script's mistake.
func TestScript_Pick(t *testing.T) {
	t.Parallel()
	for _, pick := range []int{-1, 2} {
		h := readbacktest.NewHandler(readbacktest.Script{
			Replicas: []readbacktest.Draw{readbacktest.Fixed(0), readbacktest.Fixed(0)},
			Pick:     func(int) int { return pick },
		})
		req, err := http.NewRequest("GET", "http://api.test/w", nil)
		require.NoError(t, err)
		assert.Panics(t, func() { _, _ = h.RoundTrip(req) })
		h.AssertCount(t, "GET", 1) // and nothing stays locked
	}
}

// The script is read once: to change its rules later changes nothing.
func TestScript_copied(t *testing.T) {
	t.Parallel()
	script := readbacktest.Script{Rules: []readbacktest.Rule{{On: "GET", Status: 503}}}
	w := asTransport(t, script)
	script.Rules[0].Status = 504
	assert.Equal(t, 503, w.send(t, "GET /w").status)
}

// What has no Cleanup gets a server too.
func TestNewServer_withoutCleanup(t *testing.T) {
	t.Parallel()
	srv := readbacktest.NewServer(&fakeT{}, readbacktest.Script{})
	resp, err := srv.Client().Get(srv.URL + "/w")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Same(t, srv.Client(), srv.Client())
	srv.Close()
	_, err = srv.Client().Get(srv.URL + "/w")
	assert.Error(t, err)
	srv.AssertCount(t, "GET /w", 1)
}

// A server ends with its test, and nothing of it stays.
func TestNewServer_cleanup(t *testing.T) {
	t.Parallel()
	var srv *readbacktest.Server
	t.Run("inside", func(t *testing.T) {
		srv = readbacktest.NewServer(t, readbacktest.Script{})
		resp, err := srv.Client().Get(srv.URL)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	})
	_, err := srv.Client().Get(srv.URL)
	assert.Error(t, err)
}
