package readback_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbacktest"
)

type Workspace struct{ ID, Name string }

// lagging is a client of a service whose read model needs two reads to catch
// up.
type lagging struct{ reads int }

type statusError int

func (e statusError) Error() string   { return http.StatusText(int(e)) }
func (e statusError) StatusCode() int { return int(e) }

func (l *lagging) CreateWorkspace(_ context.Context, name string) (string, error) {
	return "id-of-" + name, nil
}

func (l *lagging) GetWorkspace(_ context.Context, id string) (*Workspace, error) {
	if l.reads++; l.reads <= 2 {
		return nil, statusError(http.StatusNotFound)
	}
	return &Workspace{Name: strings.TrimPrefix(id, "id-of-")}, nil
}

// This is the README's first example.
func Example() {
	ctx := context.Background()
	api := &lagging{}

	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return api.CreateWorkspace(ctx, "alpha") },
		func(ctx context.Context, id string) (*Workspace, error) { return api.GetWorkspace(ctx, id) })

	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	switch res.Outcome {
	case consistency.Confirmed:
		fmt.Println("the read model shows", res.Value.Name)
	case consistency.Unconfirmed:
		fmt.Println("sent, but not seen in time:", err) // go on later with res.Pending
	case consistency.Failed:
		fmt.Println("not carried out:", err)
	}
	// Output: the read model shows alpha
}

// service is a client of a server whose reads lag by time.
type service struct{ http *http.Client }

func (s service) call(ctx context.Context, method, path, body string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://api.test/workspaces"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return statusError(resp.StatusCode)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

func (s service) CreateWorkspace(ctx context.Context, reference string) (string, error) {
	var w Workspace
	err := s.call(ctx, http.MethodPost, "", `{"name":"alpha","reference":"`+reference+`"}`, &w)
	return w.ID, err
}

func (s service) RenameWorkspace(ctx context.Context, id, name string) error {
	return s.call(ctx, http.MethodPatch, "/"+id, `{"name":"`+name+`"}`, nil)
}

func (s service) DeleteWorkspace(ctx context.Context, id string) error {
	return s.call(ctx, http.MethodDelete, "/"+id, "", nil)
}

func (s service) GetWorkspace(ctx context.Context, id string) (*Workspace, error) {
	var w Workspace
	return &w, s.call(ctx, http.MethodGet, "/"+id, "", &w)
}

func (s service) FindWorkspaces(ctx context.Context, reference string) (ids []string, err error) {
	var all []Workspace
	err = s.call(ctx, http.MethodGet, "?reference="+reference, "", &all)
	for _, w := range all {
		ids = append(ids, w.ID)
	}
	return ids, err
}

// The README's other writes, against a service that answers each with 503 and
// carries it out later.
func TestReadme_otherWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := readbacktest.NewHandler(readbacktest.Script{
			Lag: time.Second,
			Rules: []readbacktest.Rule{
				{On: "GET"},
				{Status: 503, Execute: readbacktest.Later(2 * time.Second)},
			},
		})
		api := service{&http.Client{Transport: srv}}
		reference := "mine"
		create := consistency.Create("create workspace",
			func(ctx context.Context) (string, error) { return api.CreateWorkspace(ctx, reference) },
			api.GetWorkspace)

		create.Find = func(ctx context.Context) ([]string, error) { return api.FindWorkspaces(ctx, reference) }
		create.Mine = func(id string) bool { return true } // if the write carried the reference, and nobody else has it

		id := readbacktest.Confirm(t, consistency.Policy{}, create).ID

		rename := consistency.Update("rename workspace",
			func(ctx context.Context) (string, error) { return id, api.RenameWorkspace(ctx, id, "beta") },
			api.GetWorkspace,
			consistency.Field[string](func(w *Workspace) string { return w.Name }, "beta")) // a 200 may show the old name
		rename.Find = consistency.Known(id) // if the answer is lost

		remove := consistency.Delete("delete workspace", id, api.DeleteWorkspace, api.GetWorkspace)

		assert.Equal(t, "beta", readbacktest.Confirm(t, consistency.Policy{}, rename).Name)
		readbacktest.Confirm(t, consistency.Policy{}, remove)
		for _, write := range []string{"POST", "PATCH", "DELETE"} {
			srv.AssertCount(t, write, 1)
			srv.AssertExecuted(t, write, 1)
		}
	})
}

// The README's example is the one that runs.
func TestReadme_exampleRuns(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)

	_, rest, found := strings.Cut(string(readme), "```go\n")
	require.True(t, found, "the README has no Go code")
	snippet, _, _ := strings.Cut(rest, "```")
	var indented strings.Builder
	for line := range strings.Lines(snippet) {
		if line != "\n" {
			indented.WriteByte('\t')
		}
		indented.WriteString(line)
	}
	assert.Contains(t, string(source), indented.String())
}

// All Go code of the README stands in this file, where it compiles.
func TestReadme_codeCompiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)

	indents := regexp.MustCompile(`(?m)^\t+`)
	code := indents.ReplaceAllString(string(source), "")
	_, after, found := strings.Cut(string(readme), "```go\n")
	require.True(t, found, "the README has no Go code")
	for found {
		var block string
		block, after, _ = strings.Cut(after, "```")
		for part := range strings.SplitSeq(strings.TrimSpace(block), "\n\n") {
			assert.Contains(t, code, indents.ReplaceAllString(part, ""))
		}
		_, after, found = strings.Cut(after, "```go\n")
	}
}
