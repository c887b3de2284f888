package submitui

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// act does what a form asks for. It reads only the body, never the query, so that a link
// alone cannot do anything.
func (h *handler[J, W, R]) act(w http.ResponseWriter, r *http.Request) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		h.refuse(w, r, http.StatusUnsupportedMediaType, "", "This is not the form of this page. Nothing was done.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, formBytes)
	err = r.ParseForm()
	form := r.PostForm
	revision, bad := strconv.ParseUint(form.Get("revision"), 10, 64)
	if err != nil || bad != nil || repeated(form) {
		h.refuse(w, r, http.StatusBadRequest, "", "The form is malformed. Nothing was done.")
		return
	}
	key, action := form.Get("job"), Action(form.Get("action"))
	do := map[Action]func(context.Context, string, ...uint64) error{
		Cancel: h.jobs.Cancel, Retry: h.jobs.Retry, Forget: h.jobs.Forget,
	}[action]
	if do == nil {
		h.refuse(w, r, http.StatusBadRequest, "", "There is no such action. Nothing was done.")
		return
	}
	if !h.may(r, action, key) {
		h.refuse(w, r, http.StatusForbidden, key, "You may not do this to this job. Nothing was done.")
		return
	}
	if err := do(r.Context(), key, revision); err != nil {
		h.problem(w, r, key, err)
		return
	}
	w.Header().Set("Location", "?job="+url.QueryEscape(key)) // wherever the page is
	w.WriteHeader(http.StatusSeeOther)
}

// may reports whether the user of a request may do something. An Authorize that panics allows
// nothing.
func (h *handler[J, W, R]) may(r *http.Request, action Action, key string) (allowed bool) {
	return h.options.Authorize != nil && survives(func() { allowed = h.options.Authorize(r, action, key) }) && allowed
}

// survives calls a function of the program, and returns false if it panics: a page that an
// operator needs to see is shown all the same.
func survives(f func()) (ok bool) {
	defer func() { ok = recover() == nil }()
	f()
	return true
}
