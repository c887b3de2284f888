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

// inbound is the body of a client's request, as it is sent on. It knows how the
// body ended, and can be had again until something of it was read. Closing it
// leaves the client's body alone: that belongs to the server, who closes it.
type inbound struct {
	request *http.Request // the server's own: it gets the trailers
	trailer http.Header   // of the request to the upstream

	begun atomic.Bool
	left  atomic.Bool   // nobody may read any more
	done  chan struct{} // closed once it ended or nobody wants more
	once  sync.Once

	mu    sync.Mutex            // held while something is read, which takes as long as the client likes
	ended atomic.Pointer[error] // io.EOF, or why there is no more
}

func newInbound(r *http.Request) *inbound {
	return &inbound{request: r, done: make(chan struct{})}
}

var (
	errBegun = errors.New("the body was begun and cannot be sent again")
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

// Close says that nobody wants more.
func (b *inbound) Close() error {
	b.finish()
	return nil
}

// lastBytes is how long the end of an answer waits for that of its request, and
// how long what the upstream did not want is read. Most is on the way already. A
// client may also wait for this answer to end before it ends its request.
const lastBytes = 100 * time.Millisecond

// conclude makes sure that the next request on the connection begins where this
// one ended. It is called once the upstream's answer is there whole, or never
// will be, before the server writes its end: the server cannot take a body that
// ends later.
//
// Bytes that the upstream may still want are not taken from it.
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
