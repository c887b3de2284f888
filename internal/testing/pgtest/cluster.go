package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/readback-go/readback/internal/testing/port"
)

// Options say how a cluster is started. The zero value is ready for use.
type Options struct {
	// Settings are lines of its configuration, such as "fsync = off". They override the
	// settings that every cluster has.
	Settings []string
}

// Cluster is one server with its data: a primary, or a standby of one. Call its methods one at
// a time.
type Cluster struct {
	Port int

	dir   string // of everything that is the cluster's
	bin   string
	owner owner

	server *exec.Cmd // nil if it was stopped or killed
	ended  chan struct{}
	log    syncBuffer
}

// patience bounds how long a server may take to start or to stop.
const patience = time.Minute

// Start makes a new cluster and starts it. Its superuser is postgres, without a password. If
// the machine has no PostgreSQL server, the error is [ErrMissing].
func Start(o Options) (*Cluster, error) {
	c, err := prepare()
	if err != nil {
		return nil, err
	}
	err = c.run("initdb", "--pgdata", c.data(), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	return c.begin(o, err)
}

// Standby copies the cluster in its present state, and starts the copy as a hot standby that
// streams from it.
func (c *Cluster) Standby(o Options) (*Cluster, error) {
	s, err := prepare()
	if err != nil {
		return nil, err
	}
	err = s.run("pg_basebackup", "--pgdata", s.data(), "--dbname", c.DSN(), "--write-recovery-conf", "--checkpoint", "fast", "--no-sync", "--wal-method", "stream")
	return s.begin(o, err)
}

// prepare makes the folder of a cluster, which is still empty.
func prepare() (*Cluster, error) {
	c := &Cluster{}
	var err error
	if c.bin, err = programs(); err != nil {
		return nil, err
	}
	if c.owner, err = findOwner(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "pgtest-*"); err != nil {
		return nil, err
	}
	return c, c.owner.give(c.dir)
}

// begin configures and starts a cluster. Err is the result of making its data. After an error
// everything is removed.
func (c *Cluster) begin(o Options, err error) (*Cluster, error) {
	if err == nil {
		err = c.configure(o.Settings)
	}
	if err == nil {
		err = c.startSomewhere()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) configure(settings []string) error {
	lines := append([]string{
		"", "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''",
		"max_connections = 200", "wal_level = replica", "max_wal_senders = 10", "hot_standby = on",
		"log_min_messages = warning", "log_line_prefix = ''",
	}, settings...)
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	return errors.Join(err, f.Close())
}

// startSomewhere starts the server on a free port.
func (c *Cluster) startSomewhere() (err error) {
	for range 20 {
		if c.Port, err = port.Free(); err != nil {
			return err
		}
		if err = c.Up(); err == nil || !strings.Contains(err.Error(), "in use") {
			return err
		}
	}
	return err
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// DSN returns a connection string for libpq and pgx, as the superuser.
func (c *Cluster) DSN() string { return dsn(c.Port) }

func dsn(port int) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable", port)
}

// Up starts a server that was stopped or killed, on the port that it had, and
// returns once it answers.
func (c *Cluster) Up() error {
	end := time.Now().Add(patience)
	for {
		err := c.up(end)
		// The processes of a server that was killed need a moment to notice.
		if err == nil || time.Now().After(end) || !strings.Contains(err.Error(), "still in use") {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *Cluster) up(end time.Time) error {
	if c.server != nil {
		return errors.New("pgtest: the server runs already")
	}
	c.log.Reset()
	cmd := exec.Command(filepath.Join(c.bin, "postgres"), "-D", c.data(), "-p", fmt.Sprint(c.Port))
	cmd.Stdout, cmd.Stderr = &c.log, &c.log
	cmd.Dir = c.dir
	c.owner.run(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	c.server, c.ended = cmd, make(chan struct{})
	ended := c.ended
	go func() {
		_ = cmd.Wait() // its log says why it ended
		close(ended)
	}()
	for {
		if c.run("pg_isready", "--quiet", "--host", "127.0.0.1", "--port", fmt.Sprint(c.Port)) == nil && c.alive() {
			return nil
		}
		select {
		case <-ended:
			c.server = nil
			return fmt.Errorf("pgtest: the server does not start: %s", c.log.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("pgtest: the server does not answer within %v: %s", patience, c.log.String()), c.Kill())
		}
	}
}

func (c *Cluster) alive() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// Stop shuts the server down cleanly: statements are cancelled, and the log is flushed.
func (c *Cluster) Stop() error { return c.end(syscall.SIGINT) }

// Kill ends the server as a crash of its process would (kill -9).
func (c *Cluster) Kill() error { return c.end(syscall.SIGKILL) }

func (c *Cluster) end(by os.Signal) error {
	if c.server == nil {
		return nil
	}
	if err := c.server.Process.Signal(by); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.ended:
		c.server = nil
		return nil
	case <-time.After(patience):
		return fmt.Errorf("pgtest: the server does not end within %v: %s", patience, c.log.String())
	}
}

// Restart stops the server and starts it again.
func (c *Cluster) Restart() error {
	if err := c.Stop(); err != nil {
		return err
	}
	return c.Up()
}

// Promote promotes a standby to a primary, and returns when it accepts writes.
func (c *Cluster) Promote() error {
	return c.run("pg_ctl", "promote", "--wait", "--pgdata", c.data())
}

// Close kills the server and removes its files. It may be called more than once.
func (c *Cluster) Close() error {
	err := c.Kill()
	for range 100 { // its processes may still write
		if os.RemoveAll(c.dir) == nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// SQL runs statements by psql as the superuser, and returns the rows: a line for each, with |
// between columns. It stops at the first error.
func (c *Cluster) SQL(statements string) (string, error) {
	return c.output("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1",
		"--dbname", c.DSN(), "--command", statements)
}

// Pause stops a standby from replaying, until Resume.
func (c *Cluster) Pause() error {
	_, err := c.SQL("SELECT pg_wal_replay_pause()")
	return err
}

// Resume ends what Pause began.
func (c *Cluster) Resume() error {
	_, err := c.SQL("SELECT pg_wal_replay_resume()")
	return err
}

// run runs one of PostgreSQL's programs as the owner of the cluster.
func (c *Cluster) run(program string, args ...string) error {
	_, err := c.output(program, args...)
	return err
}

func (c *Cluster) output(program string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Dir = c.dir
	c.owner.run(cmd)
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("pgtest: %s: %w: %s", program, err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

// Log returns what the server wrote to its log since it was started.
func (c *Cluster) Log() string { return c.log.String() }

// syncBuffer is a buffer that may be read while it is written.
type syncBuffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

func (b *syncBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data.Reset()
}
