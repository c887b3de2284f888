package world

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Scenes of words: what an answer says, in as many ways as services say it.
const (
	Concluded   Scene = scenes + iota // an operation ends
	Vacant                            // what is not there is shown, with nothing in it
	Hinted                            // a rate limit is told in headers of all kinds, or in a body alone
	Coded                             // ETags have the suffix of a coding
	Zipped                            // bodies are zipped, whoever asks
	Clipped                           // the JSON of a reference leaves something out
	Overlapping                       // lists name things twice, and some that have no name
	Paged                             // a page for people is shown where JSON is asked for
	wordScenes
)

// wordShare is how many of the flows that are no other scene are one of words, and
// wordStream the stream of dice that these are drawn with.
const (
	wordShare  = 0.08
	wordStream = 41
)

func (s *Spec) stageWords(d Dice) {
	soon := d.Between(time.Millisecond, 5*time.Second)
	s.Words = d.IntN(1 << 20)
	good := http.StatusOK
	if s.Goal == Create {
		good = http.StatusCreated
	}
	s.Fates = []Fate{after(d, good, 0)}
	switch s.Scene {
	case Concluded:
		fate := after(d, http.StatusAccepted)
		if fate.Monitor = true; d.Chance(0.5) {
			fate.Fails = soon
		} else {
			fate.Runs = []time.Duration{soon}
		}
		s.Fates = []Fate{fate}
	case Vacant:
		if s.Goal = OneOf(d, Create, Create, Create, Delete); s.Goal == Delete {
			s.Fates = []Fate{after(d, OneOf(d, 503, http.StatusNoContent), soon)}
		}
		s.Empties = []string{OneOf(d, Vacancies...)}
	case Paged:
		s.Goal = Create
		s.Empties = []string{OneOf(d, "<!DOCTYPE html><title>Log in</title>", "\n<html><body>We are back soon</body></html>")}
	case Hinted:
		s.Calm, s.Faults = d.Between(20*time.Second, 40*time.Second), []Fault{{Chance: 1, Answer: http.StatusForbidden, Limited: true}}
	case Coded:
		s.Goal = Update
		s.Fates, s.Tag = []Fate{after(d, http.StatusOK, 0)}, OneOf(d, `W/"%s"`, `"%s"`)
	case Zipped:
		s.Goal = Create
		if s.Wrapped = d.Chance(0.5); s.Wrapped {
			s.Fates = []Fate{OneOf(d, after(d, good, 0), after(d, 422), after(d, 503))}
		} else {
			s.Empties = []string{OneOf(d, "[]", "{}", "null", `{"items":[]}`)}
		}
	case Clipped:
		s.Goal, s.Foreign = Create, 1
		s.Fates = []Fate{after(d, http.StatusCreated, 0)}
		s.Lags = []time.Duration{d.Between(5*time.Second, time.Minute)}
	case Overlapping:
		s.Goal = Create
		s.Fates = []Fate{after(d, OneOf(d, Lost, 503), OneOf(d, 0, 0, soon))}
		s.Calm, s.Slow = d.Between(time.Second, 5*time.Second), 20*s.Pace // so that there is time for a list and a read
	}
}

// Vacancies are bodies of good answers in which there is nothing.
var Vacancies = []string{
	"null", "", " \r\n", `""`, "{}", "[]", "[null]", "[null,null]", "\ufeff{}",
	`{"data":null}`, `{"data":{}}`, `{"data":{"item":{"id":"","tags":[]}}}`,
	`{"items":[null],"total":0}`, `{"items":[],"more":false,"next":""}`, `{"count":0.0}`,
}

// conclusions are how operations end well, and how they do not.
var conclusions, failures = []string{
	`{"status":"succeeded","error":{"code":0,"message":""}}`,
	`{"status":"COMPLETED","errors":[]}`,
	`{"state":"Done","error":[null]}`,
	`{"status":"Success","error":{"code":"","details":null}}`,
	`{"done":true,"error":{}}`,
	`{"done":true,"errors":[null,null]}`,
	`{"properties":{"provisioningState":"Succeeded","error":{"code":0}}}`,
	`{"status":"finished","error":false}`,
	"\ufeff" + `{"status":"Complete","error":""}`,
}, []string{
	`{"status":"TIMED_OUT"}`,
	`{"status":"Timed out"}`,
	`{"state":"timed-out"}`,
	`{"state":"Errored"}`,
	`{"status":"REJECTED"}`,
	`{"status":"Failure"}`,
	`{"status":"Canceled"}`,
	`{"state":"aborted"}`,
	`{"status":"completed","errors":[{"code":7}]}`,
	`{"done":true,"error":{"code":0,"message":"no quota"}}`,
	`{"properties":{"provisioningState":"Succeeded","error":"no quota"}}`,
}

// conclusion answers how far an operation is, in the words of its scene.
func (w *World) conclusion(plain Reply) Reply {
	switch plain.Body {
	case `{"status":"succeeded"}`:
		plain.Body = conclusions[w.Words%len(conclusions)]
	case `{"status":"failed"}`:
		plain.Body = failures[w.Words%len(failures)]
	default:
		plain.Body = [...]string{`{"status":"in_progress","error":null}`, `{"done":false}`, `{"state":"queued"}`}[w.Words%3]
	}
	return plain
}

// hint says that a rate limit is used up.
func (w *World) hint(reply *Reply) {
	headers := [...][2]string{
		{"X-Ratelimit-Remaining", "0"}, {"X-Rate-Limit-Remaining", "0"}, {"Ratelimit-Remaining", "0"},
		{"Ratelimit", "limit=10, remaining=0, reset=5"}, {"Ratelimit", `"default";r=0;t=5`}, {"Retry-After", "0"},
	}
	bodies := [...]string{
		`{"message":"API rate limit exceeded"}`, `{"error":{"errors":[{"reason":"rateLimitExceeded"}]}}`,
		`{"message":"You have exceeded a secondary rate limit"}`, `{"type":"RATE_LIMITED"}`, `{"__type":"ThrottlingException"}`,
		`{"reason":"userRateLimitExceeded"}`,
	}
	if n := w.Words % (len(headers) + len(bodies)); n < len(headers) {
		reply.set(headers[n][0], headers[n][1])
	} else {
		reply.Body = bodies[n-len(headers)]
	}
}

// tagShown returns the ETag that a read of a thing of that value has.
func (w *World) tagShown(value string) string {
	tag := w.tag(value)
	if w.Scene != Coded {
		return tag
	}
	coding := [...]string{"-gzip", "--gzip", ";br", "-zstd", "--deflate", ""}[w.Words%6]
	if coding == "" {
		return strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) // without quotes
	}
	return strings.TrimSuffix(tag, `"`) + coding + `"`
}

// named returns the ids of a list as it lists them.
func (w *World) named(ids []string) []string {
	if w.Scene != Overlapping {
		return ids
	}
	return append(append([]string{NoName}, ids...), ids...)
}

// NoName stands in a list for a thing that has no name yet.
const NoName = "-"

// zip codes the body of an answer, where the service does that.
func (w *World) zip(reply *Reply) {
	if w.Scene == Zipped && reply.Body != "" {
		reply.Body = zipped(reply.Body)
		reply.set("Content-Encoding", "gzip")
	}
}

// zippers are used again: each is most of a megabyte.
var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func zipped(text string) string {
	var b bytes.Buffer
	z := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
	z.Reset(&b)
	_, _ = z.Write([]byte(text)) // neither fails
	_ = z.Close()
	return b.String()
}
