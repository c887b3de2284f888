package readbacktest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// console stands in for the *testing.T of a test.
type console struct{}

func (console) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (console) FailNow()                          { panic("the test ends here") }

// api is a client whose reads lag by two.
type api struct{ reads int }

func (a *api) Create(context.Context) (string, error) { return "ws-7", nil }

func (a *api) Get(_ context.Context, id string) (*workspace, error) {
	if a.reads++; a.reads <= 2 {
		return nil, status(404)
	}
	return &workspace{Status: "active"}, nil
}

var (
	// quick is a policy for reads that do not lag for long.
	quick = consistency.Policy{Schedule: readback.Backoff{Initial: time.Millisecond}}

	// brief is one for tests that use up all its time.
	brief = consistency.Policy{Within: 500 * time.Millisecond, Schedule: quick.Schedule}
)

func ExampleConfirm() {
	var t console // in a test: t *testing.T
	client := &api{}
	ws := readbacktest.Confirm(t, quick, consistency.Create("create workspace", client.Create, client.Get))
	fmt.Println(ws.Status, "after", client.reads, "reads")
	// Output: active after 3 reads
}

func ExampleUnconfirmed() {
	var t console // in a test: t *testing.T
	gone := func(context.Context, string) (*workspace, error) { return nil, status(404) }
	res, err := readbacktest.Unconfirmed(t, brief, consistency.Create("create workspace", (&api{}).Create, gone))
	fmt.Println(res.Written, errors.Is(err, poll.ErrDeadline), !res.Pending.IsZero())
	// Output: ws-7 true true
}

func ExampleFailed() {
	var t console // in a test: t *testing.T
	refused := func(context.Context) (string, error) { return "", status(422) }
	_, err := readbacktest.Failed(t, quick, consistency.Create("create workspace", refused, (&api{}).Get))
	fmt.Println(err.Status, err.Reads)
	// Output: 422 0
}

func ExampleEventually() {
	var t console // in a test: t *testing.T
	client := &api{}
	read := func(ctx context.Context) (*workspace, error) { return client.Get(ctx, "ws-7") }
	ws := readbacktest.Eventually(t, quick, read, func(t *readbacktest.C, ws *workspace) {
		if ws.Status != "active" { // or assert.Equal(t, "active", ws.Status)
			t.Errorf("it is %s", ws.Status)
		}
	})
	fmt.Println(ws.Status, "after", client.reads, "reads")
	// Output: active after 3 reads
}

func ExampleNever() {
	var t console // in a test: t *testing.T
	jobs := func(context.Context) ([]string, error) { return []string{"job-1"}, nil }
	readbacktest.Never(t, brief, jobs, func(t *readbacktest.C, jobs []string) {
		if len(jobs) < 2 {
			t.Errorf("only %d", len(jobs))
		}
	})
	fmt.Println("no second job")
	// Output: no second job
}

// ticks takes the waits of package time for times.
type ticks time.Duration

func (ticks) First(time.Duration) time.Duration  { return 0 }
func (t ticks) Plan() readback.Plan              { return t }
func (t ticks) Next(readback.Step) time.Duration { return time.Duration(t) }

func ExampleTestSchedule() {
	var t console // in a test: t *testing.T
	readbacktest.TestSchedule(t, func() readback.Schedule { return readback.Backoff{Initial: time.Second} })
	readbacktest.TestSchedule(t, func() readback.Schedule { return ticks(time.Second) })
	// Output:
	// schedule: readbacktest_test.ticks does not go on in time: after a read at 1s Next is 1s
}

func ExampleTestToken() {
	var t console // in a test: t *testing.T
	mine := readbackhttp.HeaderToken{Answer: "X-Position", Request: "X-At-Least", BehindStatus: 409}
	readbacktest.TestToken(t, mine, readbacktest.TokenAnswers{
		Written: [2]consistency.Answer{answer(201, "X-Position", "1"), answer(201, "X-Position", "2")},
		Behind:  []consistency.Answer{answer(412)},
	})
	// Output:
	// token: readbackhttp.HeaderToken does not know what is behind: 412 map[] is
}
