package readbacktest_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// fakeT is a test that notes how it fails.
type fakeT struct {
	mu     sync.Mutex
	said   []string
	ended  bool // by FailNow
	passed bool // what was run under it returned
}

func (t *fakeT) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = append(t.said, fmt.Sprintf(format, args...))
}

func (t *fakeT) FailNow() {
	t.ended = true
	runtime.Goexit()
}

func (t *fakeT) text() string { return strings.Join(t.said, "\n") }

// under runs a test and returns how it went.
func under(test func(t *fakeT)) *fakeT {
	t := &fakeT{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(t)
		t.passed = true
	}()
	<-done
	return t
}

// status is the error of a typed client.
type status int

func (s status) Error() string {
	return fmt.Sprintf("GET https://bob:hunter2@api.example/ws?api_key=s3cret: %d %s", int(s), http.StatusText(int(s)))
}

func (s status) StatusCode() int { return int(s) }

// workspace is what the client reads.
type workspace struct{ Status string }

// service answers reads one after the other, the last one for ever. A read takes
// a millisecond.
type service struct {
	answers []any // a status, an error, or a value
	reads   int
	write   error
}

func (s *service) create(context.Context) (string, error) {
	time.Sleep(5 * time.Millisecond)
	if s.write != nil {
		return "", s.write
	}
	return "ws-7", nil
}

func (s *service) get(ctx context.Context, _ string) (*workspace, error) { return s.read(ctx) }

func (s *service) read(ctx context.Context) (*workspace, error) {
	answer := s.answers[min(s.reads, len(s.answers)-1)]
	s.reads++
	if answer == hanging {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	time.Sleep(time.Millisecond)
	switch a := answer.(type) {
	case error:
		return nil, a
	case string:
		return &workspace{a}, nil
	}
	return nil, nil
}

const hanging = -1

func (s *service) flow() consistency.Flow[string, *workspace] {
	return consistency.Create("create workspace", s.create, s.get)
}

// everySecond is a policy with exact times.
var everySecond = consistency.Policy{
	Within:   10 * time.Second,
	Schedule: readback.Backoff{Initial: time.Second, Max: time.Second, NoJitter: true},
}
