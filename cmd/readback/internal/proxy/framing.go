package proxy

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// framing follows the requests of HTTP/1 as their bytes come, and finds the first
// one that does not say beyond doubt where it ends: what stands behind such a
// request may be its body or another request, and another server may see it
// otherwise.
//
// It is stricter than net/http, which parses the same bytes, and never more
// lenient: a request is sent on only if both take it.
type framing struct {
	at       place
	line     []byte // the beginning of a line that goes on in the next bytes
	left     uint64 // bytes of the body or the chunk that are still to come, or lines of the preface that came
	requests int64  // heads that have begun
	agreed   bool   // on HTTP/1 by TLS: the connection cannot become one of HTTP/2
	head     head   // of the request that is followed
}

type place int

const (
	beforeHead place = iota
	inHead
	inPreface
	inBody
	chunkSize
	inChunk
	afterChunk
	inTrailer
	elsewhere // another protocol
)

// dull reports whether a line of a head that begins so says nothing of where the
// request ends. Most are dull.
func dull(begin byte) bool {
	switch begin {
	case 'C', 'c', 'T', 't', ' ', '\t', '\r', '\n':
		return false
	}
	return true
}

// head is what a head says of the body.
type head struct {
	old    bool // HTTP/1.0
	coded  bool // Transfer-Encoding: chunked
	sized  bool // Content-Length
	length uint64
	wrong  string
}

// follow takes the next bytes. It returns how many of them may be handed on, and
// what is wrong with those behind, if anything. It must not be called again then.
func (f *framing) follow(p []byte) (sound int, wrong string) {
	for i := 0; i < len(p); {
		switch f.at {
		case elsewhere:
			return len(p), ""
		case inBody, inChunk:
			n := min(f.left, uint64(len(p)-i))
			i += int(n)
			f.left -= n
			switch {
			case f.left > 0:
			case f.at == inBody:
				f.at = beforeHead
			default:
				f.at = afterChunk
			}
			continue
		}
		end := bytes.IndexByte(p[i:], '\n') + 1
		if end == 0 {
			f.line = append(f.line, p[i:]...)
			if f.at == afterChunk && string(f.line) != "\r" {
				return i, wrongEnd
			}
			return len(p), ""
		}
		line := p[i : i+end]
		if len(f.line) > 0 {
			line = append(f.line, line...)
			f.line = line[:0]
		}
		ofHead := f.at == inHead
		if ofHead && dull(line[0]) {
			i += end
			continue
		}
		wrong := f.take(line)
		if wrong == "" || ofHead { // a whole head is handed on, to be answered
			i += end
		}
		if wrong != "" {
			return i, wrong
		}
	}
	return len(p), ""
}

const (
	wrongEnd  = "a chunk is longer than its size"
	wrongLine = "a line of a chunk or a trailer does not end with CR LF"
)

// take takes a line with its end.
func (f *framing) take(line []byte) (wrong string) {
	text, whole := bytes.CutSuffix(line, []byte("\r\n"))
	if !whole {
		text = line[:len(line)-1]
	}
	switch f.at {
	case beforeHead:
		if len(text) == 0 {
			return "" // net/http skips the line, or refuses the request
		}
		f.requests++
		f.at, f.head = inHead, head{old: bytes.HasSuffix(text, []byte("HTTP/1.0"))}
		switch {
		case string(text) != preface[0]:
		case f.requests == 1 && whole && !f.agreed:
			f.at, f.left = inPreface, 1
		default:
			f.head.wrong = wrongPreface
		}
		return ""
	case inPreface:
		return f.preface(text, whole)
	case inHead:
		if len(text) > 0 {
			f.head.take(text)
			return ""
		}
		return f.begin()
	case afterChunk:
		if len(text) > 0 || !whole {
			return wrongEnd
		}
		f.at = chunkSize
		return ""
	}
	switch {
	case !whole:
		return wrongLine
	case f.at == chunkSize:
		return f.chunk(text)
	case len(text) == 0:
		f.at = beforeHead
		return ""
	}
	return trailer(string(text))
}

// preface is how HTTP/2 begins on a connection. What begins so and goes on otherwise
// net/http takes for a request of HTTP/1, and keeps the connection.
var preface = [...]string{"PRI * HTTP/2.0", "", "SM", ""}

const wrongPreface = "it begins as HTTP/2 does, and goes on otherwise"

// preface takes a line of the preface behind the first.
func (f *framing) preface(text []byte, whole bool) (wrong string) {
	switch {
	case whole && string(text) == preface[f.left]:
		if f.left++; int(f.left) == len(preface) {
			f.at = elsewhere
		}
		return ""
	case f.left == 1 && len(text) > 0: // a head, which is handed on whole
		f.at, f.head.wrong = inHead, wrongPreface
		return ""
	}
	return wrongPreface
}

// take takes a line of a head.
func (h *head) take(text []byte) {
	if text[0] == ' ' || text[0] == '\t' {
		h.wrong = "a header goes on in the next line"
		return
	}
	name, value, _ := bytes.Cut(text, []byte(":"))
	switch len(name) { // most headers are neither
	case len(codingHeader):
		if bytes.EqualFold(name, []byte(codingHeader)) {
			h.code(strings.Trim(string(value), " \t"))
		}
	case len(lengthHeader):
		if bytes.EqualFold(name, []byte(lengthHeader)) {
			h.size(strings.Trim(string(value), " \t"))
		}
	}
}

const (
	codingHeader = "Transfer-Encoding"
	lengthHeader = "Content-Length"
)

func (h *head) code(value string) {
	if h.coded || !strings.EqualFold(value, "chunked") {
		h.wrong = "its Transfer-Encoding is more than chunked"
	}
	h.coded = true
}

func (h *head) size(value string) {
	n, err := strconv.ParseUint(value, 10, 63) // takes no sign
	if err != nil || h.sized && n != h.length {
		h.wrong = "its Content-Length is not one number"
	}
	h.sized, h.length = true, n
}

// begin goes on to what follows a head.
func (f *framing) begin() (wrong string) {
	switch h := &f.head; {
	case h.wrong != "":
		return h.wrong
	case h.coded && h.sized:
		return "it has a Transfer-Encoding and a Content-Length"
	case h.coded && h.old:
		return "it has a Transfer-Encoding, which HTTP/1.0 does not know"
	case h.coded:
		f.at = chunkSize
	case h.length > 0:
		f.at, f.left = inBody, h.length
	default:
		f.at = beforeHead
	}
	return ""
}

// chunkLine is the size of a chunk and its extensions, after RFC 9112, section
// 7.1.1.
var chunkLine = regexp.MustCompile(`^([0-9A-Fa-f]{1,16})(?:[ \t]*;[ \t]*` + token +
	`(?:[ \t]*=[ \t]*(?:` + token + `|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"))?)*$`)

const token = "[-!#$%&'*+.^_`|~0-9A-Za-z]+"

func (f *framing) chunk(text []byte) (wrong string) {
	found := chunkLine.FindSubmatch(text)
	if found == nil {
		return "the size of a chunk is not a number in hexadecimal"
	}
	f.left, _ = strconv.ParseUint(string(found[1]), 16, 64)
	f.at = inChunk
	if f.left == 0 {
		f.at = inTrailer
	}
	return ""
}

// trailer checks a trailer field.
func trailer(text string) (wrong string) {
	name, value, colon := strings.Cut(text, ":")
	switch {
	case !colon || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
		return "a trailer is not a name, a colon and a value"
	case !httpguts.ValidTrailerHeader(name):
		return "a trailer would change what the request is: " + name
	}
	return ""
}
