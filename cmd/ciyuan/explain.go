package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/order"
)

// shownWords is how many words of the text a line of an explanation names.
const shownWords = 5

// printExplanation prints what a hit's score is made of, and with colours its
// passage as a heat map. It prints nothing for a hit without an explanation.
func (c *console) printExplanation(h *ciyuan.Hit) error {
	e := h.Explain
	if e == nil {
		return nil
	}
	t := newTable(false, true)
	head := []string{"word", "score"}
	for _, part := range e.Words[0].Parts {
		head = append(head, part.Score, "weight")
		t.right = append(t.right, true, true)
	}
	t.row(append(head, "attends to")...)
	for i := range e.Words {
		w := &e.Words[i]
		row := []string{printable(w.Query), decimal(w.Score)}
		for _, part := range w.Parts {
			row = append(row, decimal(part.Value), fmt.Sprintf("%.2f", part.Weight))
		}
		t.row(append(row, orDash(attendsTo(w.Tokens)))...)
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := t.write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		fmt.Fprintf(c.out, "    %s", line)
	}
	total := fmt.Sprintf("%.6f", h.Score)
	if e.Boost != 1 {
		total += fmt.Sprintf(", boosted by %.3f", e.Boost)
	}
	fmt.Fprintf(c.out, "    score %s\n", total)
	if c.color {
		fmt.Fprintf(c.out, "    %s\n", heatMap(e, colorDepth()))
	}
	return nil
}

// attendsTo names the words that have most of a query word's attention.
func attendsTo(tokens []ciyuan.AttendedToken) string {
	type word struct {
		ciyuan.AttendedToken
		times int
	}
	var words []word
	for _, t := range tokens {
		if i := slices.IndexFunc(words, func(w word) bool { return w.Token == t.Token && w.Title == t.Title }); i >= 0 {
			words[i].times++
			words[i].Attention += t.Attention
			continue
		}
		words = append(words, word{t, 1})
	}
	order.Stable(words, func(a, b *word) int { return cmp.Compare(b.Attention, a.Attention) })
	var names []string
	for i, w := range words {
		if i == shownWords {
			names = append(names, "…")
			break
		}
		name := printable(w.Token)
		if w.times > 1 {
			name += fmt.Sprintf(" ×%d", w.times)
		}
		place := fmt.Sprintf("%d-%d", w.Start, w.End)
		if w.Title {
			place = "title " + place
		}
		names = append(names, fmt.Sprintf("%s (%.2f, %.1f%%, %s)", name, w.Similarity, 100*w.Attention, place))
	}
	return strings.Join(names, " ")
}

// colors is how many colours a terminal shows.
type colors uint8

const (
	fewColors colors = iota
	indexedColors
	trueColors
)

// colorDepth returns what the terminal says of itself.
func colorDepth() colors {
	switch os.Getenv("COLORTERM") {
	case "truecolor", "24bit":
		return trueColors
	}
	if strings.Contains(os.Getenv("TERM"), "256color") {
		return indexedColors
	}
	return fewColors
}

// heatMap returns the text of a passage on one line; the more of the score is due
// to a token, the deeper its colour.
func heatMap(e *ciyuan.Explanation, depth colors) string {
	heat := make([]float64, len(e.Text)+1) // by where a token begins
	end := make([]int, len(e.Text)+1)
	most := 0.0
	for i := range e.Words {
		w := &e.Words[i]
		for _, t := range w.Tokens {
			if at := t.Start - e.Start; !t.Title && w.Score > 0 {
				heat[at] += w.Score * t.Attention
				end[at] = max(end[at], t.End-e.Start)
				most = max(most, heat[at])
			}
		}
	}
	var b strings.Builder
	at := 0
	for i, h := range heat {
		if h == 0 || i < at {
			continue
		}
		b.WriteString(printable(e.Text[at:i]))
		fmt.Fprintf(&b, "\x1b[%sm%s\x1b[0m", heatStyle(h/most, depth), printable(e.Text[i:end[i]]))
		at = end[i]
	}
	b.WriteString(printable(e.Text[at:]))
	return strings.TrimRight(b.String(), " ")
}

// heatRamp are colours from pale to deep, black text on them.
var heatRamp = [...]struct {
	index   int // of the 256
	r, g, b int
}{
	{230, 255, 247, 226}, {223, 254, 224, 182}, {216, 253, 190, 133}, {209, 252, 146, 85}, {202, 241, 105, 19}, {196, 217, 56, 30},
}

// heatStyle returns the style of a share of the greatest heat, in (0, 1].
func heatStyle(share float64, depth colors) string {
	step := min(len(heatRamp)-1, int(share*float64(len(heatRamp))))
	c := heatRamp[step]
	switch depth {
	case trueColors:
		return fmt.Sprintf("38;2;0;0;0;48;2;%d;%d;%d", c.r, c.g, c.b)
	case indexedColors:
		return fmt.Sprintf("38;5;16;48;5;%d", c.index)
	}
	return [...]string{"4", "4", "4", "1;4", "7", "1;7"}[step]
}
