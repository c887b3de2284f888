// Package request reads curl's flags into HTTP requests.
//
// One list of arguments can describe several requests: a flag of its own, such
// as --then, ends one and begins the next.
//
//	groups := request.AddFlags(cmd.Flags(), request.Marker{Name: "then", Usage: "…"})
//	…
//	specs, err := groups.Specs(args) // after the flags were parsed
package request

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// Marker is a flag that begins another request.
type Marker struct {
	Name  string
	Usage string

	// Many says that the flag can be given again, for one more request each time.
	// Begin, if not nil, is called whenever it is given.
	Many  bool
	Begin func()
}

// Groups are the requests of one list of arguments, in the order of their
// markers. Make them with [AddFlags].
type Groups struct {
	fs      *pflag.FlagSet
	names   []string // of the markers; the first request has none
	current int
	specs   []*Spec
	starts  []int // number of positional arguments before each request; -1 if its marker was not given
	order   []int // of the requests as they were given
	twice   string
	several bool // requests that take nothing from the first
}

// AddFlags adds curl's flags to fs, and one for each marker. Flags belong to the
// request that they stand in; what is not curl's can stand anywhere.
func AddFlags(fs *pflag.FlagSet, markers ...Marker) *Groups {
	g := &Groups{fs: fs, names: []string{""}, specs: []*Spec{{}}, starts: []int{0}, order: []int{0}}
	for _, m := range markers {
		if m.Many {
			f := fs.VarPF(&marker{g, -1, m}, m.Name, "", m.Usage)
			f.NoOptDefVal = "true"
			continue
		}
		g.names = append(g.names, m.Name)
		g.specs = append(g.specs, &Spec{})
		g.starts = append(g.starts, -1)
		n := len(g.names) - 1
		f := fs.VarPF(&marker{g, n, m}, m.Name, "", m.Usage)
		f.NoOptDefVal = "true"
	}
	for _, c := range curlFlags {
		f := fs.VarPF(&value{g, c}, c.name, c.short, c.usage)
		if c.isBool {
			f.NoOptDefVal = "true"
		}
	}
	return g
}

// marker is the value of a flag that begins another request.
type marker struct {
	groups *Groups
	n      int // of the request; negative if each time begins another
	given  Marker
}

// IsMarker tells that no variable speaks of the flag.
func (m *marker) IsMarker() {}

func (m *marker) String() string { return "" }
func (m *marker) Type() string   { return "bool" }

func (m *marker) Set(text string) error {
	g := m.groups
	if text != "true" {
		return fmt.Errorf("--%s takes no value: what follows it is the request", m.given.Name)
	}
	if m.given.Begin != nil {
		m.given.Begin()
	}
	if m.n < 0 {
		g.current = len(g.specs)
		g.names, g.specs = append(g.names, m.given.Name), append(g.specs, &Spec{})
		g.starts, g.order = append(g.starts, g.fs.NArg()), append(g.order, g.current)
		g.several = true
		return nil
	}
	if g.starts[m.n] >= 0 {
		g.twice = g.names[m.n] // found by Specs, since completions parse twice
	}
	g.starts[m.n] = g.fs.NArg()
	g.current = m.n
	g.order = append(g.order, m.n)
	return nil
}

// SetEnv leaves the requests alone: no variable can say where one begins.
func (m *marker) SetEnv(string) error { return nil }

// value is the value of one of curl's flags.
type value struct {
	groups *Groups
	flag   curlFlag
}

func (v *value) String() string { return "" }

func (v *value) Type() string {
	if v.flag.isBool {
		return "bool"
	}
	return v.flag.kind
}

func (v *value) Set(text string) error {
	return v.flag.set(v.groups.specs[v.groups.current], text)
}

// SetEnv sets the flag of the first request, unless the arguments gave it: the
// others take from that one what they do not say themselves. Of several that take
// nothing from each other it sets them all.
func (v *value) SetEnv(text string) error {
	specs := v.groups.specs
	if !v.groups.several {
		specs = specs[:1]
	}
	for _, s := range specs {
		if v.flag.given(s) {
			continue
		}
		for _, line := range v.flag.lines(text) {
			if err := v.flag.set(s, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// Given reports whether the request of that marker is there. The first request,
// which has no marker, always is.
func (g *Groups) Given(marker string) bool {
	for n, name := range g.names {
		if name == marker {
			return g.starts[n] >= 0
		}
	}
	return false
}

// Owns reports whether a flag is one of curl's, or a marker.
func (g *Groups) Owns(f *pflag.Flag) bool {
	switch v := f.Value.(type) {
	case *value:
		return v.groups == g
	case *marker:
		return v.groups == g
	}
	return false
}

var methodWord = regexp.MustCompile(`^[A-Z]+$`)

// Specs returns the requests, that of each marker in the order of [AddFlags],
// whether given or not. Args are the positional ones that parsing left: of each
// request, its URL, or its method and URL.
func (g *Groups) Specs(args []string) ([]Spec, error) { return g.SpecsAfter(0, args) }

// SpecsAfter is Specs for a command whose first n positional arguments are not
// the request's.
func (g *Groups) SpecsAfter(n int, args []string) ([]Spec, error) {
	if g.twice != "" {
		return nil, exit.Usagef("--%s was given before", g.twice)
	}
	specs := make([]Spec, len(g.specs))
	for i, s := range g.specs {
		specs[i] = *s
		own := g.own(i, args)
		if i == 0 {
			own = own[min(n, len(own)):]
		}
		what := "the request"
		if g.names[i] != "" {
			what = "--" + g.names[i]
		}
		switch {
		case len(own) == 2 && methodWord.MatchString(own[0]):
			if specs[i].Method != "" {
				return nil, exit.Usagef("%s has two methods: %s, and -X %s", what, own[0], specs[i].Method)
			}
			specs[i].Method, specs[i].URL = own[0], own[1]
		case len(own) == 1 && i > 0 && methodWord.MatchString(own[0]):
			specs[i].Method = own[0]
		case len(own) == 1:
			specs[i].URL = own[0]
		case len(own) > 1:
			return nil, exit.Usagef("%s has %d arguments; it takes one URL, or a method and a URL", what, len(own))
		}
		specs[i].takeUser()
	}
	return specs, nil
}

// own returns the positional arguments of request n.
func (g *Groups) own(n int, args []string) []string {
	if g.starts[n] < 0 {
		return nil
	}
	end := len(args)
	if at := slices.Index(g.order, n); at+1 < len(g.order) {
		end = g.starts[g.order[at+1]]
	}
	return args[g.starts[n]:end]
}

// First returns how many positional arguments the first request has.
func (g *Groups) First(args []string) int { return len(g.own(0, args)) }
