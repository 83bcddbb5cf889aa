package main

import (
	"bufio"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// A table is rows of cells that are printed in columns. Columns are aligned by
// how wide a terminal shows them: a Chinese character takes two cells.
type table struct {
	rows  [][]string
	right []bool // columns of numbers
}

func newTable(right ...bool) *table { return &table{right: right} }

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the rows, two spaces between columns and none at the end.
func (t *table) write(w *bufio.Writer) error {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	for _, row := range t.rows {
		gap := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell))
			_, _ = w.WriteString(gap) // an error stays in w
			if i < len(t.right) && t.right[i] {
				_, _ = w.WriteString(pad + cell)
				gap = "  "
				continue
			}
			_, _ = w.WriteString(cell)
			gap = pad + "  "
		}
		if err := w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return nil
}

// printable returns a text on one line without what could steer a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
