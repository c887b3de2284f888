package submit

import (
	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/redact"
)

// Package consistency logs the steps of each job, at debug level. The log of this package
// is for operators: it is about processes, leases and the store.

func (s *Submitter[J, W, R]) info(what string, fields ...zap.Field) {
	s.options.Policy.Logger.Info("submit: "+what, fields...)
}

func (s *Submitter[J, W, R]) warn(what string, fields ...zap.Field) {
	s.options.Policy.Logger.Warn("submit: "+what, fields...)
}

func errorField(err error) zap.Field  { return zap.String("error", redact.Error(err)) }
func holderField(id string) zap.Field { return zap.String("holder", id) }
func keyField(key string) zap.Field   { return zap.String("key", key) }
