package readbacktest

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/readback-go/readback/internal/redact"
)

// Request is a request that reached the server. A read shows the state of the time At, unless
// it waited for a token, however long its body or its answer took.
type Request struct {
	At     time.Duration // since the server was made
	Method string
	Target string // path and query, as they were sent
	Header http.Header
	Body   []byte
	Status int    // of the answer; 0 if there is none yet, or the connection was cut
	Note   string // what the script did with it

	path []string
}

// String returns the request in one line, with secrets hidden.
func (r Request) String() string { return strings.ReplaceAll(r.row(), "\t", " ") }

func (r Request) row() string {
	status := "-"
	if r.Status != 0 {
		status = strconv.Itoa(r.Status)
	}
	words := []string{}
	if r.Note != "" {
		words = append(words, r.Note+";")
	}
	header := redact.Header(r.Header)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		words = append(words, name+": "+oneLine(strings.Join(header[name], ", "), longestNote)+";")
	}
	if len(r.Body) > 0 {
		words = append(words, oneLine(string(r.Body[:min(len(r.Body), longest)]), longestNote))
	}
	row := fmt.Sprintf("%s\t%s\t%s\t%s\t%s", short(r.At), r.Method, oneLine(redact.URLString(r.Target), longestNote), status, strings.Join(words, " "))
	return strings.TrimRight(row, "\t ;")
}

// Executed is a write that was carried out.
type Executed struct {
	At     time.Duration // since the server was made
	Method string
	Target string // of the request
	Path   string // of the written thing
	Body   []byte // of the written thing; nil if it was deleted

	// Shown is from when every replica shows the written version whole, unless a later
	// write hides it. Lists may lag more, and a cache may still keep a 404.
	Shown time.Duration

	path []string
}

// String returns the execution in one line, with secrets hidden.
func (e Executed) String() string { return strings.ReplaceAll(e.row(), "\t", " ") }

func (e Executed) row() string {
	return fmt.Sprintf("%s\t%s\t%s\t%s\tshown from %s on", short(e.At), e.Method,
		oneLine(redact.URLString(e.Target), longestNote), oneLine(redact.URLString(e.Path), longestNote), short(e.Shown))
}

// Requests returns the requests that match on, in order of arrival. As in a [Rule], on is a
// method, a path or both; empty matches all. It panics if on is not a valid pattern.
func (h *Handler) Requests(on string) []Request {
	return h.requestsOf(mustPattern(on))
}

func (h *Handler) requestsOf(p pattern) []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := []Request{}
	for _, r := range h.requests {
		if p.match(r.Method, r.path) {
			copied := *r
			copied.Header, copied.Body = r.Header.Clone(), bytes.Clone(r.Body)
			found = append(found, copied)
		}
	}
	return found
}

// Executed returns the writes that were executed until now and whose requests match on, in
// order of execution. It panics if on is not a valid pattern.
func (h *Handler) Executed(on string) []Executed {
	return h.executedOf(mustPattern(on))
}

func (h *Handler) executedOf(p pattern) []Executed {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	found := []Executed{}
	for _, e := range h.executed {
		if p.match(e.Method, e.path) {
			e.Body = bytes.Clone(e.Body)
			found = append(found, e)
		}
	}
	return found
}

// keptRows is how many of the first requests a failure shows, and how many of
// the last.
const keptRows = 40

// tableOf returns rows as a table, below a title.
func tableOf[E interface{ row() string }](title string, rows []E) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s:", title)
	if len(rows) == 0 {
		b.WriteString(" none")
		return b.String()
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i, r := range rows {
		switch omitted := len(rows) - 2*keptRows; {
		case i < keptRows || i >= len(rows)-keptRows:
			fmt.Fprintf(table, "  %s\n", r.row())
		case i == keptRows:
			fmt.Fprintf(table, "  … %d more\n", omitted)
		}
	}
	table.Flush()
	return strings.TrimRight(b.String(), "\n")
}
