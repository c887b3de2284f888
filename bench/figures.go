package main

import (
	"cmp"
	"fmt"
	"image/color"
	"os"
	"path/filepath"

	"github.com/readback-go/readback/bench/internal/figure"
	"github.com/readback-go/readback/bench/internal/front"
	"github.com/readback-go/readback/bench/internal/peer"
)

const panelsEach = 5 // of a figure; its last place is the legend's

// drawFigures writes the fronts of all laws into a folder.
func drawFigures(folder string, fields []field) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for n := 0; n*panelsEach < len(fields); n++ {
		var panels []figure.Panel
		for _, f := range fields[n*panelsEach : min((n+1)*panelsEach, len(fields))] {
			panels = append(panels, f.panel())
		}
		if err := writeFigure(filepath.Join(folder, fmt.Sprintf("fronts-%d.svg", n+1)), panels); err != nil {
			return err
		}
	}
	return nil
}

func writeFigure(path string, panels []figure.Panel) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return cmp.Or(figure.Write(file, panels), file.Close())
}

func (f field) panel() figure.Panel {
	of := func(which func(cell) bool) front.Front { return front.Of(f.points(which)) }
	n := figure.Panel{Title: f.law.Name, Lines: []figure.Line{
		{Name: "best setting of all libraries", Width: 1.2, Color: color.RGBA{0x99, 0x33, 0x66, 0xff},
			Front: of(func(c cell) bool { return library(c) && c.AtZero })},
		{Name: "the same, read at 0 left out", Width: 1.2, Color: color.RGBA{0x99, 0x33, 0x66, 0xff}, Dashed: true,
			Front: of(func(c cell) bool { return library(c) && !c.AtZero })},
		{Name: "best tick, read at 0 or not", Width: 1.2, Color: color.RGBA{0xcc, 0x88, 0x00, 0xff},
			Front: of(func(c cell) bool { return c.Peer == peer.Tick })},
		{Name: "EWMA target polls", Width: 1.2, Color: color.RGBA{0x55, 0x99, 0x99, 0xff},
			Front: of(func(c cell) bool { return c.Peer == peer.Target })},
		{Name: "readback Learned", Width: 2.4, Color: color.RGBA{0x11, 0x55, 0xcc, 0xff}, Front: f.learned},
		{Name: "oracle: knows the law", Width: 1, Color: color.Black, Front: f.oracle, Dashed: true},
	}}
	for _, c := range f.cells {
		if c.Default && c.AtZero {
			n.Points = append(n.Points, figure.Points{Name: c.Peer, At: []front.Point{c.Point}})
		}
	}
	return n
}
