package proxy

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/readback-go/readback/natsstore/natsshare"
	"github.com/readback-go/readback/readbackhttp"
)

// leastSecret and mostSecret bound the file of the secret, in bytes.
const (
	leastSecret = 16
	mostSecret  = 64 << 10
)

// sharing connects to those with whom the flags say that writes are shared. Stop ends
// that.
func (s *settings) sharing(warn func(line string)) (share readbackhttp.Share, stop func(), err error) {
	stop = func() {}
	switch {
	case s.share == "" && s.shareSecret == "" && s.shareSubject == "":
		return share, stop, nil
	case s.share == "":
		return share, stop, fmt.Errorf("--share-secret-file and --share-subject have no use without --share")
	case s.shareSecret == "":
		return share, stop, fmt.Errorf("--share needs --share-secret-file, with what all who share have")
	}
	if share.Secret, err = readSecret(s.shareSecret); err != nil {
		return share, stop, fmt.Errorf("--share-secret-file: %w", err)
	}
	carrier, err := natsshare.Connect(natsshare.Options{URL: s.share, Subject: s.shareSubject, Logger: zapTo(warn)})
	if err != nil {
		return share, stop, fmt.Errorf("--share: %w", err)
	}
	share.Carrier = carrier
	return share, carrier.Close, nil
}

// readSecret returns what is in the file, without the end of the line. Its errors show
// nothing of it.
func readSecret(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimRight(data, "\r\n")
	if len(data) < leastSecret || len(data) > mostSecret {
		return nil, fmt.Errorf("%s has %d bytes: want %d or more, such as head -c 32 /dev/urandom makes", path, len(data), leastSecret)
	}
	return data, nil
}

// zapTo returns a logger whose lines go where those of the proxy go.
func zapTo(warn func(line string)) *zap.Logger {
	if warn == nil {
		return zap.NewNop()
	}
	encoder := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "message"})
	return zap.New(zapcore.NewCore(encoder, zapcore.AddSync(shareLines{warn}), zap.InfoLevel))
}

type shareLines struct{ warn func(line string) }

func (l shareLines) Write(p []byte) (int, error) {
	l.warn("--share: " + strings.TrimSpace(strings.ReplaceAll(string(p), "\t", " ")))
	return len(p), nil
}
