package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// EnvPrefix begins the name of the variable of every flag.
const EnvPrefix = "READBACK_"

// EnvName returns the variable of a flag: READBACK_READ_TIMEOUT of
// --read-timeout.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// EnvValue is a flag's value that decides for itself what a variable of the
// environment sets.
type EnvValue interface {
	// SetEnv gets the text of the variable after the arguments were parsed.
	SetEnv(text string) error
}

// noEnv are flags for which a variable makes no sense.
var noEnv = map[string]bool{"help": true, "version": true}

// mayBeEmpty are flags for which nothing is a value; --for is taken back by --and.
var mayBeEmpty = map[string]bool{"find-data": true, "write-out": true, "for": true}

// RefuseEmpty returns an error for a flag with an empty value, such as that of a
// shell variable that is not set: the flag would be ignored without a word. Flags
// that are curl's may be empty where curl's may be.
func RefuseEmpty(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		var values []string
		switch list, isList := f.Value.(pflag.SliceValue); {
		case isList:
			values = list.GetSlice()
		case f.Value.Type() == "string":
			if _, own := f.Value.(EnvValue); !own {
				values = []string{f.Value.String()}
			}
		}
		if err == nil && !mayBeEmpty[f.Name] && slices.Contains(values, "") {
			err = exit.Usagef("--%s was given without a value", f.Name)
		}
	})
	return err
}

// SetFromEnv gives each flag that the arguments do not give the value of its
// variable, if there is one that is not empty. A flag that can be repeated has
// one value a line.
func SetFromEnv(flags *pflag.FlagSet, lookup func(string) (string, bool)) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := EnvName(f.Name)
		text, found := lookup(name)
		if err != nil || !found || text == "" || noEnv[f.Name] {
			return
		}
		if bad := setFromEnv(flags, f, text); bad != nil {
			err = exit.Usagef("%s: %w", name, bad)
		}
	})
	return err
}

func setFromEnv(flags *pflag.FlagSet, f *pflag.Flag, text string) error {
	if v, ok := f.Value.(EnvValue); ok {
		return v.SetEnv(text)
	}
	if f.Changed {
		return nil
	}
	if _, ok := f.Value.(pflag.SliceValue); !ok {
		return flags.Set(f.Name, text)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := flags.Set(f.Name, line); err != nil {
			return err
		}
	}
	return nil
}
