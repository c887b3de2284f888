// Package handle keeps what is needed to go on with a write that was not
// confirmed, without the secrets that its command line held.
//
// A handle is data. It holds no command line, no file, no proxy, no expression
// and no credentials, and who resumes it says himself what it lacks.
package handle

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
)

// Handle is a write without its secrets, and how far it has come.
type Handle struct {
	Version int                 `json:"readback_command"`
	Write   request.Kept        `json:"write"`
	Read    request.Kept        `json:"read"`
	Origins []string            `json:"origins,omitempty"` // that the run sent credentials to, or would have
	Flags   map[string][]string `json:"flags,omitempty"`   // by name, of those that a handle may hold
	Answer  *Answer             `json:"answer,omitempty"`  // to the write
	Command Command             `json:"command,omitzero"`
	Again   Again               `json:"again,omitzero"` // what must be given again
	Pending consistency.Pending `json:"pending"`
}

// Command says what was a command, which a handle does not hold.
type Command struct {
	Writes bool `json:"writes,omitempty"`
	Reads  bool `json:"reads,omitempty"`
}

// Answer is what the write was answered, without what looks like a secret.
type Answer struct {
	Status    int             `json:"status,omitempty"`
	Location  string          `json:"location,omitempty"`
	Operation string          `json:"operation,omitempty"` // URL of an operation that a header names
	Body      json.RawMessage `json:"body,omitempty"`
}

// Again is what a handle leaves out, and resuming needs.
type Again struct {
	Write []request.Need `json:"write,omitempty"`
	Read  []request.Need `json:"read,omitempty"`
	Find  bool           `json:"find,omitempty"`

	// Expressions are flags with what they take, which a handle never holds.
	Expressions []request.Need `json:"expressions,omitempty"`

	// Named are origins that the printed line names by --origin, because a handle that is
	// no file cannot vouch for them. They are not kept.
	Named []string `json:"-"`
	// Origin says that reads were refused for their origin. It is not kept.
	Origin bool `json:"-"`
	// Lost says that nothing tells where the write is. It is not kept.
	Lost bool `json:"-"`
	// ByCommand says that a command reads. It is not kept.
	ByCommand bool `json:"-"`
}

// Version grows when an older readback would misunderstand a handle. Handles of
// version 1 were command lines, and are refused.
const Version = 2

// NeedReadURL notes that the URL to read must be given again.
func (h *Handle) NeedReadURL() {
	if !slices.Contains(h.Again.Read, request.NeedURL) {
		h.Again.Read = append(slices.Clone(h.Again.Read), request.NeedURL)
	}
}

// Text returns the handle in one word that needs no quoting.
func (h Handle) Text() (string, error) {
	data, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("handle: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

// Command returns the command line that goes on with the handle, which where
// names: a file, or its text. Three dots stand for what must be given again.
func (a Again) Command(where string) string {
	var b strings.Builder
	b.WriteString("readback resume ")
	b.WriteString(cli.Quote(where))
	for _, origin := range a.Named {
		b.WriteString(" --origin " + cli.Quote(origin))
	}
	words(&b, a.Write)
	words(&b, a.Expressions)
	if a.Find {
		b.WriteString(" --find '...'")
	}
	if a.Lost {
		b.WriteString(" --find '...' --mine '...' --found '...'")
	}
	if a.Origin {
		b.WriteString(" --allow-origin '...'")
	}
	if len(a.Read) > 0 || a.ByCommand {
		b.WriteString(" --then")
		words(&b, a.Read)
	}
	if a.ByCommand {
		b.WriteString(" -- '...'")
	}
	return b.String()
}

func words(b *strings.Builder, again []request.Need) {
	for _, need := range again {
		value := cmp.Or(need.Value, need.Shown)
		switch {
		case need == request.NeedURL:
			b.WriteString(" 'URL'")
		case need.Switch:
			b.WriteString(" " + need.Flag)
		case need.Flag == "-H" && value == "":
			fmt.Fprintf(b, " -H '%s: ...'", need.Name)
		case need.Flag == "-H":
			fmt.Fprintf(b, " -H %s", cli.Quote(need.Name+": "+value))
		case value == "":
			fmt.Fprintf(b, " %s '...'", need.Flag)
		default:
			fmt.Fprintf(b, " %s %s", need.Flag, cli.Quote(value))
		}
	}
}

// limit is how long a handle may be. The library keeps bodies shorter.
const limit = 4 << 20

// Read finds the handle that text is: the name of a file, - for stdin, its JSON
// or its text in one word. It returns the file, if it is one.
func Read(text string, stdin io.Reader) (h Handle, file *File, err error) {
	data := []byte(text)
	trimmed := strings.TrimSpace(text)
	switch {
	case text == "-":
		if data, err = io.ReadAll(io.LimitReader(stdin, limit)); err != nil {
			return h, nil, fmt.Errorf("the handle on stdin: %w", err)
		}
	case strings.HasPrefix(trimmed, "{"):
	default:
		content, found, err := readFile(text)
		switch {
		case err == nil:
			data, file = content, found
		case !errors.Is(err, os.ErrNotExist) && !strings.HasPrefix(trimmed, "ey"):
			return h, nil, fmt.Errorf("the handle: %w", err)
		}
	}
	h, err = parse(bytes.TrimSpace(data))
	return h, file, err
}

// readFile reads the file that name leads to: what is changed and removed later is
// that file, and no link to it.
func readFile(name string) ([]byte, *File, error) {
	if real, err := filepath.EvalSymlinks(name); err == nil && name != "" {
		name = real
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	return data, &File{Name: name, info: info}, err
}

func parse(data []byte) (Handle, error) {
	var h Handle
	if len(data) > 0 && data[0] != '{' {
		decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(data), "="))
		if err != nil || !json.Valid(decoded) {
			return h, errors.New("that is no handle: neither a file, nor all of the text that run printed")
		}
		data = decoded
	}
	var version struct {
		Version int `json:"readback_command"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return h, fmt.Errorf("that is no handle, or not all of one: %w", err)
	}
	switch {
	case version.Version > Version:
		return h, fmt.Errorf("the handle is of version %d, newer than %d", version.Version, Version)
	case version.Version == 1:
		return h, errors.New("the handle is of version 1, which was a command line and is not obeyed any more: go on with readback wait")
	case version.Version != Version:
		return h, errors.New("that is no handle of this command")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&h); err != nil {
		return h, fmt.Errorf("that is no handle, or not one that this command made: %w", err)
	}
	if h.Pending.IsZero() {
		return h, errors.New("that is no handle of this command")
	}
	return h, nil
}
