package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Lost says how a write is found again whose answer was lost.
type Lost struct {
	Find     string   // URL of what may be the write's: a list, or the thing itself; POST before it
	FindData string   // body of a search by POST
	Mine     []string // POINTER=VALUE, or expressions, that prove one of them
	Found    string   // template of its URL
}

// AddFlags adds the flags for an answer that was lost.
func (l *Lost) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&l.Find, "find", "", "`URL` of a list in which to look for what was written, if the answer is lost or names nothing; or 'POST URL'; Link: next is followed")
	fs.StringVar(&l.FindData, "find-data", "", "body of that request, which is a POST then: `DATA`, or @FILE")
	fs.StringArrayVar(&l.Mine, "mine", nil, "`POINTER=VALUE`, or an expression, that is true of this write's entry alone; all of several")
	fs.StringVar(&l.Found, "found", "", "URL of the entry, as a `TEMPLATE` of its members; needed if the read's URL has {location}")
}

// find gives f a Find and a Mine, if the plan has them.
func (p Plan) find(f *Flow, ex readbackhttp.Exchange) error {
	if p.Elsewhere || p.Find == "" && p.Mine == nil && p.Found == "" && p.FindData == "" {
		return nil
	}
	_, pairs := splitMine(p.Mine)
	matchers, err := parseMatches("--mine", pairs)
	if err != nil {
		return err
	}
	fields := request.Fields(p.template())
	known := p.template() != "" && len(fields) == 0 || p.template() == "" && ex.Write.Method != "POST"
	switch {
	case f.Goal == consistency.ToAbsent:
		return exit.Usagef("a delete needs neither --find nor --mine: its URL is known")
	case p.Find == "" && !known:
		return exit.Usagef("--mine and --found need --find")
	case p.Mine == nil:
		return exit.Usagef("--find needs --mine: that something is there does not prove whose it is")
	}
	needsLocation := !known && len(fields) == 0
	for _, name := range fields {
		needsLocation = needsLocation || name == request.LocationField
		if len(name) > len("header:") && name[:len("header:")] == "header:" {
			return exit.Usagef("what --find finds has no {%s}: let the template of --then use its members", name)
		}
	}
	if needsLocation && p.Found == "" {
		return exit.Usagef("--find needs --found, the URL of what is found, since reads need a location")
	}
	method, at := p.findRequest()
	if word, _, found := strings.Cut(at, " "); found && strings.ToUpper(word) == word && !strings.ContainsAny(word, "/:.") {
		return exit.Usagef("--find: want a GET or a POST, not a %s", word)
	}
	edit, err := p.findEdit(method)
	if err != nil {
		return err
	}
	switch {
	case at != "":
		if _, err := url.Parse(at); err != nil || userIn(at) {
			return exit.Usagef("--find: that is not a URL without user information")
		}
		ex.Read = readbackhttp.URL(at)
	case p.template() == "":
		ex.Read = readbackhttp.URL(ex.Write.URL.String())
	}
	ex.Goal, ex.Match, ex.Monitor = consistency.ToPresent, nil, nil
	if err := refused(ex.Flow()); err != nil {
		return err
	}
	look := &finder{flow: f, ex: ex, edit: edit}
	f.Find = func(ctx context.Context) ([]readbackhttp.Ref, error) {
		return look.candidates(ctx, p, matchers, fields)
	}
	f.Mine = func(readbackhttp.Ref) bool { return true } // the others are left out
	return nil
}

func userIn(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.User != nil
}

// mine returns references to those items that are this write's.
func (p Plan) mine(matchers []matcher, items []json.RawMessage, fields []string, base *url.URL) []readbackhttp.Ref {
	var found []readbackhttp.Ref
	for _, item := range items {
		if !allMatch(matchers, &readbackhttp.Document{Status: 200, Body: item}) {
			continue
		}
		ref := readbackhttp.Ref{}
		a := &request.Answer{URL: base, Body: item}
		if p.Found != "" {
			at, missing, err := request.FillURL(p.Found, a)
			if err != nil || missing != "" || at.User != nil {
				continue
			}
			ref.Location = at.String()
		}
		complete := true
		for _, name := range fields {
			if name == request.LocationField {
				continue
			}
			value, ok := a.Field(name)
			complete = complete && ok
			if ref.Fields == nil {
				ref.Fields = make(map[string]string)
			}
			ref.Fields[name] = value
		}
		if complete {
			found = append(found, ref)
		}
	}
	return found
}

// items returns the members of a list, also of one that is the only list in an
// object. Anything else is one item, and so is all of a document that is whole.
func items(body []byte, whole bool) []json.RawMessage {
	body = bytes.TrimSpace(body)
	one := []json.RawMessage{body}
	if whole {
		return one
	}
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil {
		return list
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return one
	}
	lists := 0
	for _, member := range object {
		var inner []json.RawMessage
		if json.Unmarshal(member, &inner) == nil && string(member) != "null" {
			list = inner
			lists++
		}
	}
	if lists == 1 {
		return list
	}
	return one
}
