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
// payload and no text, and allows nothing. The functions may be called concurrently. One that
// panics shows nothing, or allows nothing.
type Options[J any] struct {
	// Authorize says whether the user of a request may do this to this job. It is
	// called before a button is shown, and again before something is done. Nil means
	// that nobody may do anything.
	Authorize func(r *http.Request, action Action, key string) bool

	// Payload returns what to show of a job's payload; empty shows nothing. It is not
	// called for a payload that is missing or cannot be read. Nil means that payloads
	// are hidden.
	Payload func(r *http.Request, key string, job J) string

	// Text returns what to show of a text that may quote anything: an error, the
	// beginning of a body in it, a panic or its stack. The key is empty for an error of
	// the store. An empty result shows nothing. Nil means that such texts are hidden.
	Text func(r *http.Request, key, text string) string

	// Late is the age from which a pending job needs attention. Zero means 5 minutes.
	Late time.Duration
}

const (
	defaultLate = 5 * time.Minute
	pageJobs    = 50               // jobs on a page
	noteJobs    = 10               // jobs of each group of the overview
	formBytes   = 16 << 10         // of a form; an escaped key has at most three times its length
	timeout     = 30 * time.Second // of one request
)

// New returns the handler of the page of s. It serves GET and HEAD, and POST for actions, at
// any path. It may be used concurrently.
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

// headers sets headers which keep the page out of caches and frames, and do not let it load
// or run anything, or send forms elsewhere. The referrer policy is same-origin, not
// no-referrer: with that, browsers would send forms with a null origin.
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
		h.refuse(w, r, http.StatusMethodNotAllowed, "", "This method is not supported. Use GET, HEAD or POST.")
	}
}

// look shows the page that the query asks for.
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

// repeated reports whether a name occurs twice: then it is unclear which value counts.
func repeated(values url.Values) bool {
	for _, v := range values {
		if len(v) > 1 {
			return true
		}
	}
	return false
}

// problem shows a page for an error of the Submitter.
func (h *handler[J, W, R]) problem(w http.ResponseWriter, r *http.Request, key string, err error) {
	status, text := http.StatusInternalServerError, "The store did not answer, so it is not known what was done. Look again."
	switch {
	case errors.Is(err, submit.ErrNotFound):
		status, text = http.StatusNotFound, "There is no such job."
	case errors.Is(err, submit.ErrConflict):
		status, text = http.StatusConflict, "The job has changed since it was shown. Nothing was done."
	case errors.Is(err, submit.ErrWrongState):
		status, text = http.StatusConflict, "The state of the job does not allow that. Nothing was done."
	case errors.Is(err, submit.ErrTooLarge):
		status, text = http.StatusInsufficientStorage, "The store has no room for what would be recorded. Nothing was done."
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

// refuse shows a page with a notice. With a key, the page links to its job.
func (h *handler[J, W, R]) refuse(w http.ResponseWriter, r *http.Request, status int, key, text string) {
	h.write(w, r, status, page{Title: http.StatusText(status), Notice: text, Back: key})
}

// write sends a page as a whole, or an error without any part of it.
func (h *handler[J, W, R]) write(w http.ResponseWriter, _ *http.Request, status int, p page) {
	p.Style, p.Tabs = styleText, tabs
	var b bytes.Buffer
	if err := pages.Execute(&b, p); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) // for a HEAD, net/http leaves it out
}
