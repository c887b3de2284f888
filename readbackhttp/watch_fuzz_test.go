package readbackhttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/readbackhttp"
)

// dripping is a body that comes in pieces of a given size, and ends by an error of
// its own, alone or beside the last piece.
type dripping struct {
	rest   []byte
	piece  int
	err    error
	beside bool
	closed bool
}

func (d *dripping) Read(p []byte) (int, error) {
	switch {
	case d.closed:
		return 0, http.ErrBodyReadAfterClose
	case len(d.rest) == 0:
		return 0, d.err
	}
	n := copy(p, d.rest[:min(len(d.rest), d.piece)])
	if d.rest = d.rest[n:]; len(d.rest) == 0 && d.beside {
		return n, d.err
	}
	return n, nil
}

func (d *dripping) Close() error {
	d.closed = true
	return nil
}

// A random exchange looks the same through Watch, wherever it is, and what Watch
// notes of it is true.
func FuzzWatch(f *testing.F) {
	for _, status := range []uint16{200, 201, 204, 304, 403, 404, 503} {
		for _, size := range []int{0, 1, 4096, 65536, 70000} {
			f.Add(uint8(0), status, []byte("body"), size, int64(size), uint16(999), uint16(500), false, false, "Etag", "x")
			f.Add(uint8(3), status, []byte("{}"), size, int64(-1), uint16(1), uint16(4096), true, true, "Retry-After", "5")
			f.Add(uint8(5), status, []byte{}, size, int64(0), uint16(70), uint16(1), true, false, "Location", "/x")
		}
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", ""}
	errCut := errors.New("cut")
	f.Fuzz(func(t *testing.T, method uint8, status uint16, pattern []byte, size int, length int64, piece, step uint16, cut, beside bool, name, value string) {
		size = max(0, size) % 140_000
		if len(pattern) > 0 {
			pattern = bytes.Repeat(pattern, size/len(pattern)+1)[:size]
		}
		if length > 0 { // no body is longer than it is said to be, but for one whose length is not set
			length = max(length, int64(len(pattern)))
		}
		base := transport(func(r *http.Request) (*http.Response, error) {
			if status == 0 {
				return nil, errCut
			}
			body := &dripping{rest: pattern, piece: max(1, int(piece)), err: io.EOF, beside: beside}
			if cut {
				body.err = errCut
			}
			resp := &http.Response{
				StatusCode: int(status), Header: http.Header{name: {value}}, Body: body, ContentLength: length, Request: r,
				Trailer: http.Header{"X-Sum": {r.Header.Get("X-Given")}},
			}
			if status == 101 {
				resp.Body = struct{ io.ReadWriteCloser }{}
			}
			return resp, nil
		})
		if status == 101 {
			return
		}
		make := func(ctx context.Context) *http.Request {
			req := send("GET", api+"/things/7?q=1", "").WithContext(ctx)
			req.Method = methods[int(method)%len(methods)]
			req.Header.Set("X-Given", "1")
			return req
		}
		want := roundTrip(base, make(t.Context()), max(1, int(step)))
		for where, ctx := range inEachFlow(t.Context()) {
			got := roundTrip(readbackhttp.Watch(base), make(ctx), max(1, int(step)))
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%s:\n got %.300q\nwant %.300q", where, got.Body, want.Body)
			}
			call := wire.From(ctx)
			if call == nil {
				continue
			}
			seen := call.Exchanges()
			if len(seen) != 1 {
				t.Fatalf("%s: %d exchanges", where, len(seen))
			}
			ex := seen[0]
			switch {
			case ex.Status != int(status), ex.Method == "", ex.NotSent && status != 0:
				t.Errorf("%s: noted as %s %d, not sent: %v", where, ex.Method, ex.Status, ex.NotSent)
			case !strings.HasPrefix(want.Body, string(ex.Body)):
				t.Errorf("%s: noted a body that was not there", where)
			case ex.Whole && len(ex.Body) != len(want.Body) && int64(len(ex.Body)) != length:
				t.Errorf("%s: noted %d bytes of %d as the whole body", where, len(ex.Body), len(want.Body))
			}
		}
	})
}
