package submitui

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// Action is what an operator can do to a job.
type Action string

// The actions, which are the methods of [submit.Submitter] of these names.
const (
	Cancel Action = "cancel"
	Retry  Action = "retry"
	Forget Action = "forget"
)

// Options say what is shown of jobs J, and who may do what. The zero value shows no
// payload and no text, and allows nothing. The functions are called by many goroutines.
type Options[J any] struct {
	// Authorize says whether whoever made a request may do this to this job. It is
	// asked before a button is shown, and again before something is done. Nil means
	// that nobody may do anything.
	Authorize func(r *http.Request, action Action, key string) bool

	// Payload returns what may be shown of a job's payload; empty is nothing. It
	// is not asked for payloads that are not there or cannot be read. Nil means that
	// payloads are hidden.
	Payload func(r *http.Request, key string, job J) string

	// Text returns what may be shown of a text that may quote anything: an error,
	// the beginning of a body in it, a panic or its stack. Empty is nothing. Nil
	// means that such texts are hidden.
	Text func(r *http.Request, key, text string) string

	// Late is the age from which on a pending job needs a look. Zero means 5
	// minutes.
	Late time.Duration
}

const (
	defaultLate = 5 * time.Minute
	pageJobs    = 50               // on a page
	noteJobs    = 10               // of each kind that needs a look
	formBytes   = 16 << 10         // a key is escaped to three times its length at most
	timeout     = 30 * time.Second // of all that a request does
)

// New returns the handler of the page of s. It serves GET, HEAD and, for actions,
// POST, at any path.
func New[J, W, R any](s *submit.Submitter[J, W, R], opts Options[J]) http.Handler {
	if opts.Late == 0 {
		opts.Late = defaultLate
	}
	h := &handler[J, W, R]{jobs: s, options: opts}
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.refuse(w, r, http.StatusForbidden, "", "This was asked by a page of another origin. Nothing was done.")
	}))
	return headers(guard.Handler(h))
}

// headers keeps the page out of caches and frames, and forbids it to load, run or
// send anything. The referrer stays within the origin: without any, browsers would
// send forms with a null origin.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

type handler[J, W, R any] struct {
	jobs    *submit.Submitter[J, W, R]
	options Options[J]
}

func (h *handler[J, W, R]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	r = r.WithContext(ctx)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.look(w, r)
	case http.MethodPost:
		h.act(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		h.refuse(w, r, http.StatusMethodNotAllowed, "", "The page knows no such method.")
	}
}

// look answers what the query asks for.
func (h *handler[J, W, R]) look(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || repeated(query) {
		h.refuse(w, r, http.StatusBadRequest, "", "The address is malformed.")
		return
	}
	switch {
	case query.Has("job"):
		h.one(w, r, query.Get("job"))
	case query.Has("show"):
		h.list(w, r, query)
	default:
		h.overview(w, r)
	}
}

// repeated reports whether something is said twice: then it is unclear what counts.
func repeated(values url.Values) bool {
	for _, v := range values {
		if len(v) > 1 {
			return true
		}
	}
	return false
}

// problem answers an error of the Submitter.
func (h *handler[J, W, R]) problem(w http.ResponseWriter, r *http.Request, key string, err error) {
	status, text := http.StatusInternalServerError, "The store did not answer, so it is not known what was done. Look again."
	switch {
	case errors.Is(err, submit.ErrNotFound):
		status, text = http.StatusNotFound, "There is no such job."
	case errors.Is(err, submit.ErrConflict):
		status, text = http.StatusConflict, "The job has changed since it was shown. Nothing was done."
	case errors.Is(err, submit.ErrWrongState):
		status, text = http.StatusConflict, "The state of the job does not allow that. Nothing was done."
	case errors.Is(err, submit.ErrUnreadable):
		status, text = http.StatusConflict, "This program cannot read the job. Nothing was done."
	case errors.Is(err, consistency.ErrInvalid):
		status, text = http.StatusBadRequest, "The address is malformed."
	case errors.Is(err, errors.ErrUnsupported):
		status, text = http.StatusNotImplemented, "The store of this program cannot list jobs that have ended."
	case r.Method != http.MethodPost:
		text = "The store did not answer. Look again."
	}
	h.refuse(w, r, status, key, text)
}

// refuse says why there is nothing to see. With a key, the page leads to its job.
func (h *handler[J, W, R]) refuse(w http.ResponseWriter, r *http.Request, status int, key, text string) {
	h.write(w, r, status, page{Title: http.StatusText(status), Notice: text, Back: key})
}

// write answers with a page, or with none of it.
func (h *handler[J, W, R]) write(w http.ResponseWriter, _ *http.Request, status int, p page) {
	p.Style, p.Tabs = styleText, tabs
	var b bytes.Buffer
	if err := pages.Execute(&b, p); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) // of a HEAD, net/http leaves it out
}
