package consistency_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
)

// seven is what the reads of these examples show.
func seven(context.Context, string) (int, error) { return 7, nil }

// A client of a protocol of its own repeated the write: the refusal of the second
// try proves nothing of the first.
func ExampleCountTry() {
	write := func(ctx context.Context) (string, error) {
		consistency.CountTry(ctx) // in the hook that is called as a request goes out
		consistency.CountTry(ctx)
		return "", consistency.Status(errors.New("there is one already"), http.StatusConflict)
	}
	res, _ := consistency.Do(context.Background(), consistency.Policy{}, consistency.Create("create", write, seven))
	fmt.Println(res.Outcome)
	// Output: unconfirmed
}

// An error of database/sql has no status: 404 says that the row is not there yet.
func ExampleStatus() {
	reads := 0
	read := func(context.Context, string) (int, error) {
		if reads++; reads == 1 {
			return 0, consistency.Status(sql.ErrNoRows, http.StatusNotFound)
		}
		return 7, nil
	}
	write := func(context.Context) (string, error) { return "id", nil }
	res, err := consistency.Do(context.Background(), consistency.Policy{}, consistency.Create("insert", write, read))
	fmt.Println(res.Outcome, res.Value, err)
	// Output: confirmed 7 <nil>
}

// What a rule can ask of a body.
func ExampleJSON() {
	refused := consistency.JSON("/ok", false)
	fmt.Println(refused([]byte(`{"ok":false}`)), refused([]byte(`{"ok":true}`)))

	hasErrors := consistency.JSON("/errors") // anything that says something
	fmt.Println(hasErrors([]byte(`{"errors":[{"message":"taken"}]}`)), hasErrors([]byte(`{"errors":[]}`)))
	// Output:
	// true false
	// true false
}

// A refusal that is known to pass is sent again; any other is final.
func ExampleResend() {
	writes := 0
	write := func(context.Context) (string, error) {
		if writes++; writes == 1 {
			return "", consistency.Status(errors.New("role cannot be assumed"), http.StatusBadRequest)
		}
		return "id", nil
	}
	policy := consistency.Policy{Resend: consistency.Resend{
		When: func(a consistency.Answer) bool { return a.Status == http.StatusBadRequest },
	}}
	res, err := consistency.Do(context.Background(), policy, consistency.Create("create function", write, seven))
	fmt.Println(res.Outcome, writes, err)
	// Output: confirmed 2 <nil>
}

// A state that comes and goes is believed once it has lasted.
func ExamplePolicy_settleFor() {
	policy := consistency.Policy{SettleFor: 100 * time.Millisecond}
	write := func(context.Context) (string, error) { return "id", nil }
	res, err := consistency.Do(context.Background(), policy, consistency.Create("create", write, seven))
	fmt.Println(res.Outcome, res.Elapsed >= policy.SettleFor, err)
	// Output: confirmed true <nil>
}

// The answer was lost, and the database knows that nothing was carried out.
func ExampleNotCarriedOut() {
	flow := consistency.Create("transfer",
		func(context.Context) (string, error) { return "", errors.New("the connection was lost") }, seven)
	flow.Find = func(context.Context) ([]string, error) {
		return nil, consistency.NotCarriedOut(errors.New("the transaction was rolled back"))
	}
	policy := consistency.Policy{SingleAttempt: true} // the client never repeats a write
	res, _ := consistency.Do(context.Background(), policy, flow)
	fmt.Println(res.Outcome)
	// Output: failed
}

// A line for the write, one for each read, and one for the end.
func ExampleLogTo() {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	policy := consistency.Policy{Observer: consistency.LogTo(logger)}
	write := func(context.Context) (string, error) { return "id", nil }
	_, err := consistency.Do(context.Background(), policy, consistency.Create("create", write, seven))
	fmt.Println(strings.Count(log.String(), "\n"), err)
	// Output: 3 <nil>
}
