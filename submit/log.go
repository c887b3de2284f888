package submit

import (
	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/redact"
)

// What package consistency logs of a job's steps is at debug level. What is
// logged here tells an operator what became of processes and of the store.

func (s *Submitter[J, W, R]) info(what string, fields ...zap.Field) {
	s.options.Policy.Logger.Info("submit: "+what, fields...)
}

func (s *Submitter[J, W, R]) warn(what string, fields ...zap.Field) {
	s.options.Policy.Logger.Warn("submit: "+what, fields...)
}

func errorField(err error) zap.Field  { return zap.String("error", redact.Error(err)) }
func holderField(id string) zap.Field { return zap.String("holder", id) }
func keyField(key string) zap.Field   { return zap.String("key", key) }
