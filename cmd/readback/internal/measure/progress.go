package measure

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/report"
)

// progress tells how far a measurement is: with a bar on a terminal, and
// otherwise with a line now and then.
type progress interface {
	done(report.Flow)
	end()
}

func newProgress(streams cli.Streams, count int, quiet bool) progress {
	switch {
	case quiet:
		return silence{}
	case streams.Terminal:
		return newBar(streams, count)
	}
	return &lines{to: streams.Err, count: count, began: time.Now()}
}

type silence struct{}

func (silence) done(report.Flow) {}
func (silence) end()             {}

type bar struct{ *progressbar.ProgressBar }

func newBar(streams cli.Streams, count int) bar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(streams.Err),
		progressbar.OptionSetDescription("measuring"),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionEnableColorCodes(streams.Color),
		// What surrounds the bar takes some 45 columns.
		progressbar.OptionSetWidth(min(max(streams.Width()-45, 5), 40)),
	}
	b := progressbar.NewOptions(count, options...)
	_ = b.RenderBlank() // a terminal that has gone is no reason to end
	return bar{b}
}

func (b bar) done(report.Flow) { _ = b.Add(1) }
func (b bar) end()             { _ = b.Clear() }

// lines are for a log: the first flow, and then at most every tenth part and
// every ten seconds.
type lines struct {
	to    io.Writer
	count int
	began time.Time
	flows int
	last  time.Time
}

const pace = 10 * time.Second

func (l *lines) done(report.Flow) {
	l.flows++
	now := time.Now()
	if l.flows > 1 && l.flows < l.count && now.Sub(l.last) < pace {
		return
	}
	l.last = now
	left := now.Sub(l.began) / time.Duration(l.flows) * time.Duration(l.count-l.flows)
	line := fmt.Sprintf("readback: %d of %d flows", l.flows, l.count)
	if left > 0 {
		line += fmt.Sprintf(", about %v left", left.Round(time.Second))
	}
	fmt.Fprintln(l.to, line)
}

func (l *lines) end() {}
