package readbacktest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbacktest"
)

// The text is for people, and as they see it.
func TestReport(t *testing.T) {
	t.Parallel()
	const missing = "GET https://api.example/ws?api_key=REDACTED: 404 Not Found"
	tests := []struct {
		name string
		give service
		want string
	}{
		{"a long road", service{answers: []any{status(404), status(403), errors.New("connection reset"), status(404)}}, `
create workspace: unconfirmed, want confirmed
cause:     the deadline of the poll passed
last read: ` + missing + `

at      took  step     status  says     reason
-5ms    5ms   write 1          applied
0s      1ms   read 1   404     pending  not found    ` + missing + `
1.001s  1ms   read 2   403     pending  forbidden    GET https://api.example/ws?api_key=REDACTED: 403 Forbidden
2.002s  1ms   read 3           unknown  unavailable  connection reset
3.003s  1ms   read 4   404     pending  not found    ` + missing + `
4.004s  1ms   read 5   404     pending  not found    ` + missing + `
5.005s  1ms   read 6   404     pending  not found    ` + missing + `
6.006s  1ms   read 7   404     pending  not found    ` + missing + `
7.007s  1ms   read 8   404     pending  not found    ` + missing + `
8.008s  1ms   read 9   404     pending  not found    ` + missing + `
9.009s  1ms   read 10  404     pending  not found    ` + missing + `
9.998s  1ms   read 11  404     pending  not found    ` + missing + `
10s           end      404     unconfirmed`},
		{"a read that stops it", service{answers: []any{status(401)}}, `
create workspace: unconfirmed, want confirmed
cause:     GET https://api.example/ws?api_key=REDACTED: 401 Unauthorized

at    took  step     status  says     reason
-5ms  5ms   write 1          applied
0s    1ms   read 1   401     stop     refused  GET https://api.example/ws?api_key=REDACTED: 401 Unauthorized
1ms         end      401     unconfirmed`},
		{"refused", service{write: status(422)}, `
create workspace: failed, want confirmed
write:     GET https://api.example/ws?api_key=REDACTED: 422 Unprocessable Entity

at    took  step     status  says     reason
-5ms  5ms   write 1  422     refused          GET https://api.example/ws?api_key=REDACTED: 422 Unprocessable Entity
0s          end      422     failed`},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			got := under(func(t *fakeT) { readbacktest.Confirm(t, everySecond, tt.give.flow()) })
			assert.Equal(t, strings.TrimPrefix(tt.want, "\n"), got.text())
			assert.NotContains(t, got.text(), "s3cret")
			assert.NotContains(t, got.text(), "hunter2")
		})
	}
}

// Of many reads the first and the last are shown, and how many there were.
func TestReport_bounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := everySecond
		p.Within *= 1000
		got := under(func(t *fakeT) {
			readbacktest.Confirm(t, p, (&service{answers: []any{status(404)}}).flow())
		})
		lines := strings.Split(got.text(), "\n")
		assert.Len(t, lines, 3+1+1+20+1+20)
		assert.Contains(t, lines[5], " write 1 ")
		assert.Contains(t, lines[24], " read 19 ")
		assert.Regexp(t, `^ +… \d{4} more$`, lines[25])
		assert.Contains(t, lines[len(lines)-1], " end ")
		var before, after int
		_, err := fmt.Sscanf(strings.Fields(lines[26])[3], "%d", &before)
		require.NoError(t, err)
		_, err = fmt.Sscanf(strings.Fields(lines[44])[3], "%d", &after)
		require.NoError(t, err)
		assert.Equal(t, 18, after-before, "in order")
		var omitted int
		_, err = fmt.Sscanf(strings.TrimSpace(lines[25]), "… %d more", &omitted)
		require.NoError(t, err)
		assert.Equal(t, after+2, 20+omitted+20, "none is lost")
	})
}

// However long an error is, its line can be read.
func TestReport_longErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := service{answers: []any{errors.New(strings.Repeat("many\nwords ", 1000))}}
		got := under(func(t *fakeT) { readbacktest.Confirm(t, everySecond, s.flow()) })
		for line := range strings.Lines(got.text()) {
			assert.LessOrEqual(t, len(line), 1050)
		}
	})
}

// What an error answer said is part of the reasons.
func TestReport_body(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := consistency.Create("create workspace",
			func(context.Context) (string, error) { return "ws-7", nil },
			func(context.Context, string) (*workspace, error) { return nil, badRequest{} })
		got := under(func(t *fakeT) { readbacktest.Confirm(t, everySecond, f) })
		assert.Contains(t, got.text(), "\nbody:      {\"message\":\"no such plan\",\"token\":\"REDACTED\"}\n")
	})
}

type badRequest struct{}

func (badRequest) Error() string { return "bad request" }
func (badRequest) Answer() consistency.Answer {
	return consistency.Answer{Status: 400, Body: []byte(`{"message":"no such plan","token":"s3cret"}`)}
}

// The failure shows the line of the call, not one of ours.
func TestReport_line(t *testing.T) {
	t.Parallel()
	if os.Getenv("READBACKTEST_FAIL") != "" {
		f := (&service{write: status(422)}).flow()
		good := func(context.Context) (int, error) { return 1, nil }
		t.Run("confirm", func(t *testing.T) { readbacktest.Confirm(t, everySecond, f) })
		t.Run("unconfirmed", func(t *testing.T) { readbacktest.Unconfirmed(t, everySecond, f) })
		t.Run("failed", func(t *testing.T) { readbacktest.Failed(t, consistency.Policy{Settle: -1}, f) })
		t.Run("eventually", func(t *testing.T) { readbacktest.Eventually(t, consistency.Policy{Settle: -1}, good, nil) })
		t.Run("never", func(t *testing.T) { readbacktest.Never(t, everySecond, good, nil) })
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReport_line$")
	cmd.Env = append(os.Environ(), "READBACKTEST_FAIL=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "%s", out)
	text := string(out)
	assert.Equal(t, 5, strings.Count(text, "assert_report_test.go:"), text)
	for _, file := range []string{"assert.go:", "assert_report.go:", "eventually.go:"} {
		assert.NotContains(t, text, file)
	}
}
