package proxy

import (
	"net/http"
	"time"
)

// tune sets up a transport for the requests of many clients to one upstream.
func tune(t *http.Transport) *http.Transport {
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second} // or a dead connection is never noticed

	// All idle connections are to one host. Servers close theirs after 5 s and
	// more; a write that crosses with that is lost, and nobody knows whether it
	// was carried out.
	t.MaxIdleConns = 0
	t.MaxIdleConnsPerHost = 1024
	t.IdleConnTimeout = 4 * time.Second

	t.ExpectContinueTimeout = time.Second
	t.MaxResponseHeaderBytes = headerLimit
	t.DisableCompression = true // only the client says which encodings it accepts
	return t
}

const headerLimit = 1 << 20
