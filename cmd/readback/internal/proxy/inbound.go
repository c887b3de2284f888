package proxy

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// inbound is the body of a client's request, as it is sent to the upstream. It
// notes how the body ended. As long as nothing of it was read, it can be sent again
// on another connection. Close does not close the client's body: the server does.
type inbound struct {
	request *http.Request // the server's own: it gets the trailers
	trailer http.Header   // of the request to the upstream

	begun atomic.Bool
	left  atomic.Bool   // nothing more may be read
	done  chan struct{} // closed once the body has ended or Close was called
	once  sync.Once

	mu    sync.Mutex            // held while something is read, which takes as long as the client likes
	ended atomic.Pointer[error] // io.EOF, or why there is no more
}

func newInbound(r *http.Request) *inbound {
	return &inbound{request: r, done: make(chan struct{})}
}

var (
	errBegun = errors.New("it refused the request or hung up, and the body was begun and cannot be sent again")
	errLeft  = errors.New("the request was answered before the end of its body")
)

func (b *inbound) Read(p []byte) (int, error) {
	b.begun.Store(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left.Load() {
		return 0, errLeft
	}
	return b.read(p)
}

func (b *inbound) read(p []byte) (int, error) {
	if end := b.end(); end != nil {
		return 0, end
	}
	n, err := b.request.Body.Read(p)
	if err != nil {
		if err == io.EOF && b.trailer != nil {
			maps.Copy(b.trailer, b.request.Trailer)
		}
		b.ended.Store(&err)
		b.finish()
	}
	return n, err
}

// end returns how the body ended, or nil.
func (b *inbound) end() error {
	if err := b.ended.Load(); err != nil {
		return *err
	}
	return nil
}

func (b *inbound) finish() { b.once.Do(func() { close(b.done) }) }

// Close says that nobody wants more. It ends a Read of a client of HTTP/2 that is under
// way: net/http waits for it before it returns the error of the upstream.
func (b *inbound) Close() error {
	b.finish()
	if b.request.ProtoMajor == 2 && b.begun.Load() {
		return b.request.Body.Close()
	}
	return nil
}

// lastBytes bounds two waits: that of the end of an answer for the end of its
// request, and the reading of a body that the upstream did not want. Most of the
// bytes are on the way already. It is short, because some clients end their request
// only after the answer has ended.
const lastBytes = 100 * time.Millisecond

// conclude reads the rest of the request, so that the next one on the connection
// begins where this one ends. If the end does not come in time, the connection
// serves no further request. It is called once the upstream's answer is complete or
// has failed, and before the server writes the end of the answer: a body that ends
// later cannot be handled by the server.
//
// It does not read while the upstream may still read the body.
func (b *inbound) conclude(g *guard, w http.ResponseWriter) {
	if b.end() == io.EOF {
		return
	}
	_ = http.NewResponseController(w).Flush()
	timer := time.NewTimer(lastBytes)
	defer timer.Stop()
	select {
	case <-b.done:
		b.left.Store(true)
		if b.mu.TryLock() {
			b.drop(g)
			b.mu.Unlock()
		}
	case <-timer.C:
		b.left.Store(true)
	}
	if b.end() != io.EOF {
		g.over.Store(true)
		_ = g.SetReadDeadline(time.Unix(1, 0)) // a read under way ends
	}
}

// drop reads what the upstream did not want.
func (b *inbound) drop(g *guard) {
	_ = g.SetReadDeadline(time.Now().Add(lastBytes))
	_, _ = io.Copy(io.Discard, reader(b.read))
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }
