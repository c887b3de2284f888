package readbackhttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/consistency"
)

// Exchange is an HTTP write and how to read it back. [Exchange.Flow] makes it a
// flow; only Write is required.
//
//	ex := readbackhttp.Exchange{Client: client, Write: post, Read: readbackhttp.Location()}
//	res, err := consistency.Do(ctx, policy, ex.Flow())
type Exchange struct {
	// Client sends the write and the reads. Nil means http.DefaultClient.
	// Redirects are not followed: a redirect of a write says where to read back,
	// and a redirect of a read says nothing. But 307 and 308, which say that the
	// write was not carried out, are followed on the same origin if the body can
	// be sent again.
	Client *http.Client

	// Write is sent once, with the context of the flow. A body without a
	// GetBody can be sent only once, whatever the policy consents to. An idempotency
	// key goes out under its name in lower case, which net/http does not take for
	// consent to send the write again by itself.
	//
	// It may be nil in an exchange that only resumes: then Goal and Name must be set.
	// The handle keeps the URL of the write, without its query. After a lost answer to
	// any write but a DELETE it has it only from the first read on: to resume from the
	// handle that Flow.Started got, set Write.
	Write *http.Request

	// Read says where the write is read back. Zero means the Location of the
	// answer to a POST, and the URL of the write otherwise. A Location that surely was
	// there before names nothing: the home page; in a redirect also the list that was
	// posted to, what is above it, and a page to log in.
	Read Target

	// LocationOfAccepted says that the Location of a 202 is what was written. It
	// is taken for that of an operation otherwise, which is followed if there is
	// a Monitor, and never read back.
	LocationOfAccepted bool

	// Goal is what the reads are to show. Zero means that something is there
	// after a POST, that Match accepts it after a PUT or PATCH, and that it is
	// gone after a DELETE.
	Goal consistency.Goal

	// Match accepts the document that shows the write. [HasJSON] makes common
	// ones. An update needs one, or a Token; a creation may have one.
	Match func(Ref, *Document) bool

	// Mine accepts a document that is provably this write's: by an id of the
	// client's in it, say. After a write with If-Match or If-None-Match,
	// [HasJSON] of all that it sets does, but no version. It is asked of what is
	// read after a lost answer, and after a 409 or 412, which may be the echo of
	// a copy of this very write. What is read must be known before the write.
	Mine func(Ref, *Document) bool

	// Gone accepts a document that is what a deleted thing looks like, such as
	// an empty list or a tombstone.
	Gone func(*Document) bool

	// Fault returns an error if a document shows that the write failed later; see
	// [consistency.Flow]. [FaultJSON] makes common ones.
	Fault func(Ref, *Document) error

	// Token is the kind of consistency token that the service knows. Reads of
	// the write's origin then ask for the position of the write, and a good
	// answer confirms an update without a Match. If the answer to the write
	// carries no token, such an update is unconfirmed, with [ErrNoToken]; all
	// else is read back without one. Nil means that there is none.
	Token Token

	// Monitor follows the operation that a good answer speaks of. Nil means that
	// there is nothing to follow: the target is read at once.
	Monitor *Monitor

	// Header is sent with reads. Nil means that of the write, less what
	// belongs to the write alone: conditions, preferences, idempotency keys, what
	// describes its body and Accept-Encoding. Reads always go out unconditionally and with
	// Cache-Control: no-cache. Set an Accept of JSON, and no more: then a page of HTML,
	// as services show for a login or for any URL that they do not know, says nothing.
	// Without it such a page with a 200 confirms a creation that has no Match.
	Header http.Header

	// AllowOrigin reports whether reads may go to an origin that is not the
	// write's, if the answer to the write or Read points there. Nil means no.
	// Such reads carry no credentials: of the headers only Accept,
	// Accept-Language and User-Agent, and no cookies of the client's. What the
	// client's transport adds by itself, as oauth2's does, is out of reach: let
	// such a transport look at the host.
	AllowOrigin func(*url.URL) bool

	// MaxBody is how many bytes of a good answer's body are read; a longer
	// one is an error. Zero means 1 MiB.
	MaxBody int64

	// Name says what the write is. Empty means its method and URL, without the
	// query, and with {id} in place of each segment of the path that looks like an
	// id and, unless the method is POST, of the last one. So the names are few, as
	// labels of metrics and names of spans should be. Set it where ids look like
	// words. The path itself is the Instance of the flow.
	Name string
}

// Flow returns the flow of ex, ready for consistency.Do. Its Find is set where
// the target is known before the write: if the answer is lost, there is still
// something to read. For a POST, set Find and Mine.
//
// If Write is missing, net/http would not send it or Header, or the target cannot be or
// may not be read, the flow fails before anything is sent, with an error that matches
// consistency.ErrInvalid.
func (ex Exchange) Flow() consistency.Flow[Ref, *Document] {
	s, err := newSession(ex)
	if err != nil {
		refuse := func(context.Context) (Ref, error) {
			return Ref{}, consistency.As(consistency.NotExecuted, fmt.Errorf("%w: %w", consistency.ErrInvalid, err))
		}
		read := func(context.Context, Ref) (*Document, error) {
			return nil, consistency.As(consistency.Refused, fmt.Errorf("%w: %w", consistency.ErrInvalid, err))
		}
		return consistency.Create(ex.Name, refuse, read)
	}
	var flow consistency.Flow[Ref, *Document]
	switch s.Goal {
	case consistency.ToAbsent:
		flow = consistency.Delete(s.Name, s.own(), nil, s.read)
		flow.Write = s.write // its answer may name a monitor
		if s.Gone != nil {
			flow.Gone = s.Gone
		}
	case consistency.ToMatch:
		flow = consistency.Update(s.Name, s.write, s.read, ex.Match)
	default:
		flow = consistency.Create(s.Name, s.write, s.read)
		flow.Match = ex.Match
	}
	if s.Goal != consistency.ToAbsent {
		flow.Lacks = s.lacks
		if s.Read.known() && s.Write != nil {
			flow.Find = consistency.Known(s.own())
			flow.MineValue = s.Mine
		}
	}
	flow.Instance, flow.Fault = s.instance, s.Fault
	if s.Monitor != nil {
		flow.Monitor, flow.Follows = s.follow, follows
	}
	if s.Token != nil {
		flow.Behind = s.Token.Behind
	}
	if s.Write == nil {
		flow.Write = nil
	}
	return flow
}

