package readback_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

type Workspace struct{ Name string }

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
		fmt.Println("sent, but not seen in time:", err) // res.Pending goes on later
	case consistency.Failed:
		fmt.Println("not carried out:", err)
	}
	// Output: the read model shows alpha
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
