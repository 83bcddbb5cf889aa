package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// report is what a run prints.
type report struct {
	Machine machine  `json:"machine"`
	Figures []figure `json:"figures"`
	Tables  []table  `json:"tables"`
}

// figure is one measured value beside its goal.
type figure struct {
	Part  string `json:"part"`
	Name  string `json:"name"`
	Goal  string `json:"goal"`           // as text, with its direction: "≤ 15 ms"
	Met   bool   `json:"met"`            // the median, or the value counted, reaches the goal
	Value spread `json:"value"`          // in Unit
	Unit  string `json:"unit"`           // "ms", "MB", "MB/s", …
	Note  string `json:"note,omitempty"` // what it was measured on
}

// table is a table of details.
type table struct {
	Part  string     `json:"part"`
	Title string     `json:"title"`
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
	Note  string     `json:"note,omitempty"` // how it was measured
}

// atMost reports a figure that has to be small.
func (r *report) atMost(part, name string, goal float64, unit string, s spread, note string) {
	r.Figures = append(r.Figures, figure{
		Part: part, Name: name, Goal: "≤ " + number(goal) + space(unit), Met: s.Median <= goal, Value: s, Unit: unit, Note: note,
	})
}

// atLeast reports a figure that has to be large.
func (r *report) atLeast(part, name string, goal float64, unit string, s spread, note string) {
	r.Figures = append(r.Figures, figure{
		Part: part, Name: name, Goal: "≥ " + number(goal) + space(unit), Met: s.Median >= goal, Value: s, Unit: unit, Note: note,
	})
}

func (r *report) table(t table) { r.Tables = append(r.Tables, t) }

func (r *report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

func (r *report) writeMarkdown(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "Machine: %s\n\n", r.Machine)
	if len(r.Figures) > 0 {
		rows := make([][]string, len(r.Figures))
		for i, f := range r.Figures {
			met := "yes"
			if !f.Met {
				met = "**no**"
			}
			rows[i] = []string{f.Name, f.Goal, f.Value.String() + space(f.Unit), met, f.Note}
		}
		writeTable(out, []string{"figure", "goal", "measured", "met", "on"}, rows)
	}
	for _, t := range r.Tables {
		fmt.Fprintf(out, "\n### %s\n\n", t.Title)
		writeTable(out, t.Head, t.Rows)
		if t.Note != "" {
			fmt.Fprintf(out, "\n%s\n", t.Note)
		}
	}
	return out.Flush()
}

// The marks in a file between which update puts the report.
const (
	beginMark = "<!-- make bench -->\n"
	endMark   = "<!-- end of make bench -->\n"
)

// update puts the report into a Markdown file, between the marks.
func (r *report) update(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), beginMark)
	_, after, closed := strings.Cut(rest, endMark)
	if !ok || !closed {
		return fmt.Errorf("%s lacks the line %q or %q", path, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	var fresh strings.Builder
	fresh.WriteString(before + beginMark + "\n")
	if err := r.writeMarkdown(&fresh); err != nil {
		return err
	}
	fresh.WriteString("\n" + endMark + after)
	return os.WriteFile(path, []byte(fresh.String()), 0o644)
}

// writeTable writes a Markdown table: the first column is text, the others are
// set to the right if all that they hold are numbers.
func writeTable(w io.Writer, head []string, rows [][]string) {
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	rules := make([]string, len(head))
	for i := range rules {
		rules[i] = "---"
		numbers := i > 0
		for _, row := range rows {
			numbers = numbers && strings.ContainsAny(row[i][:min(1, len(row[i]))], "0123456789+-−–")
		}
		if numbers {
			rules[i] = "---:"
		}
	}
	line(rules)
	for _, row := range rows {
		line(row)
	}
}

func space(unit string) string {
	if unit == "" || unit == "%" {
		return unit
	}
	return " " + unit
}
