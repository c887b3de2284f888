package readbackhttp

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/internal/recent"
)

// methodMove is that of WebDAV: what was there is elsewhere then.
const methodMove = "MOVE"

// forgets reports whether nothing is left where a request of a method was sent to.
func forgets(method string) bool { return method == http.MethodDelete || method == methodMove }

// deletes returns what a POST deletes whose path ends with that word, as
// /things/7/delete and /things:batchDelete do: what stands before, or some of what lies
// below. It returns nil for all else.
func (c *covering) deletes() *url.URL {
	if c.method != http.MethodPost {
		return nil
	}
	if of := customMethodOf(c.own); of != nil {
		path := c.own.EscapedPath()
		if saysDelete(path[strings.LastIndexByte(path, ':')+1:]) {
			return of
		}
		return nil
	}
	if !saysDelete(lastSegment(c.own)) {
		return nil
	}
	path := pathOf(c.own)
	if of := withPath(c.own, path[:strings.LastIndexByte(path, '/')]); !isRoot(of) {
		return of
	}
	return nil
}

// besides returns what a deletion made beside it, such as a job that goes on: what its
// Location leads to, if that is not what was deleted.
func (c *covering) besides(of *url.URL) []place {
	if c.resp == nil || !good(c.resp) || c.where == nil || relation(c.where, of) == theSame {
		return nil
	}
	return c.linked(c.where)
}

// saysDelete reports whether a word says so. Most are told apart by how they begin.
func saysDelete(word string) bool {
	return word != "" && strings.IndexByte("dDrRpPbB_", word[0]) >= 0 && deleting[plainName([]byte(word))]
}

// deleting are those words, in the form of plainName.
var deleting = words("delete remove destroy purge bulkdelete batchdelete bulkremove batchremove " +
	"deletebulk deletebatch deletemany deleteall deletebyquery removeall")

// forgetAt forgets what was written at u and below, with any query, here and wherever
// else it is read.
func (c *covering) forgetAt(u *url.URL) {
	at := c.t.memory.Path(c.t.space(c.req, u), u)
	c.t.memory.ForgetAt(at)
	c.t.sharing.tell(note{kind: noteCleared, class: uint8(c.class), reach: uint8(recent.AnyQuery), about: uint64(at)})
}

// ofPart reports whether a query names a part of what a path names, which can be deleted
// alone, as S3 has them. Any other query of a deletion says how something is deleted, or
// which of what lies below: force, recursive=true.
func ofPart(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); value == "" && parts[name] {
			return true
		}
	}
	return false
}

// parts are what S3 calls sub-resources, those that can be deleted.
var parts = words("accelerate acl analytics cors encryption intelligent-tiering inventory lifecycle logging " +
	"metrics notification object-lock ownershipControls policy publicAccessBlock replication tagging website")
