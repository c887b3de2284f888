package show

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/readback-go/readback/internal/pointer"
)

// outNames are what -w knows: members of the result, and the names by which scripts
// know the status from curl.
var outNames = []string{
	"command", "name", "outcome", "exit", "error", "reads", "elapsed_ms", "resume",
	"write.class", "write.status", "write.method", "write.url", "write.location", "write.exit",
	"read.status", "read.method", "read.url", "http_code", "response_code", "value", "output", "json",
}

var outField = regexp.MustCompile(`%%|%\{([^}]*)\}|\\[ntr\\]`)

// CheckOut returns what is wrong with the format of -w.
func CheckOut(format string) error {
	for _, found := range outField.FindAllStringSubmatch(format, -1) {
		if strings.HasPrefix(found[0], "%{") && !slices.Contains(outNames, found[1]) {
			return fmt.Errorf("there is no %%{%s}: there are %s", found[1], strings.Join(outNames, ", "))
		}
	}
	return nil
}

// Out writes a result as -w says: %{name} is a member, and \n, \t and %% are what
// they are to curl. What the result does not have is empty.
func Out(format, resultJSON string) string {
	result, _ := pointer.Decode([]byte(resultJSON)) // it was encoded here
	return outField.ReplaceAllStringFunc(format, func(found string) string {
		switch found {
		case "%%":
			return "%"
		case `\n`:
			return "\n"
		case `\t`:
			return "\t"
		case `\r`:
			return "\r"
		case `\\`:
			return `\`
		}
		switch name := found[2 : len(found)-1]; name {
		case "json":
			return strings.TrimSuffix(resultJSON, "\n")
		case "http_code", "response_code":
			return member(result, "read.status")
		default:
			return member(result, name)
		}
	})
}

func member(value any, path string) string {
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	text, _ := json.Marshal(value)
	return string(text)
}
