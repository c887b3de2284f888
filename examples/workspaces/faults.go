package workspaces

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault answers a command with an error that says nothing about it.
//
// Requests that never reach the command side are not touched: reads, and
// commands refused for their key, their role or their body.
type Fault struct {
	Status  int           // 503 or 504
	Execute Execution     // what becomes of the command all the same
	Delay   time.Duration // until a command for Later is executed; else zero
}

// Execution says when a command is executed whose answer was a [Fault].
type Execution string

// The executions. The zero value is none of them.
const (
	Never  Execution = "never"   // and the command is gone
	Later  Execution = "later"   // by the asynchronous handler, after the fault's delay
	AtOnce Execution = "at-once" // before the answer
)

// ParseFault reads a fault as the header X-Fault gives it: a status, an
// execution and, for later, a delay that may be left out.
//
//	503 never
//	504 at-once
//	504 later 300ms
func ParseFault(text string) (Fault, error) {
	words := strings.Fields(text)
	if len(words) < 2 || len(words) > 3 {
		return Fault{}, fmt.Errorf("workspaces: fault %q: want a status, an execution and perhaps a delay", text)
	}
	status, err := strconv.Atoi(words[0])
	if err != nil {
		return Fault{}, fmt.Errorf("workspaces: fault %q: status: %w", text, err)
	}
	fault := Fault{Status: status, Execute: Execution(words[1])}
	if len(words) == 3 {
		if fault.Delay, err = time.ParseDuration(words[2]); err != nil {
			return Fault{}, fmt.Errorf("workspaces: fault %q: delay: %w", text, err)
		}
	}
	return fault, fault.validate()
}

// String returns f as ParseFault reads it.
func (f Fault) String() string {
	text := fmt.Sprintf("%d %s", f.Status, f.Execute)
	if f.Delay != 0 {
		text += " " + f.Delay.String()
	}
	return text
}

func (f Fault) validate() error {
	if f.Status != http.StatusServiceUnavailable && f.Status != http.StatusGatewayTimeout {
		return fmt.Errorf("workspaces: fault %q: the status is neither 503 nor 504", f)
	}
	switch f.Execute {
	case Never, Later, AtOnce:
	default:
		return fmt.Errorf("workspaces: fault %q: the execution is none of never, later, at-once", f)
	}
	if f.Delay < 0 || f.Delay != 0 && f.Execute != Later {
		return fmt.Errorf("workspaces: fault %q: only later takes a delay, and none below zero", f)
	}
	return nil
}

// faults decides which command meets which fault.
type faults struct {
	fromHeader bool

	mu   sync.Mutex
	left int // commands that still meet next
	next Fault
}

// set has the next n commands meet f.
func (f *faults) set(n int, next Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.next = n, next
}

// meet returns the fault that the command with header meets; its status is zero
// if there is none. A fault of the header's own leaves the count alone.
func (f *faults) meet(header http.Header) (Fault, error) {
	if text := header.Get("X-Fault"); f.fromHeader && text != "" {
		return ParseFault(text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return Fault{}, nil
	}
	f.left--
	return f.next, nil
}
