package readbackhttp

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// patience is how long a body may take to arrive before it is handed on as it comes.
const patience = time.Second

// keep reads the body of resp, up to bodyLimit, and reports whether that was
// all. If so, the body is closed, its connection is free, and resp has a copy.
// If not, resp is as good as before: its body begins with what was read. The
// error, if any, is ctx's with its cause, and then resp is closed.
//
// A body that takes too long is not waited for, and reading it cannot be taken
// back: so each read is a goroutine of its own, which ends with the read.
func keep(ctx context.Context, resp *http.Response, wait time.Duration) (body []byte, whole bool, _ error) {
	switch {
	case resp.Body == nil || resp.Body == http.NoBody:
		return nil, true, nil
	case long(resp):
		return nil, false, nil
	}
	source := resp.Body
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		arrives := make(chan arrival, 1)
		go func() { arrives <- readPiece(source) }()
		select {
		case p := <-arrives:
			body = append(body, p.data...)
			switch {
			case len(body) > bodyLimit:
				resp.Body = &longBody{kept: body, source: source, end: p.err}
				return nil, false, nil
			case p.err != nil:
				_ = source.Close()
				resp.Body = &keptBody{kept: bytes.NewReader(body), end: p.err}
				return body, true, nil
			}
		case <-timer.C:
			resp.Body = &longBody{kept: body, arrives: arrives, source: source}
			return nil, false, nil
		case <-ctx.Done():
			_ = source.Close()
			return nil, false, ended(ctx)
		}
	}
}

// long reports whether resp says that its body is longer than bodyLimit. To HEAD
// it says so of a body that does not come.
func long(resp *http.Response) bool {
	return resp.ContentLength > bodyLimit && (resp.Request == nil || resp.Request.Method != http.MethodHead)
}

// keepNow is keep for an answer whose time is bounded by the context of its request. The
// error is that of the body, which is closed then.
func keepNow(resp *http.Response) (body []byte, whole bool, err error) {
	switch {
	case resp.Body == nil || resp.Body == http.NoBody:
		return nil, true, nil
	case long(resp):
		return nil, false, nil
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, bodyLimit+1))
	if err == nil && len(body) > bodyLimit {
		resp.Body = &longBody{kept: body, source: resp.Body}
		return nil, false, nil
	}
	_ = resp.Body.Close()
	resp.Body = &keptBody{kept: bytes.NewReader(body), end: io.EOF}
	return body, true, err
}

type arrival struct {
	data []byte
	err  error
}

const pieceSize = 4 << 10

func readPiece(source io.Reader) arrival {
	data := make([]byte, pieceSize)
	n, err := source.Read(data)
	return arrival{data[:n], err}
}

// keptBody is a body that was read to its end, which may be an error.
type keptBody struct {
	kept   *bytes.Reader
	end    error
	closed atomic.Bool // perhaps while it is read
}

func (b *keptBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.kept.Read(p)
	if err == io.EOF {
		err = b.end
	}
	return n, err
}

func (b *keptBody) Close() error {
	b.closed.Store(true)
	return nil
}

// longBody is a body of which the beginning was read.
type longBody struct {
	kept    []byte
	arrives chan arrival // gets what is being read just now; nil if nothing is
	source  io.ReadCloser
	end     error // of what arrived
	closed  atomic.Bool
}

func (b *longBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if len(b.kept) == 0 && b.arrives != nil && len(p) > 0 {
		next := <-b.arrives
		b.kept, b.end, b.arrives = next.data, next.err, nil
	}
	switch {
	case len(b.kept) > 0:
		n := copy(p, b.kept)
		b.kept = b.kept[n:]
		return n, nil
	case b.end != nil:
		return 0, b.end
	}
	return b.source.Read(p)
}

// Close ends a Read of the source that is still under way, too.
func (b *longBody) Close() error {
	b.closed.Store(true)
	return b.source.Close()
}

// boundBody is the body of a polled answer, which lives as long as the context
// of its request.
type boundBody struct {
	io.ReadCloser
	release func()
}

func (b *boundBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.release()
	}
	return n, err
}

func (b *boundBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
