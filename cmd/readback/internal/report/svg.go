package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

// An ink is a colour that the page chooses, by the light or dark of its reader.
type ink string

const (
	textInk   ink = "text"
	mutedInk  ink = "muted"
	gridInk   ink = "grid"
	bandInk   ink = "band"   // of the distribution
	edgeInk   ink = "edge"   // its edges
	markInk   ink = "mark"   // what is to be seen first
	otherInk  ink = "other"  // the bars beside it
	rangeInk  ink = "range"  // an interval of a quantile
	missInk   ink = "miss"   // a read that found nothing
	refuseInk ink = "refuse" // a read that was forbidden
	staleInk  ink = "stale"  // a read that was pending otherwise
	shownInk  ink = "shown"  // a read that showed the write
	muteInk   ink = "mute"   // a read that said nothing
)

func (i ink) String() string { return "var(--" + string(i) + ")" }

// A size is one of the two that each figure is drawn in, so that its text is as
// large as that around it on a phone and on a desk.
type size struct {
	name  string // class of the drawing
	wide  float64
	ticks float64 // of an axis of times, about
}

var (
	narrow = size{"narrow", 340, 4}
	wide   = size{"wide", 680, 8}
)

const letter = 11.5 // height of the text in a drawing

// A figure is a drawing with what it says in words.
type figure struct {
	ID    string // of its section
	Title string
	Desc  string // for those who do not see it
	high  func(size) float64
	draw  func(*canvas, size)
}

// SVG returns the drawing in both sizes.
func (f figure) SVG() template.HTML {
	var both strings.Builder
	for _, s := range []size{narrow, wide} {
		c := canvas{wide: s.wide, high: f.high(s)}
		f.draw(&c, s)
		id := f.ID + "-" + s.name
		fmt.Fprintf(&both, `<svg class="%s" viewBox="0 0 %s %s" role="img" aria-labelledby="%s-title %s-desc" font-size="%s">`+"\n<title id=\"%s-title\">%s</title><desc id=\"%s-desc\">%s</desc>\n",
			s.name, coord(c.wide), coord(c.high), id, id, coord(letter), id, template.HTMLEscapeString(f.Title), id, template.HTMLEscapeString(f.Desc))
		both.WriteString(c.drawn.String())
		both.WriteString("</svg>\n")
	}
	return template.HTML(both.String()) // all texts in it are escaped
}

// A canvas is drawn on. Its zero point is at the top left.
type canvas struct {
	wide, high float64
	drawn      strings.Builder
}

type point struct{ x, y float64 }

type segment [2]point

// coord writes a coordinate, to a tenth.
func coord(v float64) string {
	text := strconv.FormatFloat(v, 'f', 1, 64)
	text = strings.TrimSuffix(text, ".0")
	if text == "-0" {
		return "0"
	}
	return text
}

func path(points []point) string {
	var b strings.Builder
	for i, p := range points {
		b.WriteByte("ML"[min(i, 1)])
		b.WriteString(coord(p.x) + " " + coord(p.y))
	}
	return b.String()
}

// box fills a rectangle.
func (c *canvas) box(colour ink, x0, y0, x1, y1 float64) {
	fmt.Fprintf(&c.drawn, `<rect x="%s" y="%s" width="%s" height="%s" fill="%v"/>`+"\n",
		coord(x0), coord(y0), coord(x1-x0), coord(y1-y0), colour)
}

// area fills what the points surround.
func (c *canvas) area(colour ink, points []point) {
	fmt.Fprintf(&c.drawn, `<path d="%sZ" fill="%v"/>`+"\n", path(points), colour)
}

// line draws through the points.
func (c *canvas) line(colour ink, width float64, points ...point) {
	fmt.Fprintf(&c.drawn, `<path d="%s" fill="none" stroke="%v" stroke-width="%s"/>`+"\n", path(points), colour, coord(width))
}

// lines draws many lines, each between two points.
func (c *canvas) lines(colour ink, width float64, all []segment) {
	if len(all) == 0 {
		return
	}
	c.drawn.WriteString(`<path d="`)
	for _, l := range all {
		c.drawn.WriteString(path(l[:]))
	}
	fmt.Fprintf(&c.drawn, `" fill="none" stroke="%v" stroke-width="%s"/>`+"\n", colour, coord(width))
}

// dashes draws a line that does not hide what lies below.
func (c *canvas) dashes(colour ink, width float64, points ...point) {
	fmt.Fprintf(&c.drawn, `<path d="%s" fill="none" stroke="%v" stroke-width="%s" stroke-dasharray="3 3"/>`+"\n", path(points), colour, coord(width))
}

// dot draws a filled circle, which the ground of the page sets apart.
func (c *canvas) dot(colour ink, x, y, radius float64) {
	fmt.Fprintf(&c.drawn, `<circle cx="%s" cy="%s" r="%s" fill="%v" stroke="var(--card)" stroke-width="1.5"/>`+"\n", coord(x), coord(y), coord(radius), colour)
}

// An anchor is which part of a text lies at its point.
type anchor string

const (
	atStart  anchor = "start"
	atMiddle anchor = "middle"
	atEnd    anchor = "end"
)

// text writes a line whose middle is at that height.
func (c *canvas) text(colour ink, at anchor, x, y float64, words string) {
	fmt.Fprintf(&c.drawn, `<text x="%s" y="%s" text-anchor="%s" fill="%v">%s</text>`+"\n",
		coord(x), coord(y+letter*0.36), at, colour, template.HTMLEscapeString(words))
}

// halo is text over what is drawn, with the ground of the page around it.
func (c *canvas) halo(colour ink, at anchor, x, y float64, words string) {
	fmt.Fprintf(&c.drawn, `<text x="%s" y="%s" text-anchor="%s" fill="%v" font-weight="600" stroke="var(--card)" stroke-width="3.5" stroke-linejoin="round" paint-order="stroke">%s</text>`+"\n",
		coord(x), coord(y+letter*0.36), at, colour, template.HTMLEscapeString(words))
}

// width returns how wide a line is, about.
func width(words string) float64 { return float64(len([]rune(words))) * letter * 0.56 }
