package measure

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
)

// requests are those of all flows, as the command line describes them.
type requests struct {
	plan    flow.Plan    // of a flow, with its placeholders
	cleanup request.Spec // what takes a write back
	cleans  bool         // there is a cleanup
	run     string       // tells this run from others

	mu    sync.Mutex
	uuids map[int]string // of the flows under way
}

// vars returns the values of the placeholders of the nth flow.
func (r *requests) vars(n int) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.uuids == nil {
		r.uuids = map[int]string{}
	}
	if r.uuids[n] == "" {
		r.uuids[n] = request.UUID()
	}
	return map[string]string{"n": strconv.Itoa(n), "run": r.run, "uuid": r.uuids[n]}
}

// done forgets what belongs to the nth flow.
func (r *requests) done(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.uuids, n)
}

func fill(vars map[string]string, text string) string {
	for name, value := range vars {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// flow returns the write of the nth flow and its reads.
func (r *requests) flow(n int) (*flow.Flow, consistency.Policy, error) {
	vars := r.vars(n)
	plan := r.plan
	plan.Write = plan.Write.With(vars)
	plan.Read = plan.Read.With(vars)
	plan.Read.URL = fill(vars, plan.Read.URL)
	plan.ExpectJSON = slices.Clone(plan.ExpectJSON)
	for i, text := range plan.ExpectJSON {
		plan.ExpectJSON[i] = fill(vars, text)
	}
	return plan.Build()
}

// check returns what is wrong with the requests, before anything is sent.
func (r *requests) check() error {
	switch {
	case r.plan.Write.URL == "":
		return exit.Usagef("there is no URL to write to")
	case r.cleans && r.cleanup.URL == "":
		return exit.Usagef("--cleanup has no URL")
	case r.cleanup.Connects():
		return exit.Usagef("flags that say how to connect, such as -k, stand before --then; they hold for --cleanup, too")
	}
	if r.plan.Write.Include || r.plan.Read.Include || r.cleanup.Include {
		return exit.Usagef("-i has no use here: no answer is shown")
	}
	write, err := r.write(1)
	if err != nil {
		return err
	}
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, write.Method) {
		return exit.Usagef("%s is not a write: give a method with -X, or a body with -d", write.Method)
	}
	if _, _, err := r.flow(1); err != nil {
		return err
	}
	if !r.cleans {
		return nil
	}
	vars := r.vars(1)
	if strings.Count(r.cleanup.URL, "{") != len(request.Fields(r.cleanup.URL)) {
		return exit.Usagef("--cleanup: the braces do not match")
	}
	if len(request.Fields(fill(vars, r.cleanup.URL))) == 0 {
		_, err = r.takeBack(1, nil)
		return exit.With(exit.Usage, err)
	}
	_, err = r.cleanupEdit(vars)
	return err
}

func (r *requests) write(n int) (*http.Request, error) {
	write := r.plan.Write.With(r.vars(n))
	return write.Request(r.plan.Input)
}

// cleanupEdit returns how a cleanup differs from its write.
func (r *requests) cleanupEdit(vars map[string]string) (*request.Edit, error) {
	spec := r.cleanup.With(vars)
	spec.Method = cmp.Or(spec.Method, http.MethodDelete)
	return spec.Edit(r.plan.Input)
}

var errNoAnswer = errors.New("the write's answer was lost, and with it what to take back")

// takeBack returns the request that takes the write of the nth flow back, from
// the answer to it, which is nil if it was lost; no request if there is no
// cleanup. It goes only to the origin of the write, since it has its credentials.
func (r *requests) takeBack(n int, got *request.Answer) (*http.Request, error) {
	if !r.cleans {
		return nil, nil
	}
	write, err := r.write(n)
	if err != nil {
		return nil, err
	}
	vars := r.vars(n)
	template := fill(vars, r.cleanup.URL)
	if got == nil {
		if len(request.Fields(template)) > 0 {
			return nil, errNoAnswer
		}
		got = &request.Answer{URL: write.URL}
	}
	at, missing, err := request.FillURL(template, got)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--cleanup: %w", err)
	case missing != "":
		return nil, fmt.Errorf("the write's answer has no {%s} to take back", missing)
	case at.User != nil || at.Scheme != write.URL.Scheme || !strings.EqualFold(at.Host, write.URL.Host):
		return nil, errors.New("--cleanup: its URL is of another origin than the write")
	}
	edit, err := r.cleanupEdit(vars)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodDelete, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Host, req.Header = write.Host, write.Header.Clone()
	maps.DeleteFunc(req.Header, func(name string, _ []string) bool { return request.BelongsToWrite(name) })
	edit.Apply(req)
	return req, nil
}

// secrets returns the texts that must not be shown.
func (r *requests) secrets() []string {
	var all []string
	for _, spec := range []*request.Spec{&r.plan.Write, &r.plan.Read, &r.cleanup} {
		all = append(all, spec.Secrets(r.plan.Input)...)
	}
	return all
}
