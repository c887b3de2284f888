package readbackhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// style is how a client tells that an answer was no success.
type style struct {
	name string
	fail func(resp *http.Response) error
}

type kubeStatus struct {
	Code   int32
	Reason string
}

var styles = []style{
	{"plain text", func(resp *http.Response) error { return fmt.Errorf("unexpected status %d", resp.StatusCode) }},
	{"a sentence without numbers", func(*http.Response) error { return errors.New("the service said no") }},
	{"client-go", func(resp *http.Response) error {
		return &kubeError{kubeStatus{Code: int32(resp.StatusCode), Reason: "NotFound"}}
	}},
	{"azcore", func(resp *http.Response) error {
		return &fieldError{StatusCode: resp.StatusCode, ErrorCode: "ResourceNotFound"}
	}},
	{"by value, with a slice in it", func(resp *http.Response) error { return sliced{[]int{resp.StatusCode}} }},
}

// kubeError is an error in the style of client-go: a method that returns a struct
// with the code in it.
type kubeError struct{ status kubeStatus }

func (e *kubeError) Error() string { return e.status.Reason }

func (e *kubeError) Status() kubeStatus { return e.status }

// fieldError is an error in the style of azcore and of Google's clients: the code
// is in a field.
type fieldError struct {
	StatusCode int
	ErrorCode  string
}

func (e *fieldError) Error() string { return e.ErrorCode }

type sliced struct{ codes []int }

func (sliced) Error() string { return "no" }

// A client whose errors hide the status is as good as one that tells it.
func TestWatch_opaqueErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		goal  consistency.Goal
		write string
		reads []string
		end   consistency.Outcome
		at    []time.Duration
	}{
		{consistency.ToPresent, "201", []string{"404", "403", "503", `200 | {"v":1}`}, confirmed, seconds(0, 1, 2, 3)},
		{consistency.ToPresent, "400", nil, failed, nil},
		{consistency.ToPresent, "409", []string{"404", `200 | {"v":1}`}, confirmed, seconds(0, 0)}, // Mine says whose it is
		{consistency.ToPresent, "503", []string{"404", `200 | {"v":1}`}, confirmed, seconds(0, 1)},
		{consistency.ToPresent, "201", []string{"404", "401"}, unconfirmed, seconds(0, 1)},
		{consistency.ToPresent, "201", []string{`403 | {"code":403,"message":"Forbidden"}`}, unconfirmed, seconds(0)},
		{consistency.ToMatch, "200", []string{`200 | {"v":1}`, "404", `200 | {"v":2}`}, confirmed, seconds(0, 1, 2)},
		{consistency.ToMatch, "422", nil, failed, nil},
		{consistency.ToMatch, "412", nil, failed, nil},
		{consistency.ToMatch, "504", []string{`200 | {"v":1}`, `200 | {"v":2}`}, confirmed, seconds(0, 1)},
		{consistency.ToAbsent, "204", []string{`200 | {"v":1}`, "404", "404"}, confirmed, seconds(0, 1, 2)},
		{consistency.ToAbsent, "404", []string{"404", "404"}, confirmed, seconds(0, 1)},
		{consistency.ToAbsent, "204", []string{"503", "404", "404", "404"}, confirmed, seconds(0, 1, 2, 3)},
		{consistency.ToAbsent, "204", []string{"410"}, confirmed, seconds(0)},
		{consistency.ToAbsent, "403", nil, failed, nil},
	}
	for _, style := range styles {
		for _, tt := range tests {
			bubble(t, fmt.Sprintf("%s: %s to %s, %v", style.name, tt.write, tt.goal, tt.reads), func(t *testing.T) {
				srv := serve(t, scripted(tt.write, tt.reads...).handler())
				srv.Client.Transport = readbackhttp.Watch(srv.Client.Transport)
				res, err := consistency.Do(t.Context(), everySecond, typed{srv.Client, style.fail}.flow(tt.goal))
				assert.Equal(t, tt.end, res.Outcome, "%v", err)
				assert.Equal(t, tt.at, srv.times())
				assert.Equal(t, 1, srv.writes())
				if tt.end != confirmed {
					assert.NotContains(t, err.Error(), "lost")
					assert.NotContains(t, err.Error(), "no status was found")
				}
			})
		}
	}
}

// Without Watch, the error says that no status was found, in an error of what
// type, and what to do; it is not called a lost answer.
func TestWatch_opaqueErrorsWithoutIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, scripted("400", "404").handler())
		policy := everySecond
		policy.Within = 5 * time.Second
		flow := typed{srv.Client, styles[3].fail}.flow(consistency.ToPresent)
		res, err := consistency.Do(t.Context(), policy, flow)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorContains(t, err, "no status was found in the error")
		assert.ErrorContains(t, err, "*readbackhttp_test.fieldError")
		assert.ErrorContains(t, err, "readbackhttp.Watch")
		assert.NotContains(t, err.Error(), "lost")
	})
}

// shape is what a client generated from a description returns: one of several
// types, a 404 among them, and a nil error.
type shape interface{ shape() }

type found struct{ V int }

type notFound struct{ Message string }

func (*found) shape() {}

func (*notFound) shape() {}

func generated(client *http.Client) consistency.Flow[string, shape] {
	return consistency.Create("create",
		func(ctx context.Context) (string, error) {
			_, err := typed{client, styles[0].fail}.do(ctx, "POST", "/things")
			return "7", err
		},
		func(ctx context.Context, id string) (shape, error) {
			req, err := http.NewRequestWithContext(ctx, "GET", api+"/things/"+id, nil)
			if err != nil {
				return nil, err
			}
			resp, err := client.Do(req)
			if err != nil {
				return nil, err
			}
			defer resp.Body.Close()
			if resp.StatusCode == 404 {
				return &notFound{"no such thing"}, nil
			}
			return &found{1}, nil
		})
}

// A 404 that is a value, with a nil error, is one by the wire; where that is not
// known, the read is unknown, and the error says why.
func TestWatch_typedNotFound(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		srv := serve(t, scripted("201", "404", "404", `200 | {"v":1}`).handler())
		bare := *srv.Client
		srv.Client.Transport = readbackhttp.Watch(srv.Client.Transport)
		res, err := consistency.Do(t.Context(), everySecond, generated(srv.Client))
		assert.NoError(t, err)
		assert.Equal(t, seconds(0, 1, 2), srv.times())
		assert.Equal(t, &found{1}, res.Value)

		res, err = consistency.Do(t.Context(), everySecond, generated(&bare))
		assert.Equal(t, unconfirmed, res.Outcome, "it is shown by now, but who knows")
		assert.ErrorContains(t, err, "the read returns an interface and no status is known")
		for _, way := range []string{"readbackhttp.Watch", "Policy.Answer", "StatusCode method", "Match"} {
			assert.ErrorContains(t, err, way)
		}
	})
}
