package measure_test

import (
	"os"
	"testing"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/command"
)

// asCommand is the variable that makes the test binary the command.
const asCommand = "READBACK_TEST_AS_COMMAND"

// TestMain is the command in a process of its own, or runs the tests.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(command.Main(os.Args[1:], cli.System()))
	}
	os.Exit(m.Run())
}
