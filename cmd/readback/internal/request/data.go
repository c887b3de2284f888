package request

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
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
	dataText   dataKind = iota // @FILE is read, less its line ends
	dataBinary                 // @FILE is read as it is
	dataRaw                    // @ means nothing
)

// Input is the stdin of the process. It is read once, when it is first asked
// for, and then kept.
type Input struct {
	Reader io.Reader

	once    sync.Once
	content []byte
	err     error
}

func (in *Input) read() ([]byte, error) {
	if in == nil || in.Reader == nil {
		return nil, errors.New("there is no stdin")
	}
	in.once.Do(func() { in.content, in.err = io.ReadAll(in.Reader) })
	return in.content, in.err
}

// readFile reads what an @FILE names, or stdin for @-.
func readFile(flag, name string, in *Input) (content []byte, err error) {
	if name == "-" {
		content, err = in.read()
	} else {
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, exit.Usagef("%s: %w", flag, err)
	}
	return content, nil
}

// data returns the body that all -d make, and nil if there are none.
func (s *Spec) data(in *Input) ([]byte, error) {
	if len(s.Data) == 0 {
		return nil, nil
	}
	joined := []byte{}
	for i, d := range s.Data {
		if i > 0 {
			joined = append(joined, '&')
		}
		name, isFile := strings.CutPrefix(d.text, "@")
		if d.kind == dataRaw || !isFile {
			joined = append(joined, d.text...)
			continue
		}
		content, err := readFile("-d", name, in)
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
	return []byte(s.fill(string(joined))), nil
}

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
