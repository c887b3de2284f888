package readbackhttp

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/readback-go/readback/internal/redact"
)

// What is taken for the id of what a write made, and for a link to it, is one
// list: members with these names, in any case and without regard to _ and -, of
// the document, of an object that is its only member beside those that only
// describe the answer, or of its "metadata" or "data". A member that names the
// kind too is one, as "index_uid" or "bucketName" of what is made in /indexes or
// /buckets.
var known = roles(map[role]string{
	isID:        "id uid uuid guid iid oid name key slug identifier number",
	isLink:      "self selflink href url uri",
	holdsLinks:  "links", // by the name of the relation, or as a list
	aboutAnswer: "links meta included actions warnings jsonapi ok success status result requestid apiversion kind",
})

// role is what a member may be by its name; one may be several things.
type role uint8

const (
	isID role = 1 << iota
	isLink
	holdsLinks
	aboutAnswer // it only describes it
)

// roles returns what each word is, so that a name is looked up once.
func roles(lists map[role]string) map[string]role {
	of := make(map[string]role)
	for is, list := range lists {
		for _, word := range strings.Fields(list) {
			of[word] |= is
		}
	}
	return of
}

func words(list string) map[string]bool {
	set := make(map[string]bool)
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

const (
	maxIDs      = 8
	maxIDLength = 256
)

// id is one that a document names.
type id struct {
	text   string
	secret bool // its member has the name of a secret, as key: it is not to be shown
	name   bool // others may have it as well
}

// names are what a document says of what it shows.
type names struct {
	ids   []id
	links []link // to itself
	bare  bool   // it is nothing but an id
	sent  int    // how many of the ids, the first, the request of a 202 named
}

// link is one that a document has to what it shows.
type link struct {
	url  string
	self bool // by its name it is nothing else, as a member url may be
}

// namesIn returns what a JSON document says of itself, or the beginning of one.
// Kind is the last segment of the path that it was sent to.
func namesIn(doc []byte, kind string) (n names) {
	doc = bytes.TrimPrefix(doc, []byte("\ufeff"))
	kind = plainName([]byte(kind))
	var inner [][]byte
	others := 0
	var only []byte
	members(doc, func(name string, value []byte) {
		is := known[name]
		n.member(name, is, value, kind)
		switch {
		case value[0] == '{' && (name == "metadata" || name == "data"):
			inner = append(inner, value)
		case is&aboutAnswer != 0:
		case value[0] == '{' && only == nil:
			only = value
		default:
			others++
		}
	})
	if only != nil && others == 0 && len(inner) == 0 {
		inner = append(inner, only)
	}
	for _, object := range inner {
		members(object, func(name string, value []byte) { n.member(name, known[name], value, kind) })
	}
	return n
}

// member adds what a member says.
func (n *names) member(name string, is role, value []byte, kind string) {
	switch {
	case is&isLink != 0:
		n.link(value, strings.HasPrefix(name, "self"))
	case is&holdsLinks != 0 && value[0] == '{':
		members(value, func(name string, value []byte) {
			if name == "self" {
				n.link(value, true)
			}
		})
	case is&holdsLinks != 0 && value[0] == '[':
		n.linkIn(value)
	case is&isID != 0 || ofKind(name, kind):
		if text, ok := plainValue(value); ok {
			isName := name == "slug" || strings.HasSuffix(name, "name") || strings.HasSuffix(name, "key")
			n.id(id{text, redact.Secret(name), isName})
		}
	}
}

func (n *names) id(found id) {
	for i := range n.ids {
		if n.ids[i].text == found.text {
			return
		}
	}
	if len(n.ids) < maxIDs {
		n.ids = append(n.ids, found)
	}
}

// link adds a link, which may be an object with a member href.
func (n *names) link(value []byte, self bool) {
	if value[0] == '{' {
		members(value, func(name string, value []byte) {
			if name == "href" && value[0] == '"' {
				n.link(value, self)
			}
		})
		return
	}
	if text, ok := plainString(value); ok && text != "" && len(n.links) < maxIDs {
		n.links = append(n.links, link{text, self})
	}
}

// linkIn adds the links of a list of {"rel": …, "href": …} that are to itself.
func (n *names) linkIn(list []byte) {
	for rest := list[1:]; ; {
		value, after, ok := element(rest)
		if !ok {
			return
		}
		if value[0] == '{' {
			self := false
			members(value, func(name string, value []byte) {
				self = self || name == "rel" && string(value) == `"self"`
			})
			if self {
				n.link(value, true)
			}
		}
		rest = after
	}
}

// ofKind reports whether a name is that of an id with the kind before it, in the
// singular.
func ofKind(name, kind string) bool {
	for _, suffix := range [...]string{"uuid", "uid", "id", "name", "key"} {
		single, ok := strings.CutSuffix(name, suffix)
		if !ok || single == "" {
			continue
		}
		if single == kind || single+"s" == kind || single+"es" == kind ||
			strings.HasSuffix(single, "y") && strings.TrimSuffix(single, "y")+"ies" == kind {
			return true
		}
	}
	return false
}

// plainName returns a name in lower case, without what divides words.
func plainName(name []byte) string {
	plain := make([]byte, 0, 32)
	for _, c := range name {
		switch {
		case c == '_' || c == '-':
		case c >= 'A' && c <= 'Z':
			plain = append(plain, c+'a'-'A')
		default:
			plain = append(plain, c)
		}
	}
	return string(plain)
}

// plainValue returns the text of a string or a whole number that can be an id.
func plainValue(value []byte) (string, bool) {
	if value[0] == '"' {
		text, ok := plainString(value)
		return text, ok && text != "" && text != "." && text != ".." && len(text) <= maxIDLength
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	return string(value), len(value) <= maxIDLength
}

func plainString(value []byte) (text string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	if text = string(value[1 : len(value)-1]); strings.IndexByte(text, '\\') < 0 {
		return text, utf8.ValidString(text)
	}
	err := json.Unmarshal(value, &text)
	return text, err == nil
}

// members calls yield for each whole member of a JSON object, with its name as by
// plainName and its value as it stands. It looks no further than it needs to, and
// stops where the object is broken or broken off.
func members(object []byte, yield func(name string, value []byte)) {
	rest := space(object)
	if len(rest) == 0 || rest[0] != '{' {
		return
	}
	for rest = rest[1:]; ; {
		name, after, ok := element(rest)
		if !ok || name[0] != '"' {
			return
		}
		if rest = space(after); len(rest) == 0 || rest[0] != ':' {
			return
		}
		value, after, ok := element(rest[1:])
		if !ok {
			return
		}
		yield(plainName(name[1:len(name)-1]), value)
		rest = after
	}
}

// element returns the next JSON value, and what follows. A comma before it is
// skipped. It is not ok if there is none, or not the whole of one.
func element(rest []byte) (value, after []byte, ok bool) {
	rest = space(rest)
	if len(rest) > 0 && rest[0] == ',' {
		rest = space(rest[1:])
	}
	if len(rest) == 0 {
		return nil, nil, false
	}
	var d depth
	switch rest[0] {
	case '}', ']', ':':
		return nil, nil, false
	case '{', '[', '"':
		if end := d.scan(rest); end >= 0 {
			return rest[:end+1], rest[end+1:], true
		}
		return nil, nil, false
	}
	for end, c := range rest {
		if c == ',' || c == '}' || c == ']' || isSpace(c) {
			return rest[:end], rest[end:], end > 0
		}
	}
	return nil, nil, false
}

func space(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// depth follows a JSON value piece by piece, to know where it ends.
type depth struct {
	open    int
	text    bool // inside of a string
	escaped bool
}

// scan takes the next piece, and returns where in it an object, a list or a string
// ends that is not inside of another; negative if none does.
func (d *depth) scan(piece []byte) int {
	quote := -1 // the one that was looked for last, so that no text is searched twice
	for i := 0; i < len(piece); i++ {
		if d.escaped {
			d.escaped = false
			continue
		}
		if d.text {
			if quote < i {
				if quote = i + bytes.IndexByte(piece[i:], '"'); quote < i {
					quote = len(piece)
				}
			}
			if escape := bytes.IndexByte(piece[i:quote], '\\'); escape >= 0 {
				i += escape
				d.escaped = true
				continue
			}
			if i = quote; i == len(piece) {
				return -1
			}
			if d.text = false; d.open == 0 {
				return i
			}
			continue
		}
		switch piece[i] {
		case '"':
			d.text = true
		case '{', '[':
			d.open++
		case '}', ']':
			if d.open--; d.open <= 0 {
				return i
			}
		}
	}
	return -1
}
