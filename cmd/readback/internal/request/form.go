package request

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"net/textproto"
	"path"
	"path/filepath"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// form returns the body that all -F make, and its type.
func (s *Spec) form(in *Input) (body []byte, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, text := range s.Form {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return nil, "", exit.Usagef("-F: want NAME=CONTENT, NAME=@FILE or NAME=<FILE")
		}
		header, content, err := s.formPart(in, name, value)
		if err != nil {
			return nil, "", err
		}
		part, err := w.CreatePart(header)
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			return nil, "", exit.Usagef("-F: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", exit.Usagef("-F: %w", err)
	}
	return b.Bytes(), w.FormDataContentType(), nil
}

var quoteName = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

func (s *Spec) formPart(in *Input, name, value string) (textproto.MIMEHeader, []byte, error) {
	value, parameters := formParameters(value)
	disposition := fmt.Sprintf(`form-data; name="%s"`, quoteName.Replace(name))
	kind, content := parameters["type"], []byte(s.fill(value))
	if file, isFile := strings.CutPrefix(value, "@"); isFile {
		read, err := in.File("-F", file)
		if err != nil {
			return nil, nil, err
		}
		content = read
		if parameters["filename"] == "" {
			parameters["filename"] = filepath.Base(file)
		}
		if kind == "" {
			if kind = mime.TypeByExtension(path.Ext(file)); kind == "" {
				kind = "application/octet-stream"
			}
		}
	} else if file, isFile := strings.CutPrefix(value, "<"); isFile {
		read, err := in.File("-F", file)
		if err != nil {
			return nil, nil, err
		}
		content = []byte(s.fill(string(read)))
	}
	if filename := parameters["filename"]; filename != "" {
		disposition += fmt.Sprintf(`; filename="%s"`, quoteName.Replace(filename))
	}
	header := textproto.MIMEHeader{"Content-Disposition": {disposition}}
	if kind != "" {
		header.Set("Content-Type", kind)
	}
	return header, content, nil
}

// formParameters takes ;type= and ;filename= from the end of a part's content.
func formParameters(value string) (string, map[string]string) {
	found := make(map[string]string)
	for {
		at := strings.LastIndex(value, ";")
		if at < 0 {
			return value, found
		}
		name, text, _ := strings.Cut(strings.TrimSpace(value[at+1:]), "=")
		if name != "type" && name != "filename" {
			return value, found
		}
		found[name] = strings.Trim(text, `"`)
		value = value[:at]
	}
}

// Folded returns s with what -d and the like say as the query of its URL, if it
// has -G.
func (s Spec) Folded(in *Input) (Spec, error) {
	if !s.Get {
		return s, nil
	}
	if len(s.Form) > 0 || s.Upload != "" {
		return s, exit.Usagef("-G has no use with -F and -T")
	}
	query, err := s.data(in)
	if err != nil {
		return s, err
	}
	if len(query) > 0 {
		address, fragment, _ := strings.Cut(s.URL, "#")
		between := "?"
		if strings.Contains(address, "?") {
			between = "&"
		}
		if s.URL = address + between + string(query); fragment != "" {
			s.URL += "#" + fragment
		}
	}
	s.Get, s.Data = false, nil
	return s, nil
}

// HasBody reports whether s was given a body.
func (s *Spec) HasBody() bool {
	return (len(s.Data) > 0 || len(s.Form) > 0 || s.Upload != "") && !s.Get
}

// body returns the body of s, nil if it has none, and the type that it has unless
// -H says otherwise.
func (s *Spec) body(in *Input) (content []byte, contentType string, err error) {
	kinds := 0
	for _, given := range []bool{len(s.Data) > 0, len(s.Form) > 0, s.Upload != ""} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return nil, "", exit.Usagef("there is one body: one of -d, -F and -T")
	case len(s.Form) > 0:
		return s.form(in)
	case s.Upload != "":
		content, err := in.File("-T", s.Upload)
		if content == nil {
			content = []byte{}
		}
		return content, "", err
	case s.isJSON():
		content, err = s.data(in)
		return content, "application/json", err
	}
	content, err = s.data(in)
	return content, "application/x-www-form-urlencoded", err
}

// uploadName adds the name of the file of -T to a URL that ends with a slash, as
// curl does.
func (s *Spec) uploadName(address string) string {
	if s.Upload == "" || s.Upload == "-" || !strings.HasSuffix(address, "/") {
		return address
	}
	return address + strings.ReplaceAll(encode(filepath.Base(s.Upload)), "%2F", "/")
}
