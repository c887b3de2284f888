package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/holding"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/readbackhttp"
)

// Options tune a [Proxy]. Only Upstream is required.
type Options struct {
	// Upstream is the origin that requests go to: http or https, a host, and
	// nothing else.
	Upstream *url.URL

	// Base sends the requests. Nil means a transport made for this, with the
	// system's certificates.
	Base http.RoundTripper

	// Hold says how reads are held. Its Covers, Scope and Wrote are not used.
	Hold readbackhttp.TransportOptions

	// Learned becomes the schedule of Hold, and is taught. Nil means that the
	// schedule is that of Hold.
	Learned *readback.Learned

	// Who are the headers that tell one client's user from another's, cookies as
	// cookie:NAME, or parameters of the query as query:NAME. Nil means what
	// readbackhttp.TransportOptions.Scope does without it.
	Who []string

	// AllowHosts are names that requests may address the proxy by, besides
	// localhost, IP addresses and the upstream's own name.
	AllowHosts []string

	// AnyHost allows all names. A page in a browser can then make its own name
	// one of the proxy's, and read what the proxy answers.
	AnyHost bool

	// Forwarding says what the upstream learns of the client.
	Forwarding Forwarding

	// TLS is what [Serve] shows to clients. Nil means that it is spoken to in the
	// clear.
	TLS *tls.Config

	// Meter counts. Nil means that nobody looks.
	Meter *Meter

	// Warn gets a line for each request that the upstream did not answer, or not
	// to the end, for each that is malformed, and for what net/http has to say.
	// Tell gets one for each read that was held, and one for each route whose
	// writes cover nothing. None holds secrets. Nil means silence.
	Warn, Tell func(line string)
}

// Proxy is a reverse proxy in front of one origin. Make it with [New]. It is
// safe for concurrent use.
type Proxy struct {
	options  Options
	upstream string // the origin
	reverse  httputil.ReverseProxy
	base     http.RoundTripper
	lessons  *lessons // nil if nothing is taught
	uncover  uncovered

	draining atomic.Bool
	upgrades context.Context // ends with those of the proxy's life
	hangUp   context.CancelFunc
}

// New returns a proxy. The error, if any, matches [consistency.ErrInvalid].
func New(options Options) (*Proxy, error) {
	if err := validate(options.Upstream); err != nil {
		return nil, err
	}
	if options.Base == nil {
		options.Base = tune(http.DefaultTransport.(*http.Transport).Clone())
	}
	if options.Meter == nil {
		options.Meter = NewMeter()
	}
	p := &Proxy{options: options, upstream: origin(options.Upstream), base: options.Base}
	p.upgrades, p.hangUp = context.WithCancel(context.Background())
	if options.Learned != nil {
		// One file may serve several upstreams. What is learned here is not the
		// lag since the write, and must not be taken for it.
		learned := options.Learned.For("proxy " + p.upstream)
		p.lessons = newLessons(learned)
		options.Hold.Policy.Schedule = learned
	}
	if err := options.Hold.Validate(); err != nil {
		return nil, err
	}
	if err := options.Forwarding.check(); err != nil {
		return nil, fmt.Errorf("%w: forwarding: %w", consistency.ErrInvalid, err)
	}
	var base http.RoundTripper = unbegun{options.Base}
	if options.Forwarding != ForwardNothing {
		base = inner{base, p.upstream}
	}
	options.Hold.Scope = scopeOf(options.Who)
	options.Hold.Covers = nil
	options.Hold.Wrote = p.wrote
	p.reverse = httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      readbackhttp.NewTransport(base, options.Hold),
		ModifyResponse: p.answer,
		ErrorHandler:   p.fail,
		ErrorLog:       logTo(nil), // all that it says is told in our own words
		BufferPool:     new(buffers),
	}
	return p, nil
}

