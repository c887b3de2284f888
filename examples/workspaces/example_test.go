package workspaces_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/readback-go/readback/examples/workspaces"
)

// The command side knows what the read side does not show yet.
func ExampleOpen() {
	service, err := workspaces.Open(workspaces.Options{WorkspacesLag: time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer service.Close()

	send := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "ApiKey alice-key")
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		return w
	}
	posted := send(http.MethodPost, "/v1/workspaces", `{"workspaceName":"alpha"}`)
	read := send(http.MethodGet, posted.Header().Get("Location"), "")
	fmt.Println("POST:", posted.Code)
	fmt.Println("GET: ", read.Code, read.Body)
	for event, err := range service.Events() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("log: ", event.Seq, event.Kind, event.Workspace.Name)
	}
	// Output:
	// POST: 201
	// GET:  404 {"status":404,"message":"Not found"}
	// log:  1 WorkspaceCreated alpha
	// log:  2 MemberAdded alpha
}

func ExampleParseFault() {
	fault, err := workspaces.ParseFault("504 later 300ms")
	fmt.Println(fault.Status, fault.Execute, fault.Delay, err)
	// Output: 504 later 300ms <nil>
}
