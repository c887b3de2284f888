// Package ci tells how runs ended to the programs that run them: a report in
// JUnit's form, GitHub's annotations and job summary, and events as they happen.
package ci

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/files"
	"github.com/readback-go/readback/cmd/readback/internal/show"
)

type testsuite struct {
	XMLName  xml.Name   `xml:"testsuite"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Time     string     `xml:"time,attr"`
	Cases    []testcase `xml:"testcase"`
}

type testcase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Time    string   `xml:"time,attr"`
	Failure *problem `xml:"failure,omitempty"`
	Error   *problem `xml:"error,omitempty"`
	Out     string   `xml:"system-out,omitempty"`
}

type problem struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// refused is the status of a run whose reads were refused: an error of the test,
// not of what it tests.
const refused = 3

// JUnit writes a report with one test for each result. The file is whole, or as
// it was. What is no file, such as a device or a pipe, is written to.
func JUnit(name string, results []show.Result) error {
	suite := testsuite{Name: "readback", Tests: len(results)}
	longest := 0.0
	for _, r := range results {
		longest = max(longest, r.Elapsed)
		c := testcase{Class: "readback." + r.Command, Name: r.Name, Time: seconds(r.Elapsed), Out: steps(r)}
		p := &problem{Type: r.Outcome, Message: r.Text, Text: r.Resume}
		switch {
		case r.Exit == 0:
		case r.Exit == refused || r.Exit > 128:
			c.Error = p
			suite.Errors++
		default:
			c.Failure = p
			suite.Failures++
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Time = seconds(longest)
	data, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	text := xml.Header + string(data) + "\n"
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return pour(name, text)
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	return files.Replace(name, []byte(text), 0o644)
}

// pour writes to what is no file.
func pour(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func seconds(milliseconds float64) string { return fmt.Sprintf("%.3f", milliseconds/1000) }

// steps tells each read in a line.
func steps(r show.Result) string {
	var b strings.Builder
	for _, s := range r.History {
		fmt.Fprintf(&b, "read %d after %s s:", s.N, seconds(s.Ended))
		if s.Status != 0 {
			fmt.Fprintf(&b, " %d", s.Status)
		}
		fmt.Fprintf(&b, " %s", s.Verdict)
		if s.Reason != "" {
			fmt.Fprintf(&b, " (%s)", s.Reason)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
