package cli

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	module := func(version string) debug.Module { return debug.Module{Version: version} }
	for want, info := range map[string]*debug.BuildInfo{
		"devel":               {Main: module("(devel)")},
		"v1.2.3":              {Main: module("v1.2.3"), Settings: []debug.BuildSetting{setting("vcs.revision", "abc")}},
		"devel abc":           {Main: module("(devel)"), Settings: []debug.BuildSetting{setting("vcs.revision", "abc"), setting("vcs.modified", "false")}},
		"devel abc, modified": {Settings: []debug.BuildSetting{setting("vcs.revision", "abc"), setting("vcs.modified", "true")}},
	} {
		assert.Equal(t, want, version(info, true))
	}
	assert.Equal(t, "devel", version(nil, false))
}
