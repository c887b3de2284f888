package natsstore_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/natsstore"
)

func TestOpen_options(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]natsstore.Options{
		"either Options.URL or Options.Dir": {URL: "nats://127.0.0.1:1", Dir: "x"},
		"NoSync is for a server":            {URL: "nats://127.0.0.1:1", NoSync: true},
		"Options.Connect needs":             {Dir: "x", Connect: []nats.Option{nats.Name("x")}},
		"3 replicas need the URL":           {Dir: "x", Replicas: 3},
		"7 replicas: there can be":          {URL: "nats://127.0.0.1:1", Replicas: 7},
		"the timeout is negative: -1s":      {Dir: "x", Timeout: -time.Second},
		`a bucket cannot be named "a.b"`:    {Dir: "x", Bucket: "a.b"},
		"mkdir /dev/null: not a directory":  {Dir: "/dev/null/store"},
	} {
		_, err := natsstore.Open(t.Context(), o)
		require.ErrorContains(t, err, want)
	}
	assert.NoFileExists(t, "x")
}
