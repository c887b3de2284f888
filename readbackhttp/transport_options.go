package readbackhttp

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// TransportOptions tune a [Transport]. The zero value is ready for use. Its
// functions must be safe for concurrent use.
type TransportOptions struct {
	// Policy says how reads are held: what their answers mean (Rules.Read), when
	// polls begin (Schedule), how long after the write's answer an answer is taken
	// for lag (Within, Windows), how long a poll may take (ReadTimeout), and what
	// writes prove (Rules.Write). A rule that asks for bodies has those of covered
	// reads, or of writes, waited for, up to 64 KiB. OnForbidden is called in a run
	// of 403s as in a flow, by whoever polls for all who wait for the same read, for
	// credentials that are added beneath the Transport. Observer and Logger get
	// what each write covers, the polls, and the end of each read that is held. The
	// rest is not used, nor is Answer, except:
	//
	// Resend.OnMissingParent sends a write again that was answered with 404 or
	// 403, which says that it was not carried out, on or below something just
	// written: turn it on where the parent's lag refuses its children. The body
	// must have a GetBody. A DELETE is not sent again for a 404, and nothing is
	// that the base has sent more than once: a try before may be carried out yet.
	//
	// The schedule's times count from the first answer of a read that is held.
	// A schedule that learns is not taught: reads that come after the lag do
	// not show up here, so it would learn of the long ones only.
	Policy consistency.Policy

	// Scope returns who sends a request. A write never delays the reads of
	// others: their 404 or 403 may be an honest one. Nil means by the headers
	// Authorization, of which only the key or the user counts in schemes that sign
	// each request, such as AWS4-HMAC-SHA256, SharedKey and Digest, and Cookie, without
	// the cookies of known load balancers; by headers that are known to have keys, such
	// as X-Api-Key and Private-Token; and by api_key, apikey, api-key and access_token in
	// the query. Set it where credentials are elsewhere, and where these differ
	// from request to request: then nothing is ever held. Where credentials are
	// added beneath the Transport, all requests look alike: use a Transport for
	// each of them, or find out from the request's context.
	Scope func(*http.Request) string

	// Covers returns the URLs that a write covers, and of a DELETE those that are
	// forgotten. Usual are those that the Transport itself would take. If Covers
	// returns one of them, it is covered as it would be without Covers; any other URL is
	// covered with what lies below it, but after an ambiguous write without that. Resp is
	// the answer, or nil if it was lost; Covers must not read its body. Covers is asked
	// once for each request that was not refused, unless its method is known to be a
	// read: for a POST when its answer was read. Nil means usual.
	//
	// Set it to cover the list that a POST adds to, too, or the reads of a
	// service that has its own idea of URLs. Those of another origin than the
	// write's are covered without its Token.
	Covers func(req *http.Request, resp *http.Response, usual []*url.URL) []*url.URL

	// Routes say what writes cover, where the answers do not: see [Route]. The
	// first that fits a write counts.
	Routes []Route

	// Below is how long after a creation what lies below it is held, as long as
	// no read of the same caller has shown anything at or below it. Zero means
	// 3 s, and a negative one that nothing below is held.
	Below time.Duration

	// OnlyCreated leaves updates alone: a PUT or PATCH covers its URL only if it
	// was answered with 201. Turn it on where reads of what is updated never fail.
	OnlyCreated bool

	// Wrote is told what each write covers, or why it covers nothing: when its
	// answer was read, or there is nothing to read. It must not block. Nil means
	// that nobody asks; the policy's Observer and Logger are told too.
	Wrote func(Coverage)

	// HoldDeleted holds a read that finds what was just deleted until it is
	// gone. Turn it on where something reads what it deleted and takes it for
	// alive. It costs a look at each good answer after a write. A deletion with a
	// query, which may be of a part or by a filter, holds reads with that query alone.
	HoldDeleted bool

	// Token is the kind of consistency token that the service knows: reads of
	// what a write covers ask for its position, and are held while the server
	// is behind it. Turn it on where there is one: it saves the polls. Nil
	// means none.
	Token Token

	// PollsPerSecond limits the polls sent to one origin, those of all who
	// wait. A poll that finds no place in its time is left out. Zero means no
	// limit.
	PollsPerSecond float64

	// Share lets this Transport hold reads of what was written through others. The
	// zero value shares nothing. Its notes carry no Token: what another wrote is
	// polled for.
	Share Share

	// MaxWrites is how many URLs that were written are remembered; the oldest
	// is forgotten first. One takes less than 400 bytes, tokens included. Zero
	// means 10,000.
	MaxWrites int

	// Remember is how long a write is remembered at most, and with that how
	// long after it a read is held. Zero means 2 min.
	Remember time.Duration
}

const (
	defaultMaxWrites = 10_000
	defaultRemember  = 2 * time.Minute
	defaultBelow     = 3 * time.Second
)

func (o *TransportOptions) fillIn() {
	if o.Policy.Schedule == nil {
		o.Policy.Schedule = readback.Backoff{}
	}
	if o.Scope == nil {
		o.Scope = credentials
	}
	if o.MaxWrites == 0 {
		o.MaxWrites = defaultMaxWrites
	}
	if o.Remember == 0 {
		o.Remember = defaultRemember
	}
	if o.Below == 0 {
		o.Below = defaultBelow
	}
	o.Below = max(o.Below, 0)
}

// Validate returns an error that matches consistency.ErrInvalid if an option is
// none, such as a Route that cannot be read.
func (o TransportOptions) Validate() error {
	switch {
	case o.MaxWrites < 0:
		return fmt.Errorf("%w: TransportOptions.MaxWrites is negative: %d", consistency.ErrInvalid, o.MaxWrites)
	case o.Remember < 0:
		return fmt.Errorf("%w: TransportOptions.Remember is negative: %v", consistency.ErrInvalid, o.Remember)
	case !(o.PollsPerSecond >= 0 && o.PollsPerSecond < math.Inf(1)):
		return fmt.Errorf("%w: TransportOptions.PollsPerSecond is not a rate: %v", consistency.ErrInvalid, o.PollsPerSecond)
	}
	switch {
	case o.Share.Carrier == nil && len(o.Share.Secret) > 0:
		return fmt.Errorf("%w: TransportOptions.Share has a Secret and no Carrier", consistency.ErrInvalid)
	case o.Share.Carrier != nil && len(o.Share.Secret) < leastSecret:
		return fmt.Errorf("%w: TransportOptions.Share.Secret has %d bytes: want %d or more", consistency.ErrInvalid, len(o.Share.Secret), leastSecret)
	}
	for _, r := range o.Routes {
		if _, err := readRoute(r); err != nil {
			return fmt.Errorf("%w: TransportOptions.Routes: %w", consistency.ErrInvalid, err)
		}
	}
	if err := checkToken(o.Token); err != nil {
		return fmt.Errorf("%w: %w", consistency.ErrInvalid, err)
	}
	return o.Policy.Validate()
}
