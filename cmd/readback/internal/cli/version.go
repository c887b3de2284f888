package cli

import "runtime/debug"

// Version returns the version of this program, as go install knows it. Of a clone it is
// devel, with the revision if that is known.
func Version() string { return version(debug.ReadBuildInfo()) }

func version(info *debug.BuildInfo, known bool) string {
	if !known {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	text := "devel"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			text += ", modified"
		}
	}
	return text
}
