package readbackgrpc_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
)

// refusingStreams is a server that takes no notice of the first streams, and says
// so, and answers the next with ALREADY_EXISTS.
func refusingStreams(t *testing.T, refused int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_ = (&peer{conn: conn, refused: &refused}).serve() // until the client closes
			})
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

type peer struct {
	conn    net.Conn
	refused *int
}

func (p *peer) serve() error {
	if _, err := io.ReadFull(p.conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return err
	}
	f := http2.NewFramer(p.conn, p.conn)
	if err := f.WriteSettings(); err != nil {
		return err
	}
	var last uint32 // the stream that was refused last
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return err
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				err = f.WritePing(true, frame.Data)
			}
		case *http2.HeadersFrame:
			if *p.refused > 0 {
				*p.refused--
				last = frame.StreamID
				err = f.WriteRSTStream(frame.StreamID, http2.ErrCodeRefusedStream)
			}
		case *http2.DataFrame:
			// An answer before the end of the request would now and then be EOF to gRPC, which
			// has no status. What is left of a refused stream gets none.
			if !frame.StreamEnded() || frame.StreamID == last {
				break
			}
			var block bytes.Buffer
			e := hpack.NewEncoder(&block)
			for _, field := range [][2]string{{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "6"}} {
				if err := e.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
					return err
				}
			}
			err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: frame.StreamID, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
		}
		if err != nil {
			return err
		}
	}
}

// An attempt that the server has not processed, and says so, is no try: gRPC makes
// it again by itself, and a refusal of the next one is the whole truth. A second
// one is not made again, and proves nothing.
func TestCounting_transparentRetries(t *testing.T) {
	t.Parallel()
	for refused, want := range []error{consistency.ErrFailed, consistency.ErrFailed, consistency.ErrUnconfirmed} {
		c := connect(t, refusingStreams(t, refused), readbackgrpc.Counting()...)
		flow := creation(c)
		flow.Find, flow.MineValue = nil, nil
		_, err := consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
		assert.ErrorIs(t, err, want, "%d streams refused", refused)
	}
}
