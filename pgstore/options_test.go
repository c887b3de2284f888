package pgstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/pgstore"
)

// What is wrong with options is told before anything is sent.
func TestOptions_invalid(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]pgstore.Options{
		`a schema cannot be named "Public"`:    {Schema: "Public"},
		`a schema cannot be named "a\"; DROP"`: {Schema: `a"; DROP`},
		`a table cannot be named "a.b"`:        {Table: "a.b"},
		"40 at most":                           {Table: strings.Repeat("t", 41)},
		"Options.Poll is negative: -1s":        {Poll: -time.Second},
		"shorter than a millisecond: 1µs":      {Poll: time.Microsecond},
	} {
		_, err := pgstore.Migrations(o)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, pgstore.Migrate(t.Context(), nil, o), want)
	}
	_, err := pgstore.Open(t.Context(), nil, pgstore.Options{})
	require.ErrorContains(t, err, "needs a pool")
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	steps, err := pgstore.Migrations(pgstore.Options{Schema: "s", Table: "t"})
	require.NoError(t, err)
	for i, step := range steps {
		assert.Equal(t, i+1, step.Version)
		assert.NotContains(t, step.SQL, "{", "a name that is not filled in")
		assert.Contains(t, step.SQL, `COMMENT ON TABLE "s"."t" IS 'readback pgstore, version`)
	}
}
