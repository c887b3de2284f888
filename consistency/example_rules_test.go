package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// A service that says in the body of a 200 that it did nothing.
func ExampleRules_ClassOf() {
	rules := consistency.Rules{Write: []consistency.WriteRule{
		{From: 200, To: 299, Body: consistency.JSON("/ok", false), Class: consistency.Refused},
		{Goal: consistency.ToAbsent, Method: http.MethodDelete, From: 409, Class: consistency.Ambiguous},
	}}
	answer := consistency.Answer{Status: 200, Body: []byte(`{"ok":false}`), Whole: true}
	fmt.Println("without rules:", consistency.Rules{}.ClassOf(consistency.ToPresent, answer))
	fmt.Println("with them:", rules.ClassOf(consistency.ToPresent, answer))

	conflict := consistency.Answer{Method: http.MethodDelete, Status: 409}
	fmt.Println("a deletion:", rules.ClassOf(consistency.ToAbsent, conflict))
	// Output:
	// without rules: applied
	// with them: refused
	// a deletion: ambiguous
}

// The code of the client's own goes before its status.
func ExampleWriteRule() {
	policy := consistency.Policy{Rules: consistency.Rules{Write: []consistency.WriteRule{
		// This server answers 500 to what it did not even look at.
		{Code: "QUOTA", Class: consistency.Refused},
		// And its gateway answers 503 before it hands anything on.
		{From: 503, When: func(a consistency.Answer) bool { return a.Header.Get("Server") == "gateway" }, Class: consistency.NotExecuted},
	}}}
	policy.Answer = func(_ consistency.Phase, _ any, err error) (consistency.Answer, bool) {
		return consistency.Answer{Status: 500, Code: "QUOTA"}, err != nil // as a client's error would tell
	}
	write := func(context.Context) (string, error) { return "", errors.New("quota exceeded") }
	res, _ := consistency.Do(context.Background(), policy, consistency.Create("create", write, seven))
	fmt.Println(res.Outcome)
	// Output: failed
}

// view is what a read of this example's client returns; it tells its answer.
type view struct{ body string }

func (v view) Answer() consistency.Answer {
	return consistency.Answer{Method: http.MethodGet, Status: 200, Body: []byte(v.body), Whole: true}
}

// A thing that is deleted is still shown, as a tombstone; one that is being
// deleted is not a success; and a page of maintenance says nothing at all.
func ExampleReadRule() {
	policy := consistency.Policy{
		Schedule: readback.Every(time.Millisecond),
		Rules: consistency.Rules{Read: []consistency.ReadRule{
			{Goal: consistency.ToAbsent, From: 200, Body: consistency.JSON("/state", "deleted"), Verdict: poll.Ready, Settled: true},
			{Method: http.MethodGet, From: 200, Body: consistency.JSON("/state", "deleting"), Verdict: poll.Pending, Reason: consistency.StillThere},
			{From: 200, Body: consistency.JSON("/maintenance", true), Verdict: poll.Unknown, Reason: "maintenance", Setback: true},
		}},
	}
	shown := []view{{`{"maintenance":true}`}, {`{"state":"deleting"}`}, {`{"state":"deleted"}`}}
	flow := consistency.Delete("delete", "id",
		func(context.Context, string) error { return nil },
		func(context.Context, string) (view, error) {
			v := shown[0]
			shown = shown[1:]
			return v, nil
		})
	res, err := consistency.Do(context.Background(), policy, flow)
	fmt.Println(res.Outcome, err)
	for read := range res.History.All() {
		fmt.Printf("%s %q\n", read.Verdict, read.Reason)
	}
	// Output:
	// confirmed <nil>
	// unknown "maintenance"
	// pending "still there"
	// ready ""
}
