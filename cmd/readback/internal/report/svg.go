package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// An ink is a colour that the page chooses, by the light or dark of its reader.
// The plotting library knows only fixed ones, so each ink is drawn in a colour
// that nothing else has, and named when the drawing is done.
type ink uint8

const (
	textInk ink = iota + 1
	mutedInk
	gridInk
	bandInk   // of the distribution
	edgeInk   // its edges
	markInk   // what is to be seen first
	otherInk  // the bars beside it
	missInk   // a read that found nothing
	refuseInk // a read that was forbidden
	staleInk  // a read that was pending otherwise
	shownInk  // a read that showed the write
	muteInk   // a read that said nothing
	inks
)

var inkNames = [inks]string{
	textInk: "text", mutedInk: "muted", gridInk: "grid", bandInk: "band", edgeInk: "edge",
	markInk: "mark", otherInk: "other", missInk: "miss", refuseInk: "refuse", staleInk: "stale",
	shownInk: "shown", muteInk: "mute",
}

func (i ink) RGBA() (r, g, b, a uint32) { return i.fixed().RGBA() }

func (i ink) fixed() color.RGBA { return color.RGBA{R: 0xfe, G: 0xed, B: uint8(i), A: 0xff} }

// A size is one of the two that each figure is drawn in, so that its text is as
// large as that around it on a phone and on a desk.
type size struct {
	name string // class of the drawing
	wide vg.Length
	font font.Length
}

var (
	narrow = size{"narrow", 340, 11.5}
	wide   = size{"wide", 680, 11.5}
)

// A figure is a drawing with what it says in words.
type figure struct {
	ID    string // of its section
	Title string
	Desc  string // for those who do not see it
	high  func(size) vg.Length
	draw  func(*plot.Plot, size)
}

// SVG returns the drawing in both sizes.
func (f figure) SVG() (template.HTML, error) {
	var both strings.Builder
	for _, s := range []size{narrow, wide} {
		p := blank(s)
		f.draw(p, s)
		high := f.high(s)
		canvas := vgsvg.New(s.wide, high)
		p.Draw(draw.Crop(draw.New(canvas), 2, -8, 2, -6)) // labels at the ends need room
		var b bytes.Buffer
		if _, err := canvas.WriteTo(&b); err != nil {
			return "", err
		}
		id := f.ID + "-" + s.name
		fmt.Fprintf(&both, `<svg class="%s" viewBox="0 0 %g %g" role="img" aria-labelledby="%s-title %s-desc">`+"\n<title id=\"%s-title\">%s</title><desc id=\"%s-desc\">%s</desc>",
			s.name, float64(s.wide), float64(high), id, id, id, template.HTMLEscapeString(f.Title), id, template.HTMLEscapeString(f.Desc))
		both.WriteString(paint(b.String()))
	}
	return template.HTML(both.String()), nil
}

var (
	svgHead   = regexp.MustCompile(`(?s)^.*?<svg[^>]*>`)
	svgColour = regexp.MustCompile(`#FEED([0-9A-F]{2})`)
	svgFont   = regexp.MustCompile(`font-family:[^;]*;font-variant:[^;]*;font-weight:normal;font-style:normal;`)
	svgSpace  = regexp.MustCompile(`\n\s*`)
)

// paint makes inks of colours, and leaves head and fonts to the page.
func paint(svg string) string {
	svg = svgHead.ReplaceAllString(svg, "")
	svg = svgFont.ReplaceAllString(svg, "")
	svg = svgColour.ReplaceAllStringFunc(svg, func(found string) string {
		var n ink
		_, _ = fmt.Sscanf(found[len("#FEED"):], "%X", &n)
		if n == 0 || n >= inks {
			return found
		}
		return "var(--" + inkNames[n] + ")"
	})
	return svgSpace.ReplaceAllString(svg, "\n")
}

// blank returns a plot without anything in it.
func blank(s size) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.LineStyle.Color, axis.LineStyle.Width = gridInk, 1
		axis.Tick.LineStyle.Color, axis.Tick.LineStyle.Width = gridInk, 1
		axis.Tick.Length = 4
		axis.Padding = 4
		axis.Label.Padding = 5
		for _, style := range []*text.Style{&axis.Label.TextStyle, &axis.Tick.Label} {
			style.Font.Variant, style.Font.Size, style.Color = "Sans", s.font, mutedInk
		}
	}
	return p
}

// label is a style of text in a plot.
func label(p *plot.Plot, s size, c ink) text.Style {
	style := p.X.Tick.Label
	style.Color = c
	style.Font.Size = s.font
	style.XAlign, style.YAlign = text.XLeft, text.YCenter
	return style
}

// drawn is a function as a plotter.
type drawn func(draw.Canvas, *plot.Plot)

func (d drawn) Plot(c draw.Canvas, p *plot.Plot) { d(c, p) }

// box fills a rectangle.
func box(c draw.Canvas, colour ink, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(colour, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

// stroke draws a line.
func stroke(c draw.Canvas, colour ink, width vg.Length, points ...vg.Point) {
	c.StrokeLines(draw.LineStyle{Color: colour, Width: width}, points)
}
