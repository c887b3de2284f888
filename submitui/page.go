package submitui

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"time"
)

//go:embed page.html
var pageText string

//go:embed page.css
var styleFile string

// styleText is the style of the page, and policy the content security policy that allows only
// this style.
var (
	styleText = template.CSS(styleFile)
	policy    = "default-src 'none'; style-src '" + hash(styleFile) + "'; img-src data:; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"ago": ago, "long": long, "line": line,
	"clock": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") },
	"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"href":  href,
}).Parse(pageText))

// page is what the template gets: an overview, a list, one job, or a notice.
type page struct {
	Style template.CSS
	Tabs  []tab
	Title string

	Notice string
	Back   string // the key of the job to go back to

	Overview      bool
	Cards         []card
	Lags          []lagRow
	Reasons       []reasonCount
	Writes, Reads int
	Trouble       bool
	TroubleText   string
	Groups        []group
	Stuck         int

	Listed      bool
	Show        string
	Prefix      string
	Rows        []row
	First, Next string
	Later       bool

	One    *detail
	RawKey string // the key as forms send it, not escaped
}
