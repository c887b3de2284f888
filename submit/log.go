package submit

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/readback-go/readback/internal/redact"
)

// Package consistency logs the steps of each job, at debug level. The log of this package
// is for operators: it is about processes, leases and the store.

func (s *engine) info(what string, fields ...zap.Field) {
	s.log(zap.InfoLevel, what, fields)
}

func (s *engine) warn(what string, fields ...zap.Field) {
	s.log(zap.WarnLevel, what, fields)
}

// log writes an entry. A panic of the logger loses the entry, and nothing else: many
// goroutines that log are not of one job, which could be set aside.
func (s *engine) log(level zapcore.Level, what string, fields []zap.Field) {
	defer func() { _ = recover() }()
	s.options.Policy.Logger.Log(level, "submit: "+what, fields...)
}

func errorField(err error) zap.Field  { return zap.String("error", redact.Error(err)) }
func holderField(id string) zap.Field { return zap.String("holder", id) }
func keyField(key string) zap.Field   { return zap.String("key", key) }
