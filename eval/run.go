package eval

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Scored is a document in a ranking.
type Scored struct {
	ID    string
	Score float64
}

// Run holds the ranked documents of each query, best first, each document at
// most once a query.
type Run map[string][]Scored

// ReadRun reads a run in the TREC form: query id, Q0, document id, rank, score,
// tag, separated by spaces or tabs. Documents are ranked as trec_eval ranks
// them: by score in single precision, ties by descending document id; the rank
// column is not used. The tag is that of the last line.
//
// Errors wrap ErrSyntax and name the line: wrong number of fields, a score that
// is no finite number in single precision, a document twice for a query.
func ReadRun(r io.Reader) (run Run, tag string, err error) {
	run = Run{}
	seen := map[[2]string]bool{}
	err = eachLine(r, func(line []byte) error {
		fields := strings.Fields(string(line))
		if len(fields) != 6 {
			return fmt.Errorf("%d fields; expected query, Q0, document, rank, score and tag", len(fields))
		}
		score, err := strconv.ParseFloat(fields[4], 64)
		if err != nil || !finite(float32(score)) {
			return fmt.Errorf("score %q is not a finite number in single precision", fields[4])
		}
		key := [2]string{fields[0], fields[2]}
		if seen[key] {
			return fmt.Errorf("document %s occurs twice for query %s", fields[2], fields[0])
		}
		seen[key] = true
		run[fields[0]] = append(run[fields[0]], Scored{ID: fields[2], Score: score})
		tag = fields[5]
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	for _, ranking := range run {
		slices.SortFunc(ranking, compareTREC)
	}
	return run, tag, nil
}

// compareTREC orders two documents as trec_eval does: its scores are of type
// float.
func compareTREC(a, b Scored) int {
	x, y := float32(a.Score), float32(b.Score)
	switch {
	case x > y:
		return -1
	case x < y:
		return 1
	}
	return strings.Compare(b.ID, a.ID)
}

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// ErrUnwritable is returned by WriteRun for what the TREC form cannot hold: an
// id or a tag that is empty or has white space in it, a score that is not a
// finite number in single precision.
var ErrUnwritable = errors.New("eval: not fit for a TREC file")

// WriteRun writes a run in the TREC form, queries sorted by id, tag (a single
// word) on each line. trec_eval disregards the rank column and orders equal
// scores by id, so where a score would not fall from one line to the next in
// single precision, the next smaller number is written instead: every reader
// then sees the ranking as it is.
func WriteRun(w io.Writer, run Run, tag string) error {
	out := bufio.NewWriter(w)
	if err := checkWord(tag, "tag"); err != nil {
		return err
	}
	for _, query := range sortedKeys(run) {
		if err := checkWord(query, "query id"); err != nil {
			return err
		}
		last := float32(math.Inf(1))
		for i, scored := range run[query] {
			if err := checkWord(scored.ID, "document id"); err != nil {
				return err
			}
			score := float32(scored.Score)
			if finite(score) && score >= last {
				score = math.Nextafter32(last, float32(math.Inf(-1)))
			}
			if !finite(score) {
				return fmt.Errorf("%w: score %v of document %s", ErrUnwritable, scored.Score, scored.ID)
			}
			last = score
			fmt.Fprintf(out, "%s Q0 %s %d %s %s\n", query, scored.ID, i+1,
				strconv.FormatFloat(float64(score), 'g', -1, 32), tag)
		}
	}
	return out.Flush()
}

func checkWord(s, what string) error {
	if fields := strings.Fields(s); len(fields) != 1 || fields[0] != s {
		return fmt.Errorf("%w: %s %q", ErrUnwritable, what, s)
	}
	return nil
}
