package world

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"time"
)

// errLost is a connection that broke; errUnreached one that never was.
var (
	errLost      = errors.New("connection reset by peer")
	errUnreached = errors.New("connect: connection refused")
)

// Unreachable reports whether err says that there never was a connection.
func Unreachable(err error) bool { return errors.Is(err, errUnreached) }

type clientKey struct{}

// As returns a context whose requests come from the n-th client.
func As(ctx context.Context, n int) context.Context { return context.WithValue(ctx, clientKey{}, n) }

// Wire returns the way to the service. It takes requests there in virtual time,
// and tells the trace in their context what a client of net/http would.
func (w *World) Wire() http.RoundTripper { return wireTo{w} }

type wireTo struct{ w *World }

func (t wireTo) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
	ctx, w := req.Context(), t.w
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(req.URL.Host)
	}
	if ctx.Err() != nil {
		return nil, w.over(ctx)
	}
	w.count(1)
	defer w.count(-1)
	ask := AskOf(req)
	if ask.Host == authHost {
		if trace != nil && trace.WroteHeaders != nil {
			trace.WroteHeaders()
		}
		return w.auth(req), nil
	}
	var reply Reply
	var err error
	if isWrite(req.Method) {
		reply, err = w.write(ctx, &ask, trace)
	} else {
		reply, err = w.read(ctx, &ask, trace)
	}
	if err != nil {
		return nil, err
	}
	w.zip(&reply)
	return reply.response(w, req), nil
}

// write takes a write to the service, and its answer back.
func (w *World) write(ctx context.Context, ask *Ask, trace *httptrace.ClientTrace) (Reply, error) {
	n, fate := w.beginWrite(ask)
	if fate.Answer == Unreached {
		if !sleep(ctx, fate.Took) {
			return Reply{}, w.over(ctx)
		}
		return Reply{}, errUnreached
	}
	connected(trace)
	if !sleep(ctx, fate.Took/2) {
		w.serveWrite(n, fate, ask) // it is on its way all the same
		return Reply{}, w.over(ctx)
	}
	reply := w.serveWrite(n, fate, ask)
	if err := w.back(ctx, &reply, fate.Took-fate.Took/2); err != nil {
		return Reply{}, err
	}
	w.arrive(n, true, &reply)
	w.endWrite(n, reply)
	if reply.Status == Lost {
		return Reply{}, errLost
	}
	reply.Status = w.Writes.Said(reply.Status)
	w.wrap(&reply, 0, true)
	return reply, nil
}

// read takes a read to the service, and its answer back.
func (w *World) read(ctx context.Context, ask *Ask, trace *httptrace.ClientTrace) (Reply, error) {
	n, took, fault := w.beginRead(ask)
	defer w.leaveRead(n)
	connected(trace)
	if !sleep(ctx, took/2) {
		return Reply{}, w.over(ctx)
	}
	reply := w.serveRead(n, ask, fault)
	if err := w.back(ctx, &reply, took-took/2); err != nil {
		return Reply{}, err
	}
	w.arrive(n, false, &reply)
	w.endRead(n, reply)
	if reply.Status == Lost {
		return Reply{}, errLost
	}
	reply.Status = w.Reads.Said(reply.Status)
	w.wrap(&reply, w.kindOf(n), false)
	return reply, nil
}

// connected tells a trace what net/http does as a request goes out.
func connected(trace *httptrace.ClientTrace) {
	if trace == nil {
		return
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
}

// back waits until an answer is back, which may be never.
func (w *World) back(ctx context.Context, reply *Reply, took time.Duration) error {
	if reply.Status == Hung {
		<-ctx.Done()
		return w.over(ctx)
	}
	if !sleep(ctx, took) {
		return w.over(ctx)
	}
	return nil
}

// arrive draws how the body of an answer arrives.
func (w *World) arrive(n int, write bool, reply *Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reply.look = n
	if write {
		reply.look = -1
		if w.Bodies.Chance > 0 {
			reply.how, reply.wait = w.Bodies.throw(NewDice(w.Seed, writeStream+uint64(n)))
		}
		return
	}
	look := &w.Looks[n]
	if w.Bodies.Chance == 0 || look.Began.Sub(w.Start) >= w.Calm {
		return
	}
	asked := 0 // before, by the same client
	for i := range w.Looks[:n] {
		if w.Looks[i].Client == look.Client {
			asked++
		}
	}
	reply.how, reply.wait = w.Bodies.throw(NewDice(w.Seed+uint64(look.Client), readStream+uint64(asked)))
	look.How = reply.how
	if reply.how == Cut || reply.how == Endless {
		look.Broken = true
	}
}

// Streams of dice for how bodies arrive.
const (
	writeStream = 1 << 20
	readStream  = 1 << 21
)

func (w *World) kindOf(n int) Kind {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Looks[n].Kind
}

// AskOf returns what the service sees of req.
func AskOf(req *http.Request) Ask {
	client, _ := req.Context().Value(clientKey{}).(int)
	return Ask{
		Client: client, Method: req.Method, Host: req.URL.Host, Path: req.URL.Path, Query: req.URL.RawQuery,
		Auth: req.Header.Get("Authorization"), Token: req.Header.Get("If-Event-Reached"),
		Key: keyOf(req.Header), NoCache: req.Header.Get("Cache-Control") == "no-cache",
	}
}

// keyOf returns the key of a write, however its header is spelled.
func keyOf(header http.Header) string {
	for _, name := range [...]string{"Idempotency-Key", "idempotency-key"} {
		if values := header[name]; len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func (w *World) count(by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Busy += by
}

// over returns what a client says of a context that has ended.
func (w *World) over(ctx context.Context) error {
	if w.OldErrors {
		return ctx.Err()
	}
	return context.Cause(ctx)
}

// sleep returns false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
