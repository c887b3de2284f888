package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// outbound is the body of an answer. It remembers how it broke off.
type outbound struct {
	io.ReadCloser
	length int64
	broken error
}

func (b *outbound) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.length += int64(n)
	if err != nil && err != io.EOF {
		b.broken = err
	}
	return n, err
}

// end ends an exchange. It counts and tells of an answer that began and has no
// end. The client learns of that too: its connection is closed.
func (p *Proxy) end(x *exchange) {
	p.options.Meter.inFlight.Add(-1)
	if x.answer.broken == nil || errors.Is(x.Err(), context.Canceled) {
		return
	}
	p.options.Meter.brokenOff.Inc()
	if p.options.Warn != nil {
		p.options.Warn(fmt.Sprintf("the answer of %s to the %s broke off after %d bytes: %s",
			p.upstream, x.in.Method, x.answer.length, unquote(x.answer.broken)))
	}
}
