package natsstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// Options say where a [Store] keeps its records. The zero value is ready for
// use: a server in the process that keeps them below the user's folder for
// configuration, as [os.UserConfigDir] names it.
type Options struct {
	// URL is that of a cluster, or several with commas between them. Empty
	// means a server in this process.
	URL string

	// Dir is the folder of the server in this process, for this store alone.
	// Empty means readback/store in the user's folder for configuration.
	Dir string

	// Bucket is the name of the key-value bucket. Empty means "readback".
	Bucket string

	// Replicas is how many servers of a cluster keep each record, from 1 to 5;
	// an even number is no safer than the odd one below. Zero means 3. A server
	// in this process is always one.
	Replicas int

	// NoSync spares the server in this process the wait for the disk at each
	// change. Then a loss of power may lose what was acknowledged in the last
	// two minutes; the end of the process alone loses nothing. A cluster's
	// servers decide that for themselves.
	NoSync bool

	// Timeout bounds each question to the server; List asks many. Zero means
	// 5 s.
	Timeout time.Duration

	// Connect is for the connection to a cluster: credentials, TLS, a name. A
	// password may be in the URL too; it shows in no error.
	Connect []nats.Option

	// Logger gets what happens to the server and to the connection. Nil means
	// silence.
	Logger *zap.Logger

	now func() time.Time // the clock, but for tests
}

const (
	defaultBucket   = "readback"
	defaultReplicas = 3
	defaultTimeout  = 5 * time.Second
)

var bucketName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func (o Options) withDefaults() (Options, error) {
	if o.Bucket == "" {
		o.Bucket = defaultBucket
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	switch {
	case o.URL == "":
		o.Replicas = 1
	case o.Replicas == 0:
		o.Replicas = defaultReplicas
	}
	if o.URL == "" && o.Dir == "" {
		home, err := os.UserConfigDir()
		if err != nil {
			return o, fmt.Errorf("natsstore: no folder: %w", err)
		}
		o.Dir = filepath.Join(home, "readback", "store")
	}
	return o, nil
}

func (o Options) validate() error {
	switch {
	case o.URL != "" && o.Dir != "":
		return errors.New("natsstore: either a URL or a folder, not both")
	case o.URL != "" && o.NoSync:
		return errors.New("natsstore: NoSync is for a server in the process: those of a cluster decide for themselves")
	case o.URL == "" && len(o.Connect) > 0:
		return errors.New("natsstore: options of the connection need a URL")
	case o.URL == "" && o.Replicas > 1:
		return fmt.Errorf("natsstore: %d replicas need the URL of a cluster", o.Replicas)
	case o.Replicas < 0 || o.Replicas > 5:
		return fmt.Errorf("natsstore: %d replicas: there can be 1 to 5", o.Replicas)
	case o.Timeout < 0:
		return fmt.Errorf("natsstore: the timeout is negative: %v", o.Timeout)
	case o.Bucket != "" && !bucketName.MatchString(o.Bucket):
		return fmt.Errorf("natsstore: a bucket cannot be named %q: letters, digits, dashes and underscores, 64 at most", o.Bucket)
	}
	return nil
}
