package readbackhttp

import (
	"bytes"
	"strings"
)

// maxThings is how many things of one write are covered, of those that it made at once.
const maxThings = 100

// listMembers hold, beside a member with the name of the kind, what was made at once, if
// all else only describes the answer: what was made may have items of its own.
var (
	listMembers = words("data items results value ids")
	aboutList   = words("metadata count total totalcount page pages size limit offset next previous prev cursor hasmore object type error errors message")
)

// manyIn returns what a document says of things that were made at once: of the entries
// of a list, which is the document, a member of it by the name of the kind or one such as
// data and items, or the only one in _embedded of HAL. It returns nil if it has no such
// list, or several.
func manyIn(doc []byte, kind string) (many []names) {
	doc = space(bytes.TrimPrefix(doc, []byte("\ufeff")))
	if len(doc) > 0 && doc[0] == '[' {
		return entriesIn(doc, kind)
	}
	var lists [][]byte
	sure, others := false, false
	members(doc, func(name string, value []byte) {
		switch {
		case value[0] == '[' && name == plainName([]byte(kind)):
			sure = true
			lists = append(lists, value)
		case value[0] == '[' && listMembers[name]:
			lists = append(lists, value)
		case name == embedded:
			members(value, func(_ string, value []byte) { lists = append(lists, value) })
		case known[name]&aboutAnswer == 0 && !aboutList[name] && !strings.HasPrefix(name, "@"): // of OData
			others = true
		}
	})
	if len(lists) != 1 || lists[0][0] != '[' || others && !sure {
		return nil
	}
	return entriesIn(lists[0], kind)
}

// embedded is the member of HAL, by plainName, that holds what else a document shows.
const embedded = "embedded"

func entriesIn(list []byte, kind string) (many []names) {
	for rest := list[1:]; len(many) < maxThings; {
		value, after, ok := element(rest)
		if !ok {
			break
		}
		if value[0] == '{' && !refusedIn(value) {
			if n := namesIn(value, kind); len(n.ids)+len(n.links) > 0 {
				many = append(many, n)
			}
		} else if bare, ok := bareID(value); ok {
			many = append(many, names{ids: []id{bare}, bare: true})
		}
		rest = after
	}
	return many
}

// refusedIn reports whether an entry says that it was not made.
func refusedIn(entry []byte) (refused bool) {
	members(entry, func(name string, value []byte) {
		switch name {
		case "error", "errors":
			switch string(value) {
			case "null", "false", `""`, "[]", "{}":
			default:
				refused = true
			}
		case "ok", "success":
			refused = refused || string(value) == "false"
		case "status", "statuscode":
			status := bytes.Trim(value, `"`)
			refused = refused || len(status) == 3 && status[0] >= '3' && status[0] <= '5'
		}
	})
	return refused
}

// bareID returns the id that a JSON document or an entry of a list is, if it is one: a
// whole number, or a text that has nothing of a sentence or a path.
func bareID(doc []byte) (id, bool) {
	doc = bytes.TrimSpace(bytes.TrimPrefix(doc, []byte("\ufeff")))
	if len(doc) == 0 {
		return id{}, false
	}
	text, ok := plainValue(doc)
	if !ok || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c == '/' || c == '\\' || c == 0x7f }) {
		return id{}, false
	}
	return id{text: text}, true
}
