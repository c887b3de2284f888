package redact_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/internal/redact"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	err := redact.Guard(&url.Error{Op: "Get", URL: "https://h/x?token=hunter2", Err: refused})

	assert.EqualError(t, err, `Get "https://h/x?token=REDACTED": refused`)
	require.ErrorIs(t, err, refused)
	var urlErr *url.Error
	require.ErrorAs(t, err, &urlErr)
	assert.NoError(t, redact.Guard(nil))
}
