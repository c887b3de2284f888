package consistency

import (
	"io"
	"net/http"

	"github.com/readback-go/readback/internal/coding"
)

const (
	// bodyLimit is how much of a body the rules see.
	bodyLimit = 64 << 10
	// shortBody is how much is read of a body that no rule asks for: enough for an
	// error's message, or to see that there is nothing in it.
	shortBody = emptyLimit + 1
	// drainLimit is how much more of a body is read to get its connection back.
	drainLimit = 64 << 10
)

// release gives back the connection of a response, while its context lasts. It
// returns the beginning of what the body says, and whether that is all.
func release[T any](value *T, asked bool) (body []byte, whole bool) {
	resp, ok := any(*value).(*http.Response)
	if !ok || resp == nil || resp.Body == nil {
		return nil, false
	}
	limit := shortBody
	if asked {
		limit = bodyLimit
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)))
	whole = err == nil && len(body) < limit
	if !whole && err == nil {
		_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	}
	_ = resp.Body.Close()
	if body == nil {
		body = []byte{}
	}
	return coding.Text(resp.Header, body, whole, limit) // nil if it cannot be read
}
