package workspaces

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Options say how a [Service] behaves. The zero value is ready: a temporary
// file, the default keys, one replica, and no lag but the projectors' own.
type Options struct {
	// Path names the bbolt file that holds everything. It is created if it
	// does not exist. Empty means a temporary file that Close removes.
	Path string

	// NoSync spares the fsync of each command. A crash of the machine may
	// then lose commands that were answered; a crash of the process does not.
	NoSync bool

	// Keys maps an API key to whom it belongs. Nil means three keys:
	// alice-key and bob-key, both editors, and reader-key, a [Reader].
	Keys map[string]Key

	// WorkspacesLag is the time from an event to its appearance in the table
	// of workspaces, of which a GET without it answers 404. Zero is as soon as
	// the projector gets to it.
	WorkspacesLag time.Duration

	// MembershipsLag is the same for the table of memberships, without which
	// a GET answers 403. Both lags count from the event, so that a 403 is
	// seen only if this is the longer one.
	MembershipsLag time.Duration

	// Jitter is added to the lag of every event, drawn at random up to this
	// length. Events stay in order. Zero means none.
	Jitter time.Duration

	// Replicas is the number of read replicas. Reads go to them in turn, the
	// first read to the first one. Zero means one.
	Replicas int

	// ReplicaSpread is what each replica lags behind the one before it: the
	// first not at all, the third twice this. Zero means that they are alike.
	ReplicaSpread time.Duration

	// AsyncDelay is the time from a 202 to the execution of what it promised.
	// Zero is as soon as the asynchronous handler gets to it.
	AsyncDelay time.Duration

	// AllowFaults lets a client ask for a [Fault] of its command with the
	// header X-Fault. Unless it is set the header is ignored.
	AllowFaults bool

	// Logger gets an entry for each internal error and for each command that
	// was executed from the queue. Nil means silence.
	Logger *slog.Logger
}

// Key is what an API key stands for.
type Key struct {
	User string // whom it identifies
	Role Role   // what it permits; empty means Editor
}

// Role is what an API key permits.
type Role string

// The roles. A Reader that sends a command gets the 403 that speaks of the
// type of a resource, not of one instance: its body holds a code, not a status.
const (
	Editor Role = "editor"
	Reader Role = "reader"
)

func (o Options) withDefaults() Options {
	if o.Keys == nil {
		o.Keys = map[string]Key{
			"alice-key":  {User: "alice"},
			"bob-key":    {User: "bob"},
			"reader-key": {User: "rita", Role: Reader},
		}
	}
	keys := make(map[string]Key, len(o.Keys)) // a copy: the caller's map stays the caller's
	for secret, key := range o.Keys {
		if key.Role == "" {
			key.Role = Editor
		}
		keys[secret] = key
	}
	o.Keys = keys
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o Options) validate() error {
	for _, d := range []struct {
		name string
		give time.Duration
	}{
		{"WorkspacesLag", o.WorkspacesLag},
		{"MembershipsLag", o.MembershipsLag},
		{"Jitter", o.Jitter},
		{"ReplicaSpread", o.ReplicaSpread},
		{"AsyncDelay", o.AsyncDelay},
	} {
		if d.give < 0 {
			return fmt.Errorf("workspaces: Options.%s is negative: %v", d.name, d.give)
		}
	}
	if o.Replicas < 0 {
		return fmt.Errorf("workspaces: Options.Replicas is negative: %d", o.Replicas)
	}
	for _, key := range o.Keys { // the secret itself stays out of the message
		if key.User == "" {
			return errors.New("workspaces: Options.Keys has a key without a user")
		}
		if strings.Contains(key.User, "\x00") { // see pair
			return fmt.Errorf("workspaces: Options.Keys has a user with a zero byte: %q", key.User)
		}
		if key.Role != Editor && key.Role != Reader {
			return fmt.Errorf("workspaces: Options.Keys gives %s the unknown role %q", key.User, key.Role)
		}
	}
	return nil
}
