package align

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strings"
)

// pageHead begins a page of pictures, with all that it needs.
const pageHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Word alignment</title><style>
body{font:15px/1.4 system-ui,"Noto Sans CJK SC",sans-serif;margin:1.5rem;color:#222;background:#fff}
figure{margin:0 0 2.5rem;overflow-x:auto}figcaption{margin-bottom:.5rem;color:#555}
table{border-collapse:collapse}th{font-weight:normal;white-space:nowrap;padding:.1rem .4rem}
tbody th{text-align:right}thead th{writing-mode:vertical-rl;text-align:left;padding:.4rem .1rem}
td{width:1.5rem;height:1.5rem;text-align:center;border:1px solid #e4e4e4}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}figcaption{color:#999}td{border-color:#333}}
</style></head><body>
<p>A row is a token of the source, a column one of the target. The darker a cell, the more the pair is worth in its place; ● is a link. Point at a cell for its numbers.</p>
`

// A Page writes alignments as pictures into one self-contained page, which asks
// nothing of a network. Close ends it.
type Page struct {
	w *bufio.Writer
	n int
}

// NewPage begins a page. Errors of w come with Add or Close.
func NewPage(w io.Writer) *Page {
	p := &Page{w: bufio.NewWriter(w)}
	_, _ = p.w.WriteString(pageHead) // an error stays in w
	return p
}

// Add draws one more alignment.
func (p *Page) Add(a *Alignment) error {
	p.n++
	linked := make(map[Link]bool, len(a.Links))
	for _, l := range a.Links {
		linked[l] = true
	}
	surface := func(t *Text, i int) string {
		return html.EscapeString(strings.ToValidUTF8(t.Text[t.Tokens[i].Start:t.Tokens[i].End], "\uFFFD"))
	}
	fmt.Fprintf(p.w, "<figure><figcaption>%d</figcaption><table><thead><tr><td></td>", p.n)
	for j := range a.Target.Tokens {
		fmt.Fprintf(p.w, "<th>%s</th>", surface(&a.Target, j))
	}
	_, _ = p.w.WriteString("</tr></thead><tbody>\n")
	for i := range a.Source.Tokens {
		word := surface(&a.Source, i)
		fmt.Fprintf(p.w, "<tr><th>%s</th>", word)
		for j := range a.Target.Tokens {
			mark := ""
			if linked[Link{i, j}] {
				mark = "●"
			}
			fmt.Fprintf(p.w, `<td style="background:rgba(31,111,235,%.2f)" title="%s – %s: similarity %.2f, confidence %.2f">%s</td>`,
				a.Confidence.At(i, j), word, surface(&a.Target, j), a.Similarity.At(i, j), a.Confidence.At(i, j), mark)
		}
		_, _ = p.w.WriteString("</tr>\n")
	}
	_, err := p.w.WriteString("</tbody></table></figure>\n")
	return err
}

// Close ends the page. The writer that it was made with stays open.
func (p *Page) Close() error {
	_, _ = p.w.WriteString("</body></html>\n") // an error stays in w
	return p.w.Flush()
}
