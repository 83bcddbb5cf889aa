// Command plot draws recall against CPU time a query, a line an engine, from files of
// JSON lines as bench/peers/peers.py prints them, as an SVG.
//
//	go run ./bench/peers/plot -o recall.svg small.jsonl ciyuan.jsonl
//
// Lines with other fields are read as well, as long as they have engine, data,
// recall@10 and cpu_ms. Every set of data gets a panel of its own.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("plot", flag.ContinueOnError)
	out := flags.String("o", "recall.svg", "write `FILE`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("no file of JSON lines")
	}
	var points []point
	for _, path := range flags.Args() {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		read, err := readPoints(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		points = append(points, read...)
	}
	if len(points) == 0 {
		return errors.New("no line has both recall@10 and cpu_ms")
	}
	return os.WriteFile(*out, []byte(draw(points)), 0o644)
}

// point is one measurement.
type point struct {
	Engine string  `json:"engine"`
	Data   string  `json:"data"`
	Recall float64 `json:"recall@10"`
	CPU    float64 `json:"cpu_ms"`
}

// readPoints reads JSON values one after another and keeps those that are points.
func readPoints(r io.Reader) ([]point, error) {
	var points []point
	for dec := json.NewDecoder(r); ; {
		var p point
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return points, nil
		}
		if err != nil {
			return nil, err
		}
		if p.Engine != "" && p.CPU > 0 && p.Recall > 0 && p.Recall <= 1 {
			points = append(points, p)
		}
	}
}

// Sizes in pixels.
const (
	panelWidth, panelHeight = 620, 380
	left, top, bottom       = 64, 44, 46
	legend                  = 150
)

// colours that stay apart for the colour-blind (Wong 2011), a grey and a purple.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#888888", "#aa4499"}

// draw returns the picture. The same points give the same bytes.
func draw(points []point) string {
	var data, engines []string
	for _, p := range points {
		if !slices.Contains(data, p.Data) {
			data = append(data, p.Data)
		}
		if !slices.Contains(engines, p.Engine) {
			engines = append(engines, p.Engine)
		}
	}
	var b strings.Builder
	height := panelHeight * len(data)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12">`+"\n", panelWidth+legend, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", panelWidth+legend, height)
	for i, name := range data {
		var own []point
		for _, p := range points {
			if p.Data == name {
				own = append(own, p)
			}
		}
		fmt.Fprintf(&b, `<g transform="translate(0 %d)">`+"\n", i*panelHeight)
		drawPanel(&b, name, own, engines)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawPanel draws the points of one set of data: CPU time from left to right in
// powers, and what recall lacks to 1 from the top down, in powers too, so that 0.99 and
// 0.999 do not fall together.
func drawPanel(b *strings.Builder, name string, points []point, engines []string) {
	const perfect = 0.0005 // where a recall of 1 is drawn
	low, high, worst := math.Inf(1), 0.0, 0.01
	for _, p := range points {
		low, high = min(low, p.CPU), max(high, p.CPU)
		worst = max(worst, 1-p.Recall)
	}
	low, high = math.Floor(math.Log10(low)*3)/3, math.Ceil(math.Log10(high)*3+0.01)/3
	x := func(cpu float64) float64 {
		return left + (math.Log10(cpu)-low)/(high-low)*(panelWidth-left-20)
	}
	y := func(recall float64) float64 {
		lack := max(perfect, 1-recall)
		return top + math.Log(lack/perfect)/math.Log(1.2*worst/perfect)*(panelHeight-top-bottom)
	}
	fmt.Fprintf(b, `<text x="%d" y="20" font-size="14">recall@10 against exact MaxSim and CPU ms a query, %s</text>`+"\n", left, html.EscapeString(name))
	for _, recall := range []float64{1, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5} {
		if 1-recall > 1.2*worst {
			break
		}
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", left, y(recall), panelWidth-20, left-6, y(recall)+4, recall)
	}
	for power := math.Floor(low); power <= high; power++ {
		for _, digit := range []float64{1, 2, 5} {
			cpu := digit * math.Pow(10, power)
			if l := math.Log10(cpu); l < low || l > high {
				continue
			}
			fmt.Fprintf(b, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1[1]f" y="%[4]d" text-anchor="middle">%[5]g</text>`+"\n", x(cpu), top, panelHeight-bottom, panelHeight-bottom+18, cpu)
		}
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">CPU ms a query</text>`+"\n", (left+panelWidth)/2, panelHeight-8)
	for i, engine := range engines {
		colour := colours[i%len(colours)]
		var own []point
		for _, p := range points {
			if p.Engine == engine {
				own = append(own, p)
			}
		}
		if len(own) == 0 {
			continue
		}
		slices.SortStableFunc(own, func(p, q point) int {
			return cmp.Or(cmp.Compare(p.Recall, q.Recall), cmp.Compare(p.CPU, q.CPU))
		})
		path := "M"
		for _, p := range own {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x(p.CPU), y(p.Recall), colour)
			path += fmt.Sprintf("%.1f %.1fL", x(p.CPU), y(p.Recall))
		}
		fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.TrimSuffix(path, "L"), colour)
		at := top + 10 + 18*i
		fmt.Fprintf(b, `<circle cx="%d" cy="%d" r="4" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", panelWidth, at, colour, panelWidth+10, at+4, html.EscapeString(engine))
	}
}
