package measure

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/internal/redact"
)

// hidden is what stands for a value that may be a secret.
const hidden = "..."

// plain are curl's flags whose values are no secrets.
var plain = []string{"request", "max-time", "connect-timeout", "output"}

// plainHeaders are headers whose values are no secrets.
var plainHeaders = []string{"accept", "content-type", "prefer", "if-none-match", "user-agent"}

// commandLine returns a command line as a shell would take it, and as it can be
// shown: of what goes to the server only methods, URLs without their secrets, and
// the names of headers are left. What is not known to be harmless is hidden.
func commandLine(flags *pflag.FlagSet, groups *request.Groups, args []string) string {
	line := []string{"readback"}
	add := func(word string) { line = append(line, cli.Quote(word)) }
	for i := 0; i < len(args); i++ {
		arg := args[i]
		next := func() (string, bool) {
			if i+1 == len(args) {
				return "", false
			}
			i++
			return args[i], true
		}
		switch {
		case arg == "--" || arg == "-":
			add(arg)
		case strings.HasPrefix(arg, "--"):
			name, value, set := strings.Cut(arg[2:], "=")
			f := flags.Lookup(name)
			switch {
			case f == nil:
				add(hidden)
			case set:
				add("--" + name + "=" + shownValue(groups, f, value))
			default:
				add("--" + name)
				if f.NoOptDefVal != "" {
					continue
				}
				if value, there := next(); there {
					add(shownValue(groups, f, value))
				}
			}
		case strings.HasPrefix(arg, "-"):
			for at := 1; at < len(arg); at++ {
				f := flags.ShorthandLookup(arg[at : at+1])
				if f == nil {
					add(hidden)
					break
				}
				add("-" + arg[at:at+1])
				if f.NoOptDefVal != "" {
					continue
				}
				value := strings.TrimPrefix(arg[at+1:], "=")
				if value == "" {
					value, _ = next()
				}
				add(shownValue(groups, f, value))
				break
			}
		default: // the command's name, a method, a URL
			add(request.ShownTemplate(arg))
		}
	}
	return strings.Join(line, " ")
}

// shownValue returns the value of a flag as it can be shown.
func shownValue(groups *request.Groups, f *pflag.Flag, value string) string {
	switch {
	case f.Name == "header":
		name, _, found := strings.Cut(value, ":")
		switch {
		case !found:
			return hidden
		case slices.Contains(plainHeaders, strings.ToLower(strings.TrimSpace(name))):
			return value
		}
		return name + ": " + hidden
	case groups.Owns(f) && !slices.Contains(plain, f.Name):
		return hidden
	}
	if strings.Contains(value, "://") {
		value = request.ShownTemplate(value)
	}
	return redact.Snippet([]byte(value), 200)
}
