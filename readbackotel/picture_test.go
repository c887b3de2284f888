package readbackotel_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/readback-go/readback/readbackotel/internal/picture"
)

var update = flag.Bool("update", false, "draw the picture of the documentation anew")

// The picture in the documentation is drawn from the spans of one ambiguous job that
// is begun in one process and ended in another.
func TestPicture(t *testing.T) {
	t.Parallel()
	bubble(t, "an ambiguous job", func(t *testing.T) {
		names := []string{"web: submits the job", "worker 1: writes, is answered 503, reads, and is stopped", "worker 2: takes the job over, and sees the order"}
		var processes []picture.Process
		for i, spans := range handedOver(t, false) {
			processes = append(processes, picture.Process{Name: names[i], Spans: spans.Snapshots()})
		}
		drawn := picture.Draw("One ambiguous job, from process to process", processes, label)
		file := filepath.Join("..", "docs", "observability", "job.svg")
		if *update {
			require.NoError(t, os.WriteFile(file, drawn, 0o644))
		}
		kept, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(kept), string(drawn), "go test . -run Picture -update draws it anew")
	})
}

// label says what a span tells.
func label(s trace.ReadOnlySpan) string {
	told := map[string]string{}
	for _, a := range s.Attributes() {
		told[strings.TrimPrefix(string(a.Key), "readback.")] = a.Value.String()
	}
	text := s.Name()
	for _, key := range []string{"attempt", "flow.instance"} {
		if told[key] != "" {
			text += " " + told[key]
		}
	}
	var says []string
	if told["attempt"] != "" && told["class"] != "" && told["http.response.status_code"] != "" {
		says = append(says, told["http.response.status_code"])
	}
	for _, key := range []string{"outcome", "class", "verdict", "reason"} {
		if told[key] != "" {
			says = append(says, told[key])
		}
	}
	if told["lag.by"] != "" {
		says = append(says, fmt.Sprintf("seen after %s s", told["lag.by"]))
	}
	if len(says) > 0 {
		text += ": " + strings.Join(says, ", ")
	}
	return text
}
