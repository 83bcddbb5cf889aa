package encoder

import (
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// maxPieceRunes is the length of the longest run of letters that is composed.
// Longer runs are noise, and the time is quadratic.
const maxPieceRunes = 64

// minLatinPiece is the length in letters of the shortest piece of a Latin word,
// and of the shortest such word that is composed.
const minLatinPiece = 3

// Compose appends the rows whose vectors stand for a word and returns the
// extended slice: its own row if it has one, else those of its pieces in order.
// It returns dst as it was for words that match exactly or not at all: those
// with digits, underscores, hyphens or other signs (an apostrophe is allowed),
// in other scripts than Han and Latin, Latin runs of fewer than three letters,
// runs of more than 64, and words without a known piece.
//
//   - A run of Han is cut into the fewest known pieces, among these into the most
//     frequent ones; characters without a vector are left out.
//   - A Latin run is its stem if that is known ([stem]), else the fewest known
//     pieces of at least three letters, if they cover six letters of ten.
//
// A table with n-grams composes every word of letters from these instead, as
// fastText does.
//
// Measured on held-out rare words, mean cosine with their own vectors: Han of 2,
// 3, 4 and more characters 0.82, 0.79, 0.81, 0.80 (0.62, 0.56, 0.39 for the last
// three from single characters; 0.77 to 0.78 cut greedily from the left with
// equal weights); English 0.67, of which stems 0.80. The English words that fewer
// letters cover than six of ten would get vectors of 0.3.
func (t *Table) Compose(dst []uint32, word string) []uint32 {
	if row, ok := t.Row(word); ok {
		return append(dst, row)
	}
	if t.grams.Max > 0 {
		return t.composeGrams(dst, word)
	}
	if !composable(word) {
		return dst
	}
	for len(word) > 0 {
		run, han := firstRun(word)
		word = word[len(run):]
		switch {
		case utf8.RuneCountInString(run) > maxPieceRunes:
		case han:
			dst = t.composeHan(dst, run)
		default:
			dst = t.composeLatin(dst, run)
		}
	}
	return dst
}

// composeGrams appends the rows of the n-grams of a word, in fastText's order and
// as often as they occur, without those that have no vector. Words with digits
// or signs match exactly only, in whatever script.
func (t *Table) composeGrams(dst []uint32, word string) []uint32 {
	if utf8.RuneCountInString(word) > maxPieceRunes {
		return dst
	}
	for _, r := range word {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '\'' {
			return dst
		}
	}
	start := len(dst)
	dst = t.grams.Append(dst, word)
	rows := dst[:start]
	for _, bucket := range dst[start:] {
		if row, ok := t.gramRow(bucket); ok {
			rows = append(rows, row)
		}
	}
	return rows
}

// composable reports whether a word is made of Han, Latin letters and inner
// apostrophes alone.
func composable(word string) bool {
	for _, r := range word {
		if !unicode.Is(unicode.Han, r) && !unicode.Is(unicode.Latin, r) && r != '\'' {
			return false
		}
	}
	return true
}

// firstRun returns the longest beginning of a word that is all Han or all other,
// and which it is.
func firstRun(word string) (run string, han bool) {
	for i, r := range word {
		is := unicode.Is(unicode.Han, r)
		if i == 0 {
			han = is
		} else if is != han {
			return word[:i], han
		}
	}
	return word, han
}

// cut is the best way found to cut a run from its beginning up to some rune.
type cut struct {
	cost  int
	from  int   // rune at which the last part begins
	row   int64 // row of the last part, -1 if it has none
	known int   // runes covered by pieces and endings
}

// cuts is a dynamic programme over the runes of a run.
type cuts struct {
	run   string
	start [maxPieceRunes + 1]int // byte offset of each rune, and of the end
	runes int
	best  [maxPieceRunes + 1]cut
}

func (c *cuts) init(run string) {
	c.run, c.runes = run, 0
	for i := range run {
		c.start[c.runes] = i
		c.runes++
	}
	c.start[c.runes] = len(run)
}

// offer takes the part from rune i to rune j into account: a piece with a row, or
// a gap or an ending with the row -1.
func (c *cuts) offer(i, j int, row int64, cost, known int) {
	if total := c.best[i].cost + cost; total < c.best[j].cost {
		c.best[j] = cut{cost: total, from: i, row: row, known: c.best[i].known + known}
	}
}

// rows appends the rows of the best cut of the whole run, in order.
func (c *cuts) rows(dst []uint32) []uint32 {
	start := len(dst)
	for j := c.runes; j > 0; j = c.best[j].from {
		if c.best[j].row >= 0 {
			dst = append(dst, uint32(c.best[j].row))
		}
	}
	for i, j := start, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst
}

// Costs of a run of Han: a piece more weighs more than any difference of
// frequency (priors are bytes, at most 64 of them), a character left out three
// pieces.
const (
	hanPiece = 1 << 16
	hanGap   = 3 * hanPiece
)

func (t *Table) composeHan(dst []uint32, run string) []uint32 {
	var c cuts
	c.init(run)
	for j := 1; j <= c.runes; j++ {
		c.best[j].cost = math.MaxInt
		c.offer(j-1, j, -1, hanGap, 0)
		for i := j - 1; i >= 0; i-- {
			piece := run[c.start[i]:c.start[j]]
			if len(piece) > t.longest {
				break
			}
			if row, ok := t.Row(piece); ok {
				c.offer(i, j, int64(row), hanPiece+int(t.priors[row]), j-i)
			}
		}
	}
	return c.rows(dst)
}

// Costs of a Latin run in tenths of a piece: a letter left out and an ending.
// Measured on held-out words, like everything in [Table.Compose].
const (
	latinPiece  = 10
	latinGap    = 4
	latinEnding = 3
)

func (t *Table) composeLatin(dst []uint32, run string) []uint32 {
	if letters(run) < minLatinPiece {
		return dst
	}
	if row, ok := t.Row(run); ok {
		return append(dst, row)
	}
	if row, ok := t.stem(run); ok {
		return append(dst, row)
	}
	var c cuts
	c.init(run)
	for j := 1; j <= c.runes; j++ {
		c.best[j].cost = math.MaxInt
		c.offer(j-1, j, -1, latinGap, 0)
		for i := 0; i+minLatinPiece <= j; i++ {
			if row, ok := t.Row(run[c.start[i]:c.start[j]]); ok {
				c.offer(i, j, int64(row), latinPiece, j-i)
			}
		}
	}
	for i := minLatinPiece; i < c.runes; i++ {
		if isEnding(run[c.start[i]:]) {
			c.offer(i, c.runes, -1, latinEnding, c.runes-i)
		}
	}
	if c.best[c.runes].known*10 < c.runes*6 {
		return dst
	}
	return c.rows(dst)
}

// letters returns the number of letters of a run, which is its runes without
// apostrophes.
func letters(run string) int {
	n := 0
	for _, r := range run {
		if r != '\'' {
			n++
		}
	}
	return n
}

// pieceWeight returns the weight of a piece in a composed vector: the idf that
// its prior gives it. Rare pieces carry the meaning; equal weights lose 0.01 to
// 0.03 of cosine.
//
// N-grams weigh the same: their length is their weight.
func (t *Table) pieceWeight(row uint32) float32 {
	if int64(row) >= int64(t.count) {
		return 1
	}
	return float32(t.params.PriorIDF(t.Prior(row)))
}

// normUnits is what a norm of 1 is stored as.
const normUnits = math.MaxUint16

// Norm returns the length of the weighted mean of the pieces' vectors, weighted
// by the idf of their priors, in units of 1/65535 and in [0, 65535]: what
// [Table.DotComposed] needs besides the pieces. 0 means that there is no vector:
// no pieces, or pieces that cancel out.
func (t *Table) Norm(pieces []uint32) uint16 {
	var squares float64
	for _, v := range t.mean(nil, pieces) {
		squares += float64(float64(v) * float64(v))
	}
	return uint16(min(normUnits, math.Round(math.Sqrt(squares)*normUnits)))
}

// mean appends the weighted mean of the pieces' vectors to dst.
func (t *Table) mean(dst []float32, pieces []uint32) []float32 {
	start := len(dst)
	dst = append(dst, make([]float32, t.dim)...)
	sum := dst[start:]
	vec := make([]float32, 0, t.dim)
	var weights float32
	for _, row := range pieces {
		w := t.pieceWeight(row)
		weights += w
		vec = t.Vector(vec[:0], row)
		for i, v := range vec {
			sum[i] += float32(w * v)
		}
	}
	if weights > 0 {
		for i := range sum {
			sum[i] /= weights
		}
	}
	return dst
}

// ComposedVector appends the unit vector of composed pieces to dst, Dim columns:
// the mean of their vectors, weighted by the idf of their priors, over its
// length. It is zero if [Table.Norm] is.
func (t *Table) ComposedVector(dst []float32, pieces []uint32) []float32 {
	start := len(dst)
	dst = t.mean(dst, pieces)
	norm := float32(t.Norm(pieces)) / normUnits
	for i := start; i < len(dst); i++ {
		if norm == 0 {
			dst[i] = 0
			continue
		}
		dst[i] /= norm
	}
	return dst
}

// Shares appends what the cosine with each piece counts in the cosine with the
// vector composed of them, whose [Table.Norm] the caller has kept: that is the sum
// of the pieces' cosines times their shares. All of them are 0 if the norm is.
func (t *Table) Shares(dst []float32, pieces []uint32, norm uint16) []float32 {
	var weights float32
	for _, row := range pieces {
		weights += t.pieceWeight(row)
	}
	for _, row := range pieces {
		share := float32(0)
		if norm > 0 {
			share = t.pieceWeight(row) / weights / (float32(norm) / normUnits)
		}
		dst = append(dst, share)
	}
	return dst
}

// DotComposed returns the cosine of q with the vector composed of pieces, whose
// [Table.Norm] the caller has kept; 0 if that is 0. It allocates nothing and
// does not build the vector.
func (t *Table) DotComposed(q *scoring.Query, pieces []uint32, norm uint16) float32 {
	if norm == 0 {
		return 0
	}
	var dots [8]float32
	var sum, weights float32
	for len(pieces) > 0 {
		some := pieces[:min(len(pieces), len(dots))]
		pieces = pieces[len(some):]
		t.DotMany(q, some, dots[:])
		for i, row := range some {
			w := t.pieceWeight(row)
			weights += w
			sum += float32(w * dots[i])
		}
	}
	return sum / weights / (float32(norm) / normUnits)
}
