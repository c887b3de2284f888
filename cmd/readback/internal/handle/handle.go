// Package handle keeps what is needed to go on with a write that was not
// confirmed, without the secrets that its command line held.
package handle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/readback-go/readback/consistency"
)

// Handle is a command line without its secrets, and how far it has come.
type Handle struct {
	Version int                 `json:"readback_command"`
	Write   []string            `json:"write"`          // arguments before --then
	Read    []string            `json:"read"`           // arguments after it
	Again   Again               `json:"again,omitzero"` // what must be given again
	Pending consistency.Pending `json:"pending"`
}

// Again is what a handle leaves out, and resuming needs: flags, headers as
// "-H Name", and URL.
type Again struct {
	Write []string `json:"write,omitempty"`
	Read  []string `json:"read,omitempty"`
	Find  bool     `json:"find,omitempty"`

	// Origin says that reads were refused for their origin. It is not kept.
	Origin bool `json:"-"`
	// Lost says that nothing tells where the write is. It is not kept.
	Lost bool `json:"-"`
}

// Version grows when an older readback would misunderstand a handle.
const Version = 1

// NeedReadURL notes that the URL to read must be given again.
func (h *Handle) NeedReadURL() {
	if !slices.Contains(h.Again.Read, "URL") {
		h.Again.Read = append(slices.Clone(h.Again.Read), "URL")
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
	b.WriteString(quote(where))
	words(&b, a.Write)
	if a.Find {
		b.WriteString(" --find '...'")
	}
	if a.Lost {
		b.WriteString(" --find '...' --mine '...' --found '...'")
	}
	if a.Origin {
		b.WriteString(" --allow-origin '...'")
	}
	if len(a.Read) > 0 {
		b.WriteString(" --then")
		words(&b, a.Read)
	}
	return b.String()
}

func words(b *strings.Builder, again []string) {
	for _, what := range again {
		name, isHeader := strings.CutPrefix(what, "-H ")
		switch {
		case isHeader:
			fmt.Fprintf(b, " -H '%s: ...'", name)
		case what == "URL":
			b.WriteString(" 'URL'")
		default:
			fmt.Fprintf(b, " %s '...'", what)
		}
	}
}

func quote(word string) string {
	plain := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=+:,@%", r))
	}
	if word != "" && !strings.ContainsFunc(word, plain) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// limit is how long a handle may be. The library keeps bodies shorter.
const limit = 4 << 20

// Read finds the handle that text is: the name of a file, - for stdin, its JSON
// or its text in one word.
func Read(text string, stdin io.Reader) (Handle, error) {
	var h Handle
	data := []byte(text)
	trimmed := strings.TrimSpace(text)
	switch {
	case text == "-":
		var err error
		if data, err = io.ReadAll(io.LimitReader(stdin, limit)); err != nil {
			return h, fmt.Errorf("the handle on stdin: %w", err)
		}
	case strings.HasPrefix(trimmed, "{"):
	default:
		file, err := readFile(text)
		switch {
		case err == nil:
			data = file
		case !errors.Is(err, os.ErrNotExist) && !strings.HasPrefix(trimmed, "ey"):
			return h, fmt.Errorf("the handle: %w", err)
		}
	}
	return parse(bytes.TrimSpace(data))
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, limit))
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
	if err := json.Unmarshal(data, &h); err != nil {
		return h, fmt.Errorf("that is no handle, or not all of one: %w", err)
	}
	switch {
	case h.Version > Version:
		return h, fmt.Errorf("the handle is of version %d, newer than %d", h.Version, Version)
	case h.Version != Version || h.Pending.IsZero():
		return h, errors.New("that is no handle of this command")
	}
	return h, nil
}

// Save writes the handle to a file that only its owner may read. A crash leaves
// the file as it was, or whole.
func (h Handle) Save(name string) error {
	data, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".readback-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Check reports whether a handle could be saved under that name.
func Check(name string) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".readback-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
