package proxy_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/command"
)

const (
	asCommand = "TEST_AS_COMMAND" // this binary is the command
	asChild   = "TEST_AS_CHILD"   // or else what it runs: see sayInterrupts
)

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		_ = os.Unsetenv(asCommand)
		os.Exit(command.Main(os.Args[1:], cli.System()))
	}
	if os.Getenv(asChild) != "" {
		sayInterrupts()
		os.Exit(0)
	}
	// Whoever runs the tests may ignore signals, as nohup does. Processes that are
	// started would inherit that, but nothing that is caught here.
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	os.Exit(m.Run())
}

// process is a running command.
type process struct {
	*exec.Cmd
	Out    *bufio.Reader
	Stderr bytes.Buffer // complete once it has ended
}

// prepare returns the command, not started.
func prepare(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{Cmd: exec.Command(self, args...)}
	p.Env = append(os.Environ(), asCommand+"=1")
	p.Cmd.Stderr = &p.Stderr
	p.WaitDelay = 10 * time.Second
	return p
}

// start runs the command in the background.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := prepare(t, args...)
	p.begin(t)
	return p
}

// begin starts what was prepared.
func (p *process) begin(t *testing.T) {
	t.Helper()
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	p.Out = bufio.NewReader(out)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() })
}

// line returns the next line of stdout.
func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.Out.ReadString('\n')
	require.NoError(t, err, "%s", line)
	return strings.TrimSuffix(line, "\n")
}

// end waits for the process, and returns the rest of stdout and the exit status,
// -1 after a signal.
func (p *process) end(t *testing.T) (rest string, status int) {
	t.Helper()
	out, err := io.ReadAll(p.Out)
	require.NoError(t, err)
	return string(out), statusOf(t, p.Wait())
}

func statusOf(t *testing.T, err error) int {
	t.Helper()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.ExitCode()
	}
	require.NoError(t, err)
	return 0
}

// run runs the command to its end.
func run(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	p := prepare(t, args...)
	var out bytes.Buffer
	p.Stdout = &out
	status = statusOf(t, p.Run())
	return out.String(), p.Stderr.String(), status
}
