// Readback sends a write, reads until the read model shows it, and says
// confirmed, unconfirmed or failed.
//
//	readback run -X POST https://api.example/v1/workspaces -d @ws.json --then GET '{location}' --within 30s
//
// See readback --help and docs/command.md.
package main

import (
	"os"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/command"
)

func main() { os.Exit(command.Main(os.Args[1:], cli.System())) }
