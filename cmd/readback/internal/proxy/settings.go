package proxy

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/net/http/httpguts"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// settings are the flags of the command.
type settings struct {
	upstream   string
	listen     string
	metrics    string
	allowHosts []string
	who        []string
	forwarded  string
	tlsCert    string
	tlsKey     string
	grace      time.Duration
	env        string
	quiet      bool
	verbose    bool

	within         time.Duration
	windows        []string
	remember       time.Duration
	holdDeleted    bool
	token          string
	pollsPerSecond float64
	interval       time.Duration
	maxInterval    time.Duration
	learnState     string

	covers      []string
	coversLists []string

	share        string
	shareSecret  string
	shareSubject string

	client request.Spec // what of curl's flags says how to reach the upstream
}

func (s *settings) addFlags(fs *pflag.FlagSet) {
	fs.SortFlags = false
	fs.StringVar(&s.upstream, "upstream", "", "`URL` of the origin to stand before, such as https://api.example")
	fs.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`ADDRESS` to listen on, or unix:PATH; with a command, a free port unless given")
	fs.StringVar(&s.tlsCert, "tls-cert", "", "`FILE` of the certificate that clients see, in PEM, with those that it needs")
	fs.StringVar(&s.tlsKey, "tls-key", "", "`FILE` of the key of that certificate, in PEM")
	fs.StringVar(&s.metrics, "metrics", "", "`ADDRESS` that answers GET /metrics for Prometheus; none without it")
	fs.StringArrayVar(&s.allowHosts, "allow-host", nil, "`NAME` that requests may address the proxy by, besides localhost and addresses; can be repeated")
	fs.StringArrayVar(&s.who, "who", nil, "`HEADER`, cookie:NAME or query:NAME that tells one user from another, in place of Authorization, cookies and the usual keys; can be repeated")
	fs.StringVar(&s.forwarded, "forwarded", "", "`WHICH` headers tell the upstream of the client: x-forwarded, forwarded (RFC 7239), or none; without it, those that the client sent")
	cli.Section(fs, "The proxy")
	fs.DurationVar(&s.within, "within", 30*time.Second, "how long after a write its reads are held at most")
	fs.StringArrayVar(&s.windows, "window", nil, "how long an answer counts as lag, as `REASON=TIME`, such as 403=10s, from the first one; 404, stale, still-there and behind-token count from the write; can be repeated")
	fs.DurationVar(&s.remember, "remember", 2*time.Minute, "how long writes are remembered")
	fs.BoolVar(&s.holdDeleted, "hold-deleted", false, "hold reads of what was deleted until it is gone, too")
	fs.StringVar(&s.token, "token", "", "consistency token of the service: mittwald, vault, cosmos or `ANSWERED:ASKED[:BEHIND]`, two headers and a status")
	fs.Float64Var(&s.pollsPerSecond, "polls-per-second", 0, "limit for the polls of all who wait; 0 is none")
	fs.DurationVar(&s.interval, "interval", 0, "first wait between polls, in place of what is learned")
	fs.DurationVar(&s.maxInterval, "max-interval", 0, "longest wait between polls, in place of what is learned")
	fs.StringVar(&s.learnState, "learn-state", "", "`FILE` that keeps what was learned of the lag, for the next time")
	fs.StringArrayVar(&s.covers, "covers", nil, "`TEMPLATE=TEMPLATE`: the path of a write, and what it covers, if its answer does not tell, such as /v1/keys=/v1/keys/{id}; can be repeated")
	fs.StringArrayVar(&s.coversLists, "covers-list", nil, "`TEMPLATE=TEMPLATE`: the path of a write, and a list without pages that gets an entry by it and is held until it has it; can be repeated")
	cli.Section(fs, "Reads that are held")
	fs.StringVar(&s.share, "share", "", "`URL` of a NATS server by which proxies tell each other what was written, such as nats://bus.example")
	fs.StringVar(&s.shareSecret, "share-secret-file", "", "`FILE` with the secret of all who share, 16 bytes or more")
	fs.StringVar(&s.shareSubject, "share-subject", "", "`SUBJECT` of those who share; without it, readback.share")
	cli.Section(fs, "Several proxies before one service")
	fs.DurationVar(&s.grace, "grace", 30*time.Second, "how long requests in flight may take once the proxy is to stop")
	fs.StringVar(&s.env, "env", "", "`NAME` of a variable for the command that also gets the URL, besides "+urlVariable)
	cli.Section(fs, "The command, and the end")
	fs.BoolVarP(&s.client.Insecure, "insecure", "k", false, "do not verify the upstream's certificate")
	fs.StringVar(&s.client.CACert, "cacert", "", "`FILE` of certificates to trust, in PEM")
	fs.StringVarP(&s.client.Cert, "cert", "E", "", "`FILE` of the proxy's own certificate, in PEM")
	fs.StringVar(&s.client.Key, "key", "", "`FILE` of the key of that certificate, in PEM")
	fs.StringVarP(&s.client.Proxy, "proxy", "x", "", "`URL` of a proxy on the way to the upstream; without it, as the environment says")
	fs.StringArrayVar(&s.client.Resolve, "resolve", nil, "`HOST:PORT:ADDRESS` in place of what the upstream's name resolves to; can be repeated")
	cli.Section(fs, "The way to the upstream")
	fs.BoolVarP(&s.quiet, "quiet", "q", false, "no log lines")
	fs.BoolVarP(&s.verbose, "verbose", "v", false, "a log line for each read that was held")
	cli.Section(fs, "Output")
}

