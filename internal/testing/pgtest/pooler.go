package pgtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/readback-go/readback/internal/testing/port"
)

// ErrNoPooler is returned by [Cluster.Pooler] if PgBouncer is not installed. It says what to
// install.
var ErrNoPooler = errors.New("pgtest: PgBouncer is needed here: apt-get install -y pgbouncer")

// Pooler is a PgBouncer in front of a cluster.
type Pooler struct {
	port  int
	cmd   *exec.Cmd
	ended chan struct{}
}

// Pooler starts a PgBouncer that gives each transaction any free connection: settings of a
// session, its prepared statements and its LISTEN are lost between transactions.
func (c *Cluster) Pooler() (*Pooler, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // outside of most users' search path
	}
	if _, err := os.Stat(program); err != nil {
		return nil, ErrNoPooler
	}
	free, err := port.Free()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(c.dir, "pooler-*")
	if err != nil {
		return nil, err
	}
	settings := filepath.Join(folder, "pgbouncer.ini")
	users := filepath.Join(folder, "users.txt")
	if err := os.WriteFile(users, []byte("\"postgres\" \"\"\n\"app\" \"\"\n"), 0o644); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
		"auth_type = trust\nauth_file = %s\npool_mode = transaction\ndefault_pool_size = 8\nmax_client_conn = 200\n"+
		"ignore_startup_parameters = extra_float_digits\n", c.Port, free, users)
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		return nil, err
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return nil, err
	}
	p := &Pooler{port: free, cmd: exec.Command(program, "-q", settings), ended: make(chan struct{})}
	var log syncBuffer
	p.cmd.Stdout, p.cmd.Stderr = &log, &log
	p.cmd.Dir = c.dir
	c.owner.run(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // its log says why it ended
		close(p.ended)
	}()
	for end := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", free))
		if err == nil {
			return p, conn.Close()
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("pgtest: PgBouncer does not start: %s", log.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return nil, errors.Join(err, p.Close())
		}
	}
}

// DSN returns a connection string for the cluster through the pooler.
func (p *Pooler) DSN() string { return dsn(p.port) }

// Close ends the pooler.
func (p *Pooler) Close() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
