//go:build postgres

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A shop is this binary, started again.
func TestMain(m *testing.M) {
	if os.Getenv(shopEnv) != "" {
		if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, "shop:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-orders", "30"}, &out, &out), "%s", &out)
	assert.Contains(t, out.String(), "killed just before the commit of order-0010")
	assert.Contains(t, out.String(), "killed just after the commit of order-0021")
	assert.Regexp(t, `(?m)^ +killed before the commit +0 +0 +0 +0 +0 +0$`, out.String())
	assert.Regexp(t, `(?m)^ +killed after the commit +1 +1 +1 +0 +0 +1$`, out.String())
	assert.Regexp(t, `(?m)^ +rolled back +0 +0 +0 +0 +0 +0$`, out.String())
	assert.Contains(t, out.String(), "a job without its order 0, made twice 0, told wrong 0\n")
}
