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

// Options say where a [Store] keeps its records. The zero value is ready for use: a server in
// the process, with a folder in the user's configuration folder, see [os.UserConfigDir].
type Options struct {
	// URL is the URL of a cluster, or several with commas between them. Empty means a
	// server in this process.
	URL string

	// Dir is the folder of the server in this process, for this store alone.
	// Empty means readback/store in the user's folder for configuration.
	Dir string

	// Bucket is the name of the key-value bucket. Empty means "readback".
	Bucket string

	// Replicas is how many servers of a cluster keep each record, from 1 to 5; an even
	// number is not safer than the odd one below. Zero means 3. A server in this process
	// has one.
	Replicas int

	// NoSync lets the server in this process acknowledge a change before it is on the
	// disk. Then a loss of power may lose changes of the last two minutes; the end of
	// the process alone loses nothing. The servers of a cluster have their own setting.
	NoSync bool

	// Timeout bounds each request to the server; List sends many. Zero means 5 s.
	Timeout time.Duration

	// Connect has options of the connection to a cluster: credentials, TLS, a name. A
	// password may be in the URL too; no error shows it.
	Connect []nats.Option

	// Logger gets the messages of the server, and an entry when the connection is lost
	// or comes back. Nil means silence.
	Logger *zap.Logger

	now func() time.Time // the clock; tests replace it
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
		return errors.New("natsstore: set either Options.URL or Options.Dir, not both")
	case o.URL != "" && o.NoSync:
		return errors.New("natsstore: Options.NoSync is for a server in the process: set sync_interval on the servers of a cluster")
	case o.URL == "" && len(o.Connect) > 0:
		return errors.New("natsstore: Options.Connect needs Options.URL")
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
