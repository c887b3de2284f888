package expr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"github.com/readback-go/readback/internal/pointer"
)

// mostValue is how much of a result is told.
const mostValue = 2 << 10

// grace is how much later than its context a process is ended that did not heed
// it: after what did, the answer is on its way.
const grace = 500 * time.Millisecond

// Serve is the child: it limits itself, and evaluates until its stdin ends. It
// returns the status of the process.
func Serve(in io.Reader, out io.Writer) int {
	if err := limit(mostMemory); err != nil {
		return 1
	}
	debug.SetMemoryLimit(mostMemory * 3 / 4)
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	var codes []*gojq.Code
	for {
		var q question
		if err := decoder.Decode(&q); err != nil {
			return 0
		}
		// What no context can interrupt is ended with the process.
		stop := time.AfterFunc(mostTime+grace, func() { os.Exit(1) })
		var r reply
		if q.Sources != nil {
			codes, r = compile(q.Sources, q.Alone)
		} else {
			r = evaluate(codes[q.N], q)
		}
		stop.Stop()
		if encoder.Encode(r) != nil {
			return 0
		}
	}
}

const noExpression = "this is not an expression: "

// compile compiles without a loader of modules, an environment or further input.
func compile(sources []string, alone bool) ([]*gojq.Code, reply) {
	var codes []*gojq.Code
	known := []string{"$status", "$headers", "$text", "$write"}
	if alone {
		known[3] = "$__none" // nothing that anybody would name
	}
	for n, source := range sources {
		query, err := gojq.Parse(source)
		if err != nil {
			return nil, reply{N: n, Error: noExpression + oneLine(err)}
		}
		code, err := gojq.Compile(query, gojq.WithVariables(known))
		if err != nil {
			why := noExpression + oneLine(err)
			if strings.Contains(why, "function not defined") {
				why += "; a member begins with a dot, and a text stands in double quotes"
			}
			return nil, reply{N: n, Error: why}
		}
		if why := never(query); why != "" {
			return nil, reply{N: n, Error: "no answer makes this false: " + why}
		}
		codes = append(codes, code)
	}
	return codes, reply{}
}

func evaluate(code *gojq.Code, q question) (r reply) {
	defer func() {
		if p := recover(); p != nil {
			r = reply{Error: fmt.Sprintf("it failed: %.200v", p)}
		}
	}()
	var input any = q.Text
	if !q.IsText {
		var err error
		if input, err = pointer.Decode(q.Input); err != nil {
			return reply{Error: oneLine(err)}
		}
		q.Input = nil // the memory is needed
	}
	headers := make(map[string]any, len(q.Headers))
	for name, value := range q.Headers {
		headers[name] = value
	}
	var write any
	if q.Write != nil {
		encoded, err := json.Marshal(q.Write)
		if err == nil {
			write, err = pointer.Decode(encoded)
		}
		if err != nil {
			return reply{Error: oneLine(err)}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), mostTime)
	defer cancel()
	iter := code.RunWithContext(ctx, input, q.Status, headers, q.Text, write)
	r.True = true
	for n := 0; ; n++ {
		value, more := iter.Next()
		if !more {
			r.True = r.True && n > 0
			return r
		}
		if err, failed := value.(error); failed {
			var halt *gojq.HaltError
			switch {
			case errors.As(err, &halt) && halt.Value() == nil:
				r.True = r.True && n > 0
				return r
			case ctx.Err() != nil:
				return reply{Error: ErrLimit.Error()}
			}
			return reply{Error: oneLine(err)}
		}
		switch value {
		case nil, false:
			r.True = false
			continue
		}
		if !r.Any {
			r.Any, r.Value = true, text(value)
		}
	}
}

func text(value any) string {
	encoded, err := gojq.Marshal(value)
	if err != nil {
		return ""
	}
	if len(encoded) > mostValue {
		return strings.ToValidUTF8(string(encoded[:mostValue]), "") + "…"
	}
	return string(encoded)
}

func oneLine(err error) string {
	const most = 300
	line := strings.Join(strings.Fields(err.Error()), " ")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}
