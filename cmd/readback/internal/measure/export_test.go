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
func CommandOver(streams cli.Streams, transport *http.Transport) *cobra.Command {
	return command(streams, func(_, _ request.Spec, _ *request.Input) (*flow.Connections, error) {
		return &flow.Connections{Write: transport, Read: transport}, nil
	})
}
