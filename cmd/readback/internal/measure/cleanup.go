package measure

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/internal/redact"
)

// waits are those between the tries of a cleanup: what was just written may not
// be known yet to what takes it back.
var waits = []time.Duration{time.Second, 3 * time.Second}

// cleanUp takes the write of a flow back, whether ctx has ended or not. It
// returns how that went: nothing if there is nothing to do.
func (m *measurement) cleanUp(ctx context.Context, n int, answer *request.Answer, outcome consistency.Outcome) string {
	req, err := m.takeBack(n, answer)
	if err != nil {
		return err.Error()
	}
	if req == nil {
		return ""
	}
	ctx = context.WithoutCancel(ctx)
	why, again := m.try(ctx, req, outcome)
	// Sent again is only what does no harm if it is carried out twice.
	if req.Method == http.MethodDelete || req.Method == http.MethodPut {
		for _, wait := range waits {
			if !again {
				break
			}
			pause.For(ctx, wait)
			why, again = m.try(ctx, req, outcome)
		}
	}
	if why != "" {
		return fmt.Sprintf("%s %s: %s", req.Method, redact.URL(req.URL), why)
	}
	return report.Cleaned
}

// try sends the cleanup once. It returns why the write may still be there, and
// whether another try may help.
func (m *measurement) try(ctx context.Context, req *http.Request, outcome consistency.Outcome) (why string, again bool) {
	ctx, cancel := context.WithTimeout(ctx, m.limit)
	defer cancel()
	req = req.Clone(ctx)
	if req.GetBody != nil {
		req.Body, _ = req.GetBody() // made of what is in memory
	}
	resp, err := m.connections.Write.RoundTrip(req)
	if err != nil {
		return redact.Error(err), true
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // for the connection's sake
	_ = resp.Body.Close()
	switch status := resp.StatusCode; {
	case status >= 200 && status < 300:
		return "", false
	case outcome == consistency.Confirmed && (status == http.StatusNotFound || status == http.StatusGone):
		return "", false // it was there, and is not any more
	default:
		lagging := status == http.StatusForbidden || status == http.StatusNotFound || status == http.StatusConflict ||
			status == http.StatusLocked || status == http.StatusTooEarly || status == http.StatusTooManyRequests || status >= 500
		return resp.Status, lagging
	}
}
