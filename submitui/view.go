package submitui

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// tab is one list of jobs.
type tab struct {
	Show, Name string
	filter     submit.Filter
}

var tabs = []tab{
	{"pending", "Pending", submit.Filter{States: []submit.State{submit.Queued, submit.Sending, submit.Answered}}},
	{"aside", "Set aside", submit.Filter{States: []submit.State{submit.SetAside}}},
	{"unconfirmed", "Unconfirmed", submit.Filter{Outcomes: []consistency.Outcome{consistency.Unconfirmed}}},
	{"failed", "Failed", submit.Filter{Outcomes: []consistency.Outcome{consistency.Failed}}},
	{"confirmed", "Confirmed", submit.Filter{Outcomes: []consistency.Outcome{consistency.Confirmed}}},
	{"all", "All", submit.Filter{}},
}

// row is a job in a list.
type row struct {
	Key, Link  string
	Mark, Name string // the state: a word for the style, and one to read
	Why        string
	Intent     time.Time
}

// group is the jobs that need attention for one reason.
type group struct {
	Title, Show, Note string
	Rows              []row
	More              bool
	Unsupported       bool
}

// card is a number of the overview.
type card struct{ What, Much, More string }

// step is one step of a job.
type step struct {
	At    time.Time
	What  string
	After string // the time since the step before
}

// detail is one job.
type detail struct {
	row
	Steps     []step
	Facts     []fact
	Payload   string
	Withheld  []string // what is hidden
	Texts     []fact
	Actions   []button
	Revision  uint64
	Forgotten bool
}

type fact struct{ What, Said string }

type button struct {
	Action Action
	Note   string
}

// lagRow shows the three percentiles of a time.
type lagRow struct {
	What string
	Lag  submit.Lag
}

// reasonCount is how often an outcome had a reason.
type reasonCount struct {
	Why string
	N   int
}

// href returns the address of one job, relative to the page.
func href(key string) string { return "?job=" + url.QueryEscape(key) }

func (h *handler[J, W, R]) overview(w http.ResponseWriter, r *http.Request) {
	p, s := h.jobs.Progress(), h.jobs.Stats()
	v := page{
		Title: "Jobs",
		Cards: []card{
			{"pending here", fmt.Sprint(p.Queued + p.Sending + p.Reading + p.Recording),
				fmt.Sprintf("%d queued, %d sent, %d read back, %d recorded", p.Queued, p.Sending, p.Reading, p.Recording)},
			{"oldest pending", dash(ago(p.Oldest)), "since its intent"},
			{"confirmed", fmt.Sprint(p.Confirmed), "since this process began"},
			{"not confirmed", fmt.Sprint(p.Unconfirmed + p.Failed), fmt.Sprintf("%d unconfirmed, %d failed", p.Unconfirmed, p.Failed)},
		},
		Lags:   []lagRow{{"from answer to confirmation", p.Lag}, {"a change in the store", s.Store}},
		Writes: s.Writes, Reads: s.Reads, Overview: true,
		Trouble: p.Err != nil,
	}
	for _, why := range slices.Sorted(maps.Keys(s.Reasons)) {
		v.Reasons = append(v.Reasons, reasonCount{dash(why), s.Reasons[why]})
	}
	if p.Err != nil {
		v.TroubleText = text(h.shownText(r, "", p.Err.Error()))
	}
	late := tabs[0].filter
	late.OlderThan = h.options.Late
	for _, g := range []struct {
		group
		filter submit.Filter
	}{
		{group{Title: "Set aside", Show: "aside", Note: "code of the program panicked"}, tabs[1].filter},
		{group{Title: "Unconfirmed", Show: "unconfirmed", Note: "the write may have been carried out"}, tabs[2].filter},
		{group{Title: "Late", Show: "pending", Note: "pending for more than " + long(h.options.Late)}, late},
	} {
		f := g.filter
		f.Limit = noteJobs
		rows, more, _, err := h.rows(r, f)
		if errors.Is(err, errors.ErrUnsupported) {
			g.Unsupported = true
		} else if err != nil {
			h.problem(w, r, "", err)
			return
		}
		g.Rows, g.More = rows, more
		v.Groups = append(v.Groups, g.group)
		v.Stuck += len(rows)
	}
	h.write(w, r, http.StatusOK, v)
}

