package measure_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The command line is kept as it was given, but for what may be a secret.
func TestLine(t *testing.T) {
	t.Parallel()
	against(t, "", echo(201), func(t *testing.T, w *world) {
		_, r := w.measured(t.Context(), "-XPOST", "http://anna:pw1@api.test/things?key=k1&n={n}",
			"-H", "Authorization: Bearer pw2", "-H", "Content-Type: application/json", "-HX-Key: pw3", "-sk", "-u", "bob:pw4",
			"-d", `{"secret":"pw5"}`, "--data-raw=pw6", "--then", "GET", "{location}", "-A", "me", "--cleanup", "{location}?token=t1",
			"--count=1", "--settle-for", "0", "--slo", "p50<2s", "--place", "it's here")
		assert.Equal(t, `readback measure -X POST 'http://api.test/things?key=REDACTED&n={n}' `+
			`-H 'Authorization: ...' -H 'Content-Type: application/json' -H 'X-Key: ...' -s -k -u ... `+
			`-d ... --data-raw=... --then GET '{location}' -A ... --cleanup '{location}?token=REDACTED' `+
			`--count=1 --settle-for 0 --slo 'p50<2s' --place 'it'\''s here' --json`, r.Command)
		assert.Equal(t, "it's here", r.Place)
		assert.Regexp(t, `^readback .+, go1\.[0-9.]+ [a-z0-9]+/[a-z0-9]+$`, r.Readback)
		assert.Equal(t, 1, r.Parallel)
		assert.Nil(t, r.Pause, "it followed the lags")
	})
}