// options returns what the flags say, and the learned schedule if there is one.
// Errors are in the use of the command.
func (s *settings) options() (o Options, err error) {
	defer func() { err = exit.With(exit.Usage, err) }()
	if err := s.check(); err != nil {
		return o, err
	}
	if o.Upstream, err = parseUpstream(s.upstream); err != nil {
		return o, err
	}
	transport, err := s.client.Transport()
	if err != nil {
		return o, err
	}
	o.Base = tune(transport)
	if o.TLS, err = s.certificate(); err != nil {
		return o, err
	}
	if o.Forwarding = Forwarding(strings.ToLower(s.forwarded)); o.Forwarding.check() != nil {
		return o, fmt.Errorf("--forwarded: %w", o.Forwarding.check())
	}
	o.Who, o.AllowHosts = s.who, s.allowHosts
	if o.Hold, err = s.hold(); err != nil {
		return o, err
	}
	if s.interval == 0 && s.maxInterval == 0 {
		o.Learned = readback.NewLearned(readback.LearnedOptions{})
		return o, nil
	}
	if s.learnState != "" {
		return o, fmt.Errorf("--learn-state has no use with --interval or --max-interval: nothing is learned then")
	}
	o.Hold.Policy.Schedule = readback.Backoff{Initial: s.interval, Max: s.maxInterval}
	return o, nil
}

// hold returns how reads are held, but for the schedule.
func (s *settings) hold() (o readbackhttp.TransportOptions, err error) {
	o = readbackhttp.TransportOptions{
		HoldDeleted: s.holdDeleted, PollsPerSecond: s.pollsPerSecond, Remember: s.remember,
		Policy: consistency.Policy{Within: s.within},
	}
	if o.Policy.Windows, err = flow.ParseWindows(s.windows); err != nil {
		return o, err
	}
	if o.Routes, err = parseRoutes(s.covers, s.coversLists); err != nil {
		return o, err
	}
	if o.Token, err = flow.ParseToken(s.token); err != nil {
		return o, err
	}
	return o, nil
}

// check refuses values that are none, as far as they are judged one by one.
func (s *settings) check() error {
	switch {
	case s.upstream == "":
		return fmt.Errorf("--upstream is missing")
	case s.within <= 0:
		return fmt.Errorf("--within: want more than 0, not %v", s.within)
	case s.remember <= 0:
		return fmt.Errorf("--remember: want more than 0, not %v", s.remember)
	case s.grace < 0:
		return fmt.Errorf("--grace: %v is negative", s.grace)
	case !(s.pollsPerSecond >= 0 && s.pollsPerSecond < math.Inf(1)):
		return fmt.Errorf("--polls-per-second: %v is not a rate", s.pollsPerSecond)
	case s.interval < 0 || s.maxInterval < 0:
		return fmt.Errorf("--interval and --max-interval cannot be negative")
	case strings.ContainsAny(s.env, "=\x00"):
		return fmt.Errorf("--env: %q is no name of a variable", s.env)
	}
	for _, name := range s.who {
		if parameter, ok := strings.CutPrefix(name, "query:"); ok && parameter != "" {
			continue
		}
		if !httpguts.ValidHeaderFieldName(strings.TrimPrefix(name, "cookie:")) {
			return fmt.Errorf("--who: one of them names no header, no cookie and no parameter of a query")
		}
	}
	return nil
}

// parseUpstream reads an origin. Its errors do not show the text, since there
// may be a password in it.
func parseUpstream(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--upstream is not a URL of http or https, such as https://api.example")
	}
	return u, validate(u)
}

// loopback reports whether only this machine gets to a listener.
func loopback(l net.Listener) bool {
	at, err := netip.ParseAddrPort(l.Addr().String())
	return err == nil && at.Addr().IsLoopback()
}