// validate checks that u is an origin. The error does not show more of it, since
// there may be a password.
func validate(u *url.URL) error {
	why := ""
	switch {
	case u == nil:
		why = "is missing"
	case u.Scheme != "http" && u.Scheme != "https":
		why = "is not a URL of http or https"
	case u.Hostname() == "":
		why = "has no host"
	case u.User != nil:
		why = "has credentials: clients send their own"
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		why = "is more than an origin: the path and the query come from the clients"
	default:
		return nil
	}
	return fmt.Errorf("%w: the upstream %s", consistency.ErrInvalid, why)
}

// exchange is what is kept of one request, as its context.
type exchange struct {
	context.Context
	in      *http.Request       // the client's
	has     notable             // of its headers
	body    *inbound            // of it, if there is one
	answer  outbound            // the upstream's
	out     http.Header         // of the answer to the client
	hints   hinting             // what the answer is written to
	kind    kind                // of it
	told    string              // the origin that the upstream was told of, if it was
	claimed string              // that which the client's own headers tell it of
	tries   *wire.Call          // of a write
	never   bool                // the write was provably not sent
	sent    atomic.Int32        // requests that went to the upstream for it
	hold    readbackhttp.Hold   // how it is held, if it is a read
	report  readbackhttp.Report // of a read that was held
}

type exchangeKey struct{}

// Value returns x itself to those who ask for it, and how it is held: a context for each
// would be two allocations more for each request.
func (x *exchange) Value(key any) any {
	switch key.(type) {
	case exchangeKey:
		return x
	case holding.Key:
		return &x.hold
	}
	return x.Context.Value(key)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// ServeHTTP sends r to the upstream and hands on its answer, or a later one if r
// is a read that is held.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	meter := p.options.Meter
	guard := guardOf(r)
	if guard != nil {
		if err := guard.begin(r); err != nil {
			meter.refused.Inc()
			p.refuseMalformed(w, r, guard, err)
			return
		}
	}
	if why := p.refuse(r, guard); why != "" {
		meter.refused.Inc()
		p.say(w, http.StatusForbidden, "refused", why)
		return
	}
	x := &exchange{Context: r.Context(), in: r, has: notableIn(r.Header), out: w.Header(), kind: kindOf(r.Method)}
	if x.has.any(asksHold) {
		var err error
		if x.hold, err = asked(r.Header[Header]); err != nil {
			meter.refused.Inc()
			p.say(w, http.StatusBadRequest, "refused", err.Error())
			return
		}
	}
	x.hold.Report = &x.report
	x.hints = hinting{w, x, p.upstream}
	meter.requests[x.kind].Inc()
	meter.inFlight.Add(1)
	defer p.end(x)

	ctx := context.Context(x)
	if x.kind == write {
		x.tries = wire.Trace(ctx)
		ctx = x.tries
	}
	if x.has.any(upgrades) {
		var hangUp context.CancelFunc
		ctx, hangUp = context.WithCancel(ctx)
		defer hangUp()
		defer context.AfterFunc(p.upgrades, hangUp)()
	}
	if r.ContentLength != 0 {
		x.body = newInbound(r)
		// An answer may begin before the request has ended. Without this, the
		// server then takes the rest of it for itself.
		if guard != nil && http.NewResponseController(w).EnableFullDuplex() == nil {
			defer x.body.conclude(guard, w)
		}
	}
	r = r.WithContext(ctx)
	if x.has.any(upgrades) && strings.EqualFold(r.Header.Get("Upgrade"), "h2c") {
		// An offer to this hop alone, which none needs to take. A request with
		// it would not be held, and the upstream might take it.
		r.Header = r.Header.Clone()
		r.Header.Del("Upgrade")
		r.Header.Del("Http2-Settings")
	}
	p.reverse.ServeHTTP(&x.hints, r)
}

// Drain makes the proxy ready to stop: connections are told to close after the
// next answer, and those that speak another protocol by now are closed.
func (p *Proxy) Drain() {
	p.draining.Store(true)
	p.hangUp()
}

// Close closes the idle connections to the upstream.
func (p *Proxy) Close() {
	p.Drain()
	if c, ok := p.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// buffers is an [httputil.BufferPool].
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
