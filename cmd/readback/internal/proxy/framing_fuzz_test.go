package proxy

import "testing"

// However the bytes are cut into pieces, the same of them are sound, but for what
// was handed on of a line before its end came.
func FuzzFraming(f *testing.F) {
	const head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, seed := range []string{
		head + "5\r\nhello\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n", head + "5;a=\"b\"\r\nhelloX\r\n", head + "0\r\nX Y\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n\x00",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\n", "PRI * HTTP/2.0\r\nHost: a\r\n\r\n" + head, "PRI * HTTP/2.0\n\r\nSM",
	} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, give []byte, size int) {
		var whole, pieces framing
		sound, wrong := whole.follow(give)
		if wrong == "" && sound != len(give) {
			t.Fatalf("%d of %d bytes without a reason", sound, len(give))
		}
		size = max(1, min(size, len(give)))
		at := 0
		for rest := give; len(rest) > 0; {
			piece := rest[:min(size, len(rest))]
			n, why := pieces.follow(piece)
			at += n
			if why != "" {
				if why != wrong || at < sound || pieces.requests != whole.requests {
					t.Fatalf("in pieces of %d: %q after %d bytes, whole: %q after %d", size, why, at, wrong, sound)
				}
				return
			}
			rest = rest[len(piece):]
		}
		if wrong != "" {
			t.Fatalf("in pieces of %d nothing is wrong, whole: %q", size, wrong)
		}
	})
}
