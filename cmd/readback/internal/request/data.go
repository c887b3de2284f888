package request

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// Data is one -d of a request.
type Data struct {
	kind dataKind
	text string
}

type dataKind uint8

const (
	dataText    dataKind = iota // @FILE is read, less its line ends
	dataBinary                  // @FILE is read as it is
	dataRaw                     // @ means nothing
	dataEncoded                 // is encoded for a URL, but for a NAME= before it
	dataJSON                    // @FILE is read as it is, and the type is JSON
)

// SetData gives s the body of one -d.
func (s *Spec) SetData(text string) { s.Data = []Data{{kind: dataText, text: text}} }

// Input is what the requests of a process read: its stdin, and each @FILE. All is
// read once, when it is first asked for, and then kept: a pipe, such as bash makes
// of @<(command), holds nothing any more when it is read again. It is safe for
// concurrent use, and works without a Reader.
type Input struct {
	Reader io.Reader

	// Context, if not nil, ends the wait for what is read, with its cause: who
	// types the body can stop, too.
	Context context.Context

	mu    sync.Mutex
	files map[string]file
}

type file struct {
	content []byte
	err     error
}

// File reads what an @FILE names, or stdin for @-.
func (in *Input) File(flag, name string) ([]byte, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	f, known := in.files[name]
	if !known {
		f = in.read(name)
		if in.files == nil {
			in.files = make(map[string]file)
		}
		in.files[name] = f
	}
	var signal exit.Signal
	switch {
	case errors.As(f.err, &signal):
		return nil, exit.With(signal.Status(), fmt.Errorf("%s: %w; nothing was sent", flag, f.err))
	case f.err != nil:
		return nil, exit.Usagef("%s: %w", flag, f.err)
	}
	return f.content, nil
}

// read reads a file or stdin to its end, or leaves it alone when the context
// ends: the process does then, too.
func (in *Input) read(name string) file {
	result := make(chan file, 1)
	go func() {
		var f file
		switch {
		case name != "-":
			f.content, f.err = os.ReadFile(name)
		case in.Reader != nil:
			f.content, f.err = io.ReadAll(in.Reader)
		default:
			f.err = errors.New("there is no stdin")
		}
		result <- f
	}()
	var interrupted <-chan struct{}
	if in.Context != nil {
		interrupted = in.Context.Done()
	}
	select {
	case f := <-result:
		return f
	case <-interrupted:
		return file{err: context.Cause(in.Context)}
	}
}

// data returns the body that all -d make, and nil if there are none.
func (s *Spec) data(in *Input) ([]byte, error) {
	if len(s.Data) == 0 {
		return nil, nil
	}
	joined := []byte{}
	for i, d := range s.Data {
		if i > 0 && d.kind != dataJSON {
			joined = append(joined, '&')
		}
		if d.kind == dataEncoded {
			encoded, err := s.encoded(in, d.text)
			if err != nil {
				return nil, err
			}
			joined = append(joined, encoded...)
			continue
		}
		name, isFile := strings.CutPrefix(d.text, "@")
		if d.kind == dataRaw || !isFile {
			joined = append(joined, d.text...)
			continue
		}
		content, err := in.File("-d", name)
		if err != nil {
			return nil, err
		}
		if d.kind == dataText {
			for _, end := range []string{"\r", "\n", "\x00"} {
				content = bytes.ReplaceAll(content, []byte(end), nil)
			}
		}
		joined = append(joined, content...)
	}
	joined = []byte(s.fill(string(joined)))
	if s.isJSON() && !json.Valid(joined) {
		return nil, exit.Usagef("--data-json: that is not JSON")
	}
	return joined, nil
}

// isJSON reports whether the body is one of --data-json.
func (s *Spec) isJSON() bool {
	return slices.ContainsFunc(s.Data, func(d Data) bool { return d.kind == dataJSON })
}

// encoded returns what one --data-urlencode adds: of CONTENT, =CONTENT,
// NAME=CONTENT, @FILE and NAME@FILE the content is encoded.
func (s *Spec) encoded(in *Input, text string) (string, error) {
	at := strings.IndexAny(text, "=@")
	if at < 0 {
		return encode(text), nil
	}
	name, content := text[:at], text[at+1:]
	if text[at] == '@' {
		read, err := in.File("--data-urlencode", content)
		if err != nil {
			return "", err
		}
		content = string(read)
	}
	if name == "" {
		return encode(s.fill(content)), nil
	}
	return name + "=" + encode(s.fill(content)), nil
}

// encode encodes a text for a URL, spaces too.
func encode(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// setBody gives req a body that can be sent again, and none if data is nil.
func setBody(req *http.Request, data []byte) {
	if data == nil {
		return
	}
	req.GetBody = func() (io.ReadCloser, error) {
		if len(data) == 0 {
			return http.NoBody, nil
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	req.Body, _ = req.GetBody()
	req.ContentLength = int64(len(data))
}
