package main

import (
	"io"
	"log"
	"os"
	"testing"
)

// Terraform's poller logs to the standard logger, which would time the
// terminal.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}
