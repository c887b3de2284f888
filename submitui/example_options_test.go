package submitui_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/readback-go/readback/submit"
	"github.com/readback-go/readback/submitui"
)

// What is shown of a job: nothing that somebody wrote, unless it is said here.
func ExampleOptions() {
	jobs, err := submit.New(submit.Options[order, string, string]{Store: submit.NewMemory(), Flow: flow})
	if err != nil {
		panic(err)
	}
	_, _ = jobs.Submit(context.Background(), "order-7", order{Name: "tea", Does: "refused"})

	page := submitui.New(jobs, submitui.Options[order]{
		Payload: func(_ *http.Request, _ string, o order) string { return "for " + o.Name },
		Text: func(_ *http.Request, _, text string) string { // errors quote what a service says
			return strings.ReplaceAll(text, "sesame", "(hidden)")
		},
		Late: time.Hour, // pending jobs that are older need a look
	})
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?job=order-7", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "for tea"), strings.Contains(w.Body.String(), "(hidden)"))
	// Output: 200 true true
}
