package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// operation returns the pending handle of h. If a flag that was given now says that
// an operation is to be followed, which the run did not follow, the handle gets what
// the kept answer names. An answer that names none is an error: reads alone could
// confirm what the operation has yet to decide.
func (o *options) operation(ctx context.Context, given *pflag.FlagSet, h handle.Handle, f *flow.Flow) (consistency.Pending, error) {
	again := given.Changed("monitor") && !slices.Equal(h.Flags["monitor"], []string{o.Follow.String()})
	if !o.Operation.Given() || follows(h) && !again {
		return h.Pending, nil
	}
	fields := fieldsOf(h.Pending)
	if fields.Monitored { // it has ended
		return h.Pending, nil
	}
	a := answerOf(h)
	if a == nil || a.Status == 0 || h.Command.Writes {
		return h.Pending, exit.Usagef("--monitor: the handle keeps no answer, so it names no operation: what can be read is for --then, or for --find")
	}
	ref, err := f.Recall(ctx, a)
	switch {
	case err != nil:
		return h.Pending, exit.Usagef("--monitor: %w", err)
	case ref.Monitor != "":
		return withReference(h.Pending, ref)
	}
	for _, name := range request.Fields(o.Follow.String()) {
		if _, found := a.Field(name); !found {
			return h.Pending, exit.Usagef("--monitor: the answer that the handle keeps has no {%s}", name)
		}
	}
	return h.Pending, exit.Usagef("--monitor: the answer that the handle keeps names no operation: --monitor=TEMPLATE says where it is")
}

// follows reports whether the run of h was told of an operation.
func follows(h handle.Handle) bool {
	for name := range h.Flags {
		if strings.HasPrefix(name, "monitor") {
			return true
		}
	}
	return slices.ContainsFunc(h.Again.Expressions, func(n request.Need) bool { return strings.HasPrefix(n.Flag, "--monitor") })
}

// withReference returns a pending handle whose operation is to be followed, with the
// reference that names it.
func withReference(pending consistency.Pending, ref readbackhttp.Ref) (consistency.Pending, error) {
	var was readbackhttp.Ref
	if written := fieldsOf(pending).Written; written != nil {
		if err := json.Unmarshal(written, &was); err != nil {
			return pending, fmt.Errorf("the handle's reference: %w", err)
		}
	}
	ref.Token, ref.ETag = cmp.Or(ref.Token, was.Token), cmp.Or(ref.ETag, was.ETag)
	data, err := json.Marshal(pending)
	if err != nil {
		return pending, err
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		return pending, err
	}
	members["written"] = ref
	if members["class"] == consistency.Applied.String() { // as of any good answer that names an operation
		members["class"] = consistency.Accepted.String()
	}
	if data, err = json.Marshal(members); err != nil {
		return pending, err
	}
	err = json.Unmarshal(data, &pending)
	return pending, err
}