func (h *handler[J, W, R]) list(w http.ResponseWriter, r *http.Request, query url.Values) {
	n := slices.IndexFunc(tabs, func(t tab) bool { return t.Show == query.Get("show") })
	if n < 0 {
		h.refuse(w, r, http.StatusNotFound, "", "There is no such list.")
		return
	}
	f := tabs[n].filter
	f.KeyPrefix, f.After, f.Limit = query.Get("key"), query.Get("after"), pageJobs
	rows, more, last, err := h.rows(r, f)
	if err != nil {
		h.problem(w, r, "", err)
		return
	}
	v := page{Title: tabs[n].Name, Show: tabs[n].Show, Prefix: f.KeyPrefix, Listed: true, Rows: rows, Later: f.After != ""}
	next := url.Values{"show": {v.Show}}
	if f.KeyPrefix != "" {
		next.Set("key", f.KeyPrefix)
	}
	v.First = "?" + next.Encode()
	if more {
		next.Set("after", last)
		v.Next = "?" + next.Encode()
	}
	h.write(w, r, http.StatusOK, v)
}

// rows returns the jobs of a filter, whether there are more, and the cursor of the last.
func (h *handler[J, W, R]) rows(r *http.Request, f submit.Filter) (rows []row, more bool, last string, err error) {
	most := f.Limit
	f.Limit++
	for job, err := range h.jobs.Jobs(r.Context(), f) {
		if err != nil {
			return nil, false, "", err
		}
		if len(rows) == most {
			return rows, true, last, nil
		}
		rows, last = append(rows, rowOf(job)), job.Cursor
	}
	return rows, false, last, nil
}

func rowOf[J, W any](job submit.Job[J, W]) row {
	v := row{Key: named(job.Key), Link: href(job.Key), Mark: string(job.State), Name: string(job.State), Why: why(job), Intent: job.Intent}
	switch {
	case job.State == "":
		v.Mark, v.Name = "unreadable", "unreadable"
	case job.State == submit.Ended:
		v.Mark = job.Outcome.String()
		v.Name = v.Mark
	case job.State == submit.SetAside:
		v.Name = "set aside"
	}
	return v
}

// why says in a line how far a job is. It uses only words of this library, since texts of
// others may quote anything.
func why[J, W any](job submit.Job[J, W]) string {
	switch {
	case job.State == "":
		return "this program cannot read its record"
	case job.Forgotten:
		return "forgotten by an operator"
	case job.State == submit.SetAside:
		return "code of the program panicked"
	case job.State == submit.Queued && job.Tries > 0:
		return fmt.Sprintf("%d tries, none of them carried out", job.Tries)
	case job.State == submit.Queued:
		return "waits to be sent"
	case job.State == submit.Sending:
		return "was sent, no answer is recorded"
	case job.State == submit.Answered:
		return "was answered, is read back"
	case job.Outcome == consistency.Confirmed:
		return "the read model shows it"
	}
	var parts []string
	for _, known := range []struct {
		err  error
		word string
	}{{submit.ErrCancelled, "cancelled before it was sent"}, {submit.ErrGaveUp, "given up: never carried out"}} {
		if errors.Is(job.Err, known.err) {
			parts = append(parts, known.word)
		}
	}
	var e *consistency.Error
	if errors.As(job.Err, &e) {
		if e.Reason != "" {
			parts = append(parts, "seen last: "+line(string(e.Reason)))
		}
		if e.Reads > 0 {
			parts = append(parts, fmt.Sprintf("%d reads in %s", e.Reads, long(e.Elapsed)))
		}
		if e.Status != 0 {
			parts = append(parts, fmt.Sprintf("last status %d", e.Status))
		}
	}
	if len(parts) == 0 && job.Outcome == consistency.Unconfirmed {
		return "it may have been carried out"
	}
	return strings.Join(parts, ", ")
}

