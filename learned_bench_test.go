package readback_test

import (
	"testing"
	"time"

	"github.com/readback-go/readback"
)

func BenchmarkLearned(b *testing.B) {
	// Two deadlines in turn: each plan has to be made anew.
	b.Run("plan", func(b *testing.B) {
		s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("lognormal"), 500)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s.First(time.Duration(30+i%2) * time.Second)
			s.Plan()
		}
	})
	b.Run("plan=kept", func(b *testing.B) {
		s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("lognormal"), 500)
		b.ReportAllocs()
		for b.Loop() {
			s.First(time.Minute)
			s.Plan()
		}
	})
	b.Run("next", func(b *testing.B) {
		s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("lognormal"), 500)
		step := readback.Step{Reads: 1, Began: 55 * time.Millisecond, Ended: 56 * time.Millisecond, Deadline: time.Minute}
		plan := s.Plan()
		plan.Next(step)
		b.ReportAllocs()
		for b.Loop() {
			plan.Next(step)
		}
	})
	b.Run("observe", func(b *testing.B) {
		s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("lognormal"), 500)
		b.ReportAllocs()
		for b.Loop() {
			s.Observe(readback.Lag{After: 50 * time.Millisecond, By: 90 * time.Millisecond, Reads: 2})
		}
	})
	b.Run("observe=first", func(b *testing.B) {
		s := taught(readback.LearnedOptions{Seed: 1}, lawNamed("lognormal"), 500)
		b.ReportAllocs()
		for b.Loop() {
			s.Observe(readback.Lag{After: -1, By: 50 * time.Millisecond, Reads: 1})
		}
	})
}
