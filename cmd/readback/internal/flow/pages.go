package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/readbackhttp"
)

// mostPages is how many pages of a list are looked through. A list that is
// longer proves nothing, since the last page could show a second candidate.
const mostPages = 100

var errPages = fmt.Errorf("what --find names has more than %d pages", mostPages)

// finder looks for a write in a list, page by page.
type finder struct {
	flow *Flow
	ex   readbackhttp.Exchange
	edit *request.Edit // of the first page; nil for a GET
}

// pages returns the answers of all pages, the first one's origin's alone.
func (s *finder) pages(ctx context.Context) ([]*readbackhttp.Document, error) {
	var all []*readbackhttp.Document
	s.flow.find = s.edit
	defer func() { s.flow.find = nil }()
	ex, seen := s.ex, map[string]bool{}
	for {
		doc, err := ex.Flow().Read(ctx, readbackhttp.Ref{})
		if err != nil {
			return nil, err
		}
		all = append(all, doc)
		at := s.flow.reads.URL
		next := nextPage(at, doc.Header)
		switch {
		case next == nil || originOf(next) != originOf(at) || seen[next.String()]:
			return all, nil
		case len(all) == mostPages:
			return nil, errPages
		}
		seen[next.String()] = true
		ex.Read = readbackhttp.URL(next.String())
		s.flow.find = nil // what is linked to is got
	}
}

// nextPage returns where the header Link says that a list goes on, and nil if it
// does not.
func nextPage(at *url.URL, header http.Header) *url.URL {
	for _, line := range header.Values("Link") {
		for link := range strings.SplitSeq(line, ",") {
			target, parameters, found := strings.Cut(link, ">")
			if target = strings.TrimSpace(target); !found || !strings.HasPrefix(target, "<") || !relNext(parameters) {
				continue
			}
			if next, err := at.Parse(target[1:]); err == nil && next.User == nil {
				return next
			}
		}
	}
	return nil
}

func relNext(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			for word := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
				if strings.EqualFold(word, "next") {
					return true
				}
			}
		}
	}
	return false
}

// once hides from net/http that a body could be sent again: a search by POST is
// never repeated by itself.
func once(req *http.Request) {
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = struct{ io.ReadCloser }{req.Body}
	}
	req.GetBody = nil
}

// findRequest parts the value of --find into its method and URL.
func (l *Lost) findRequest() (method, at string) {
	method, at, found := strings.Cut(l.Find, " ")
	if found && (method == http.MethodPost || method == http.MethodGet) {
		return method, strings.TrimSpace(at)
	}
	if l.FindData != "" {
		return http.MethodPost, l.Find
	}
	return http.MethodGet, l.Find
}

// findEdit returns what makes a POST of the request for the first page.
func (p Plan) findEdit(method string) (*request.Edit, error) {
	if method == http.MethodGet {
		if p.FindData != "" {
			return nil, exit.Usagef("--find-data has no use for a GET")
		}
		return nil, nil
	}
	spec := request.Spec{Method: method}
	if p.FindData != "" {
		spec.SetData(p.FindData)
		if data := strings.TrimSpace(p.FindData); strings.HasPrefix(data, "{") || strings.HasPrefix(data, "[") || strings.HasPrefix(data, "@") {
			spec.Headers = []string{"Content-Type: application/json"}
		}
	}
	return spec.Edit(p.Input)
}

// candidates returns the items of all pages that are this write's.
func (s *finder) candidates(ctx context.Context, p Plan, matchers []matcher, fields []string) ([]readbackhttp.Ref, error) {
	s.flow.phase = finding
	s.flow.good, s.flow.faulty, s.flow.lagged = nil, nil, false // of the read before
	docs, err := s.pages(ctx)
	if err != nil {
		return nil, err
	}
	var all []json.RawMessage
	for _, doc := range docs {
		if s.flow.notJSON = notJSON(doc.Header, doc.Body); s.flow.notJSON != "" {
			return nil, errors.New("what --find names is " + s.flow.notJSON + ", not JSON")
		}
		all = append(all, items(doc.Body, p.Find == "")...)
	}
	mine := all[:0]
	for _, item := range all {
		if s.flow.isMine(ctx, item) {
			mine = append(mine, item)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return p.mine(matchers, mine, fields, s.ex.Write.URL), nil
}

// isMine reports whether the expressions of --mine hold of an item. One that
// fails proves nothing.
func (f *Flow) isMine(ctx context.Context, item json.RawMessage) bool {
	for n, source := range f.exprs.mine.sources {
		in, can := f.input(source, http.StatusOK, nil, item)
		if !can {
			return false
		}
		if result, err := f.exprs.judge.Eval(ctx, f.exprs.mine.first+n, in); err != nil || !result.True {
			return false
		}
	}
	return true
}
