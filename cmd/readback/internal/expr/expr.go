// Package expr evaluates expressions in jq's language over what a service
// answered.
//
// Answers are not to be trusted, and an expression over one can take any time and
// memory: a child process of the same program, with limits that the system holds,
// evaluates. Expressions come from the command line alone. They see no
// environment, no input but the answer, and no modules.
//
//	judge, err := expr.New(ctx, `.state == "done"`)
//	…
//	result, err := judge.Eval(ctx, 0, expr.Input{Document: body, Status: 200})
package expr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// ChildArg is the only argument of a process that is to call [Serve].
const ChildArg = "__evaluate"

const (
	// mostMemory is how much an evaluation may take, the answer included.
	mostMemory = 512 << 20

	// mostTime is how long one may take.
	mostTime = 5 * time.Second
)

// Input is what an expression sees: Document as its input, and the rest as the
// variables $status, $headers, $text and $write.
type Input struct {
	Document json.RawMessage // nil if the body is no JSON: then the input is Text
	Text     string          // the body as it is
	Status   int
	Header   http.Header
	Write    *Write // the answer to the write; nil if there was none
}

// Write is the answer to a write, as expressions see it in $write.
type Write struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"` // null if it is no JSON
	Text    string            `json:"text"`
}

// Result is what an expression made of an answer.
type Result struct {
	// True says that there was a result, and that each was true: neither false
	// nor null.
	True bool `json:"true"`

	// Any says that some result was true. Value is the first one, as JSON.
	Any   bool   `json:"any"`
	Value string `json:"value"`
}

// ErrLimit is in the error of an evaluation that took too much.
var ErrLimit = fmt.Errorf("it takes more than %d MB or %v", mostMemory>>20, mostTime)

// question is what the parent sends: first the sources, then inputs.
type question struct {
	Sources []string          `json:"sources,omitempty"`
	Alone   bool              `json:"alone,omitempty"`
	N       int               `json:"n"`
	Input   json.RawMessage   `json:"input,omitempty"`
	IsText  bool              `json:"is_text,omitempty"`
	Text    string            `json:"text,omitempty"`
	Status  int               `json:"status,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Write   *Write            `json:"write,omitempty"`
}

type reply struct {
	Result
	N     int    `json:"n"`     // of the source that is wrong
	Error string `json:"error"` // of the evaluation; "" for none
}

// Headers returns headers as expressions see them: names in lower case, and
// several values joined by commas.
func Headers(h http.Header) map[string]string {
	all := make(map[string]string, len(h))
	for name, values := range h {
		all[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return all
}

// CompileError is an expression that is none.
type CompileError struct {
	N      int // of the expression
	Reason string
}

// Error says what is wrong.
func (e *CompileError) Error() string { return e.Reason }

// Judge evaluates some expressions. It is safe for concurrent use, and evaluates
// one at a time. Close it.
type Judge struct {
	sources []string
	alone   bool // no write came before

	mu    sync.Mutex
	child *child // nil if there is none, as after one that took too much
}

// New returns a judge of these expressions. One that does not compile is a
// [*CompileError].
func New(ctx context.Context, sources ...string) (*Judge, error) {
	return start(ctx, &Judge{sources: sources})
}

// NewAlone is New for answers that no write came before: $write is not known.
func NewAlone(ctx context.Context, sources ...string) (*Judge, error) {
	return start(ctx, &Judge{sources: sources, alone: true})
}

func start(ctx context.Context, j *Judge) (*Judge, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j, j.start(ctx)
}

// Eval evaluates the nth expression. An error means that it failed on this
// input, or that ctx ended.
func (j *Judge) Eval(ctx context.Context, n int, in Input) (Result, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.child == nil {
		if err := j.start(ctx); err != nil {
			return Result{}, err
		}
	}
	q := question{
		N: n, Input: in.Document, IsText: in.Document == nil, Text: in.Text,
		Status: in.Status, Headers: Headers(in.Header), Write: in.Write,
	}
	got, err := j.ask(ctx, q)
	switch {
	case err != nil:
		return Result{}, err
	case got.Error != "":
		return Result{}, errors.New(got.Error)
	}
	return got.Result, nil
}

// Close ends the child.
func (j *Judge) Close() {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stop()
}

func (j *Judge) stop() {
	if j.child != nil {
		j.child.end()
		j.child = nil
	}
}

// start starts a child, which compiles the expressions.
func (j *Judge) start(ctx context.Context) error {
	c, err := newChild()
	if err != nil {
		return fmt.Errorf("expressions cannot be evaluated: %w", err)
	}
	j.child = c
	got, err := j.ask(ctx, question{Sources: j.sources, Alone: j.alone})
	switch {
	case err != nil:
		j.stop()
		return err
	case got.Error != "":
		j.stop()
		return &CompileError{got.N, got.Error}
	}
	return nil
}

// ask sends a question and waits for the reply. A child that does not answer in
// time, or dies, is gone.
func (j *Judge) ask(ctx context.Context, q question) (reply, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, mostTime+time.Second, ErrLimit)
	defer cancel()
	c := j.child
	type answer struct {
		reply
		err error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		if a.err = json.NewEncoder(c.in).Encode(q); a.err == nil {
			a.err = c.out.Decode(&a.reply)
		}
		done <- a
	}()
	select {
	case a := <-done:
		if a.err != nil { // it is gone
			j.stop()
			return reply{}, ErrLimit
		}
		return a.reply, nil
	case <-ctx.Done():
		j.stop()
		<-done
		return reply{}, context.Cause(ctx)
	}
}

// child is the process that evaluates.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

func newChild() (*child, error) {
	self, err := self()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, ChildArg)
	cmd.Dir = string(os.PathSeparator) // it has no use for files
	ownGroup(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd, in, json.NewDecoder(out)}, nil
}

func (c *child) end() {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// self is this program, also if its file has been replaced meanwhile.
func self() (string, error) {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); err == nil {
		return running, nil
	}
	return os.Executable()
}
