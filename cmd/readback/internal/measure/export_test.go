package measure

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/request"
)

// CommandOver returns the command over other connections, for time that is not
// that of sockets.
// Metrics, if it is not nil, gets where the metrics are served, and how.
func CommandOver(streams cli.Streams, transport *http.Transport, args []string, metrics func(address string, h http.Handler)) *cobra.Command {
	return command(streams, around{
		connect: func(_, _ request.Spec, _ *request.Input) (*flow.Connections, error) {
			return &flow.Connections{Write: transport, Read: transport}, nil
		},
		serve: func(address string, h http.Handler) (*served, error) {
			if metrics != nil {
				metrics(address, h)
			}
			return &served{url: "http://" + address + "/metrics", stop: func() {}}, nil
		},
		args: append([]string{"measure"}, args...),
	})
}