func (h *handler[J, W, R]) one(w http.ResponseWriter, r *http.Request, key string) {
	job, err := h.jobs.Job(r.Context(), key)
	if err != nil {
		h.problem(w, r, "", err)
		return
	}
	v := detail{row: rowOf(job), Revision: job.Revision, Forgotten: job.Forgotten}
	for i, s := range job.Steps {
		after := ""
		if i > 0 {
			after = long(s.At.Sub(job.Steps[i-1].At))
		}
		v.Steps = append(v.Steps, step{s.At, line(s.What), after})
	}
	v.fact("reference", asJSON(job.Written))
	v.fact("process", job.Holder)
	if job.Tries > 0 {
		v.fact("tries not carried out", fmt.Sprint(job.Tries))
	}
	if job.Free {
		v.fact("key", "free for another job")
	}
	v.fact("revision", fmt.Sprint(job.Revision))
	h.payload(r, &v, job)
	failed := ""
	if job.Err != nil {
		failed = job.Err.Error()
	}
	unreadable := ""
	if job.Unreadable != nil {
		unreadable = job.Unreadable.Error()
	}
	for _, t := range []fact{
		{"Error", failed}, {"Why the last try was not carried out", job.Tried}, {"Panic", job.Panic},
		{"Stack", job.Stack}, {"Why it cannot be read", unreadable},
	} {
		if t.Said == "" {
			continue
		}
		if shown := h.shownText(r, key, t.Said); shown != "" {
			v.Texts = append(v.Texts, fact{t.What, text(shown)})
		} else {
			v.Withheld = append(v.Withheld, strings.ToLower(t.What))
		}
	}
	for _, b := range []struct {
		button
		fits bool
	}{
		{button{Cancel, "Ends the job if it was not sent."}, job.State == submit.Queued || job.State == submit.SetAside},
		{button{Retry, "Goes on with the job. A write that may have been sent is not sent again, unless the program allows it."},
			job.State == submit.SetAside || job.Outcome == consistency.Unconfirmed && !job.Forgotten},
		{button{Forget, "Deletes everything but key and outcome."}, job.State == submit.Ended && !job.Forgotten},
	} {
		if b.fits && h.may(r, b.Action, key) {
			v.Actions = append(v.Actions, b.button)
		}
	}
	h.write(w, r, http.StatusOK, page{Title: named(key), One: &v, RawKey: key})
}

// payload shows what Options.Payload returns for a job.
func (h *handler[J, W, R]) payload(r *http.Request, v *detail, job submit.Job[J, W]) {
	if job.Unreadable != nil || job.Forgotten {
		return
	}
	if h.options.Payload != nil {
		shown := ""
		if survives(func() { shown = h.options.Payload(r, job.Key, job.Payload) }) {
			v.Payload = text(shown)
		}
	}
	if v.Payload == "" {
		v.Withheld = append(v.Withheld, "payload")
	}
}

// shownText returns what Options.Text shows of a text; empty if it is hidden.
func (h *handler[J, W, R]) shownText(r *http.Request, key, said string) (shown string) {
	if h.options.Text == nil || !survives(func() { shown = h.options.Text(r, key, said) }) {
		return ""
	}
	return shown
}

func (d *detail) fact(what, said string) {
	if said != "" {
		d.Facts = append(d.Facts, fact{what, line(said)})
	}
}

// asJSON returns a reference as JSON; empty if it names nothing.
func asJSON(v any) string {
	var data []byte
	err := errors.New("it panics")
	survives(func() { data, err = json.Marshal(v) })
	if s := string(data); err == nil && s != `""` && s != "null" && s != "{}" {
		return s
	}
	return ""
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
