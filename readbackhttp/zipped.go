package readbackhttp

import (
	"compress/gzip"
	"io"
	"net/http"

	"github.com/readback-go/readback/internal/coding"
)

// unzip undoes the coding of an answer that is zipped, as net/http does for those who have
// not asked for it by themselves: what a body says is asked of it, and not how it was
// sent. A body of another coding stays as it is.
func unzip(resp *http.Response) {
	if coding.Of(resp.Header) != coding.Gzip || resp.Request.Method == http.MethodHead {
		return
	}
	resp.Body = &unzipped{Closer: resp.Body, body: resp.Body}
	resp.Header = resp.Header.Clone() // what went over the wire was noted with it
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Uncompressed = -1, true
}

// unzipped is what is in a body that is zipped. One without a byte has nothing in it.
type unzipped struct {
	io.Closer
	body io.Reader
	zip  *gzip.Reader
}

func (u *unzipped) Read(p []byte) (n int, err error) {
	if u.zip == nil {
		if u.zip, err = gzip.NewReader(u.body); err != nil {
			return 0, err // io.EOF, if there is no byte
		}
	}
	return u.zip.Read(p)
}
