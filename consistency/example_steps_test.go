package consistency_test

import (
	"context"
	"fmt"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// A loop of one's own takes one step at a time: between two reads of a flow its
// goroutine is free for others. Package submit does this for a million jobs.
func ExampleStepper() {
	ctx := context.Background()
	api := &API{lag: 2}
	steps := consistency.NewStepper(
		consistency.Policy{Schedule: readback.Every(time.Millisecond)},
		consistency.Create("create workspace",
			func(ctx context.Context) (string, error) { return api.CreateWorkspace(ctx, "alpha") }, api.GetWorkspace))

	var course consistency.Course
	handle, err := steps.Send(ctx, consistency.Pending{}, &course)
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		time.Sleep(time.Until(course.Next())) // or go on with another flow
		res, err := steps.Visit(ctx, &handle, &course, time.Time{})
		if res.Outcome != 0 {
			fmt.Println(res.Outcome, res.Value.Name, err)
			return
		}
		fmt.Println("reads so far:", course.Reads())
	}
	// Output:
	// reads so far: 1
	// reads so far: 2
	// confirmed alpha <nil>
}

// A process crashed before it could say whether it had sent the write: that is as
// ambiguous as a lost answer, and read back like one.
func ExampleFlow_Lost() {
	api := &API{current: alpha} // it had been sent
	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.CreateWorkspace(ctx, "alpha") }, api.GetWorkspace)
	flow.Find = func(ctx context.Context) ([]string, error) { return api.FindWorkspaces(ctx, "alpha") }
	flow.Mine = func(id string) bool { return id == "ws-1" }

	res, err := consistency.Resume(context.Background(), consistency.Policy{}, flow, flow.Lost())
	fmt.Println(res.Outcome, res.Written, api.writes, "writes", err)
	// Output: confirmed ws-1 0 writes <nil>
}

// A loop that reads many things with one request asks the policy what the
// answers mean.
func ExampleJudge() {
	var policy consistency.Policy
	judge := policy.Judge(consistency.ToPresent, consistency.Applied, time.Now())
	for i, status := range []int{404, 503, 200} {
		j, _ := judge.Read(consistency.Answer{Status: status}, time.Duration(i)*time.Second)
		fmt.Printf("%d %s %q\n", status, j.Verdict, j.Reason)
	}
	j := judge.Pending(consistency.Answer{Status: 200}, consistency.Stale, 3*time.Second) // it is there, and old
	fmt.Println(j.Verdict, j.Reason, "for at most", judge.Within())
	// Output:
	// 404 pending "not found"
	// 503 unknown "unavailable"
	// 200 ready ""
	// pending stale for at most 30s
}
