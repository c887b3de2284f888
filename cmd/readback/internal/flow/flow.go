package flow

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Flow is one write, ready for [consistency.Do]. It is one goroutine's.
type Flow struct {
	consistency.Flow[readbackhttp.Ref, *readbackhttp.Document]
	Goal consistency.Goal

	// BeforeRead, if not nil, is called when a read begins.
	BeforeRead func()
	// AfterRead, if not nil, is called when a read has ended, with how long the
	// server asks to be left alone.
	AfterRead func(retryAfter time.Duration)

	writeTime time.Duration
	matchers  []matcher
	pairs     []string // POINTER=VALUE of each matcher
	expected  ranges   // of statuses
	own       *Connections
	trip      *tripper
	maxBody   int64
	bodyless  bool // what is there needs no body, and a long one is cut
	exprs     expressions
	good      *readbackhttp.Document // the last that was as expected
	faulty    *readbackhttp.Document // the last for which --fail holds
	why       *FaultError            // of faulty
	lagged    bool                   // the last read's answer is lag, as --lag says
	kept      *request.Answer        // to the write of another process
	recalled  *request.Answer        // what the write is answered without being sent; nil but in Recall
	find      *request.Edit          // of the next request that finds; nil for none
	commands  Commands
	last      *Execution // of the read
	writeEnd  *Execution // of the write
	template  string     // of a read by a request after a write by a command

	looked   *request.Answer // of the operation, the last
	resource string          // JSON pointer to what it made

	phase    phase
	answer   *request.Answer // of the write
	reads    request.Answer  // without a body: the last read
	answered request.Answer  // without a body: the last read that was answered
	moved    *url.URL        // where the last answer to a read leads, if it is not followed
	unmet    string          // first pair that the last document did not show
	notJSON  string          // media type of the last document that was to be JSON and is not
}

// phase is what a request of the flow is for.
type phase uint8

const (
	idle phase = iota
	writing
	monitoring
	finding
	reading
)

// Answer returns the answer to the write, and nil if there was none.
func (f *Flow) Answer() *request.Answer { return f.answer }

// LastRead returns the last read that was answered, without a body, or, if none was,
// the last that was sent, whose status is zero. It returns nil if none was sent.
func (f *Flow) LastRead() *request.Answer {
	last := f.answered
	if last.URL == nil {
		last = f.reads
	}
	if last.URL == nil {
		return nil
	}
	return &last
}

// Moved returns where the last read that was answered was sent on to, and nil if it
// was not, or if -L follows.
func (f *Flow) Moved() *url.URL { return f.moved }

// NotJSON returns the media type of the last answer that was to be JSON and is
// not, and "" if there was none.
func (f *Flow) NotJSON() string { return f.notJSON }

// Unmet returns the first POINTER=VALUE that the last document did not show, and
// "" if it showed them all.
func (f *Flow) Unmet() string { return f.unmet }

// Close closes the flow's own connections.
func (f *Flow) Close() {
	if f.own != nil {
		f.own.Close()
	}
	if f.exprs.own {
		f.exprs.judge.Close()
	}
}

// Elsewhere returns the handle of a write that another has carried out: to go on with
// it is to wait, for absence too, which [consistency.Await] does not know.
func (f *Flow) Elsewhere() (consistency.Pending, error) {
	noted := f.Flow
	noted.Write = func(context.Context) (readbackhttp.Ref, error) { return readbackhttp.Ref{}, nil }
	return consistency.NewStepper(consistency.Policy{SingleAttempt: true}, noted).Send(context.Background(), consistency.Pending{}, new(consistency.Course))
}

// wrap notes what the flow is doing, and bounds its write.
func (f *Flow) wrap() {
	write, read, monitor := f.Write, f.Read, f.Monitor
	f.Write = func(ctx context.Context) (readbackhttp.Ref, error) {
		f.phase = writing
		ctx, cancel := context.WithTimeoutCause(ctx, f.writeTime, errWriteTime)
		defer cancel()
		return write(ctx)
	}
	f.Read = func(ctx context.Context, ref readbackhttp.Ref) (*readbackhttp.Document, error) {
		f.phase = reading
		if f.BeforeRead != nil {
			f.BeforeRead()
		}
		doc, err := read(ctx, ref)
		if f.AfterRead != nil {
			f.AfterRead(retryAfter(doc, err))
		}
		var status *readbackhttp.StatusError
		if errors.As(err, &status) && f.expected.contain(status.Status) {
			doc, err = documentOf(status), nil
		}
		return f.judgeRead(ctx, doc, err)
	}
	if len(f.exprs.fail.sources) > 0 {
		f.Fault = func(_ readbackhttp.Ref, doc *readbackhttp.Document) error {
			if doc == nil || doc != f.faulty {
				return nil
			}
			return f.why
		}
	}
	if f.Goal == consistency.ToAbsent && f.expects() {
		f.Gone = func(doc *readbackhttp.Document) bool { return doc != nil && doc == f.good }
	}
	if monitor != nil {
		f.Monitor = f.follow(monitor)
	}
}

// documentOf returns a document of an answer that is no error here.
func documentOf(e *readbackhttp.StatusError) *readbackhttp.Document {
	a := e.Answer()
	return &readbackhttp.Document{Status: a.Status, Header: a.Header, Body: a.Body}
}

var errWriteTime = errors.New("the write was not answered in the time of --max-time or --write-timeout")

func retryAfter(doc *readbackhttp.Document, err error) time.Duration {
	var status *readbackhttp.StatusError
	switch {
	case errors.As(err, &status):
		return status.Answer().RetryAfter
	case doc != nil:
		return doc.Answer().RetryAfter
	}
	return 0
}

// answerOf finds the status of a document that an expected error was made into.
func (f *Flow) answerOf(_ consistency.Phase, value any, err error) (consistency.Answer, bool) {
	doc, ok := value.(*readbackhttp.Document)
	if !ok || doc == nil || err != nil || doc.Answer().Status != 0 {
		return consistency.Answer{}, false
	}
	if f.commands.Read != nil {
		return consistency.Answer{}, true // what it ended with is no status of HTTP
	}
	return consistency.Answer{Status: doc.Status, Header: doc.Header}, true
}

// match accepts a document that is as expected: the read that got it found out.
func (f *Flow) match(_ readbackhttp.Ref, doc *readbackhttp.Document) bool {
	return doc != nil && f.good == doc
}

// expects reports whether something is expected of documents, besides their status.
func (f *Flow) expects() bool {
	return len(f.matchers)+len(f.exprs.expect.sources) > 0
}

// pairsMet reports whether a document shows each POINTER=VALUE.
func (f *Flow) pairsMet(doc *readbackhttp.Document) bool {
	first := unmet(f.matchers, doc)
	if first < 0 {
		return true
	}
	f.unmet = f.pairs[first]
	f.notJSON = notJSON(doc.Header, doc.Body)
	return false
}

// NoJSON says that an answer is none, though it says that it is.
const NoJSON = "no JSON"

// notJSON returns what an answer is that was to be JSON and is not.
func notJSON(header http.Header, body []byte) string {
	if isJSON(body) {
		return ""
	}
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if media = strings.TrimSpace(media); media != "" && !strings.HasSuffix(media, "json") {
		return media
	}
	if len(body) == 0 {
		return "empty"
	}
	return NoJSON
}

// readLimit returns the time of --max-time for reads.
func (f *Flow) readLimit(p Plan) (time.Duration, error) {
	if p.Elsewhere {
		return p.Write.Limit()
	}
	return p.Read.Limit()
}
