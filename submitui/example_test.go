package submitui_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/readback-go/readback/submit"
	"github.com/readback-go/readback/submitui"
)

// The page of a Submitter, on which operators may do everything, and others look.
func ExampleNew() {
	jobs, err := submit.New(submit.Options[order, string, string]{Store: submit.NewMemory(), Flow: flow})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/jobs", submitui.New(jobs, submitui.Options[order]{
		Authorize: func(r *http.Request, action submitui.Action, key string) bool {
			user, _, _ := r.BasicAuth() // of whom the program knows
			return user == "operator"
		},
		Payload: func(_ *http.Request, _ string, o order) string { return "for " + o.Name },
	}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/jobs", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}