// session is an exchange with its defaults filled in.
type session struct {
	Exchange
	sent     bool   // the write's body is used up
	instance string // which of the writes of that name it is
}

const defaultMaxBody = 1 << 20

// newSession checks an exchange, which only resumes if it has no Write.
func newSession(ex Exchange) (*session, error) {
	s := &session{Exchange: ex}
	s.Client = withoutRedirects(ex.Client)
	creates := ex.Goal == consistency.ToPresent // what has a URL that nobody knows before
	switch {
	case ex.Write != nil:
		if err := ex.checkWrite(); err != nil {
			return nil, err
		}
		creates = ex.Write.Method == http.MethodPost
		if s.Goal == 0 {
			s.Goal = goalOf(ex.Write.Method)
		}
	case ex.Goal == 0 || ex.Name == "":
		return nil, errors.New("readbackhttp: the exchange has no Write; to resume without one, set Goal and Name, those of the handle")
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	switch {
	case s.Read.isZero() && creates:
		s.Read = Location()
	case s.Read.isZero():
		s.Read = itself()
	}
	if s.Write == nil {
		return s, s.Read.check()
	}
	if err := s.checkRead(); err != nil {
		return nil, err
	}
	if s.instance = instanceOf(ex.Write.URL); s.Name == "" {
		s.Name = boundedName(method(ex.Write), ex.Write.URL)
	}
	return s, nil
}

// checkWrite reports a write that cannot be sent.
func (ex *Exchange) checkWrite() error {
	switch {
	case ex.Write.URL == nil || ex.Write.URL.Host == "":
		return errors.New("readbackhttp: the write has no URL with a host")
	case ex.Write.URL.Scheme != "http" && ex.Write.URL.Scheme != "https":
		return errors.New("readbackhttp: the write's URL is not an HTTP URL")
	case ex.Write.RequestURI != "":
		return errors.New("readbackhttp: the write has a RequestURI: it is what a server got, not what a client sends")
	case !isToken(method(ex.Write)):
		return fmt.Errorf("readbackhttp: %q is not a method", ex.Write.Method)
	case usualMethod(ex.Write.Method) != ex.Write.Method: // what it is to show would be guessed wrong
		return fmt.Errorf("readbackhttp: the method is %q, not %q: methods have case", usualMethod(ex.Write.Method), ex.Write.Method)
	}
	return cmp.Or(checkHeader(ex.Write.Header), checkHeader(ex.Write.Trailer))
}

// checkRead reports a place to read that cannot be, may not be read, or becomes known too
// late for what the exchange asks.
func (s *session) checkRead() error {
	if err := s.Read.check(); err != nil {
		return err
	}
	if sample, ok := s.Read.sample(); ok {
		target, err := s.Read.resolve(s.Write.URL, sample)
		if err == nil {
			// AllowOrigin is asked only about origins that are really read.
			foreign := !sameOrigin(target, s.Write.URL) && (s.Read.known() || s.AllowOrigin == nil)
			err = s.allowed(target, foreign)
		}
		if err != nil {
			return err
		}
	}
	if s.Goal == consistency.ToAbsent && !s.Read.known() {
		return errors.New("readbackhttp: what is to be gone must be known before: Read needs a URL")
	}
	if s.Mine != nil && !s.Read.known() {
		return errors.New("readbackhttp: Mine needs a Read that is known before the write: set Find and Mine of the flow")
	}
	return nil
}

// check reports fields that cannot be, and fills in MaxBody.
func (s *session) check() error {
	switch {
	case s.MaxBody < 0:
		return fmt.Errorf("readbackhttp: MaxBody is negative: %d", s.MaxBody)
	case s.Goal > consistency.ToAbsent:
		return errors.New("readbackhttp: there is no such goal")
	case s.Goal == consistency.ToAbsent && s.Match != nil:
		return errors.New("readbackhttp: Match has no use for the goal absent: set Gone")
	case s.Goal != consistency.ToAbsent && s.Gone != nil:
		return fmt.Errorf("readbackhttp: Gone has no use for the goal %s", s.Goal)
	case s.Goal == consistency.ToAbsent && s.Mine != nil:
		return errors.New("readbackhttp: Mine has no use for the goal absent")
	}
	s.MaxBody = min(cmp.Or(s.MaxBody, defaultMaxBody), math.MaxInt64-1) // one byte more tells whether it is too long
	if s.Monitor != nil {
		if err := s.Monitor.check(); err != nil {
			return err
		}
	}
	return cmp.Or(checkHeader(s.Header), checkToken(s.Token))
}

func goalOf(method string) consistency.Goal {
	switch method {
	case http.MethodPut, http.MethodPatch:
		return consistency.ToMatch
	case http.MethodDelete:
		return consistency.ToAbsent
	}
	return consistency.ToPresent
}

// usualMethod returns the method that name is but for its case, of those whose
// reads differ, and otherwise name.
func usualMethod(name string) string {
	switch upper := strings.ToUpper(name); upper {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return upper
	}
	return name
}

func method(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return req.Method
}
