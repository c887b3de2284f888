// Package figure draws what schedules reach as fronts of reads and delay.
package figure

import (
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/readback-go/readback/bench/internal/front"
)

// A Panel is one lag.
type Panel struct {
	Title  string
	Lines  []Line
	Points []Points
}

// A Line is a front.
type Line struct {
	Name   string
	Front  front.Front
	Color  color.Color
	Width  float64
	Dashed bool
}

// Points are pollers at their defaults.
type Points struct {
	Name string
	At   []front.Point
}

const (
	panelWide = 3.1 * vg.Inch
	panelHigh = 2.5 * vg.Inch
	fewest    = 1.
	most      = 20. // reads that are shown
)

func init() { plot.DefaultFont.Variant = "Sans" }

// Write draws panels in rows of three, and a legend after the last. The background is white,
// so that the figure can be read on a dark page too.
func Write(w io.Writer, panels []Panel) error {
	const columns = 3
	rows := (len(panels) + columns) / columns
	plots := make([][]*plot.Plot, rows)
	for i := range rows * columns {
		p := blank()
		if i < len(panels) {
			p = panels[i].plot()
		}
		plots[i/columns] = append(plots[i/columns], p)
	}
	canvas := vgsvg.New(columns*panelWide, vg.Length(rows)*panelHigh)
	ground := draw.New(canvas)
	ground.SetColor(color.White)
	ground.Fill(ground.Rectangle.Path())
	tiles := draw.Tiles{Rows: rows, Cols: columns, PadX: vg.Points(6), PadY: vg.Points(6), PadTop: vg.Points(4), PadRight: vg.Points(6)}
	places := plot.Align(plots, tiles, ground)
	for r, row := range plots {
		for c, p := range row {
			p.Draw(places[r][c])
		}
	}
	l := legend(panels[0])
	l.Draw(places[len(panels)/columns][len(panels)%columns])
	_, err := canvas.WriteTo(w)
	return err
}

func blank() *plot.Plot {
	p := plot.New()
	p.HideAxes()
	p.BackgroundColor = color.Transparent
	return p
}

func (n Panel) plot() *plot.Plot {
	p := plot.New()
	p.Title.Text = n.Title
	p.X.Label.Text, p.Y.Label.Text = "reads a flow", "late, ms"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = readTicks, plot.LogTicks{Prec: -1}
	low, high := n.span()
	for _, l := range n.Lines {
		if points := visible(l.Front, high); len(points) > 0 {
			p.Add(l.style(points))
		}
	}
	for i, s := range n.Points {
		if points := visible(s.At, high); len(points) > 0 {
			p.Add(&plotter.Scatter{XYs: points, GlyphStyle: glyph(i)})
		}
	}
	p.X.Min, p.X.Max = fewest, most
	p.Y.Min, p.Y.Max = low*0.8, high
	for _, style := range []*draw.TextStyle{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Size = font.Length(8)
	}
	p.Title.TextStyle.Font.Size = font.Length(10)
	return p
}

var readTicks = plot.ConstantTicks{
	{Value: 1, Label: "1"}, {Value: 2, Label: "2"}, {Value: 3, Label: "3"},
	{Value: 5, Label: "5"}, {Value: 10, Label: "10"}, {Value: 20, Label: "20"},
}

// span returns the range of delays that the panel shows: from the least to a thousand times
// that.
func (n Panel) span() (low, high float64) {
	low = math.Inf(1)
	for _, l := range n.Lines {
		for _, at := range visible(l.Front, math.Inf(1)) {
			low, high = min(low, at.Y), max(high, at.Y)
		}
	}
	return low, min(high, 1000*low)
}

func (l Line) style(points plotter.XYs) *plotter.Line {
	line := &plotter.Line{XYs: points}
	line.Color, line.Width = l.Color, vg.Points(l.Width)
	if l.Dashed {
		line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	}
	return line
}

// visible are the points that fit on the panel.
func visible(all []front.Point, high float64) (xys plotter.XYs) {
	for _, p := range all {
		late := 1000 * p.Late
		if p.Reads >= fewest && p.Reads <= most && late > 0 && late <= high {
			xys = append(xys, plotter.XY{X: p.Reads, Y: late})
		}
	}
	return xys
}

// glyph is the mark of the nth poller.
func glyph(n int) draw.GlyphStyle {
	shapes := []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.TriangleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{},
	}
	colors := []color.Color{
		color.RGBA{0x99, 0x33, 0x66, 0xff}, color.RGBA{0x33, 0x66, 0x33, 0xff},
	}
	return draw.GlyphStyle{Shape: shapes[n%len(shapes)], Color: colors[n/len(shapes)%len(colors)], Radius: vg.Points(3)}
}

func legend(n Panel) plot.Legend {
	l := plot.NewLegend()
	l.Top, l.Left = true, true
	l.XOffs = vg.Points(12)
	for _, line := range n.Lines {
		l.Add(line.Name, line.style(nil))
	}
	for i, s := range n.Points {
		l.Add(s.Name, &plotter.Scatter{GlyphStyle: glyph(i)})
	}
	l.TextStyle.Font.Size = font.Length(9)
	return l
}
