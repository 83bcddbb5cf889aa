package align

import (
	"cmp"
	"math"
	"slices"

	"github.com/ciyuan-search/ciyuan/internal/order"
)

// mutual links tokens that are each other's best.
func mutual(m *Matrix, threshold float64) []Link {
	best := bestRows(m)
	var links []Link
	for i := range m.Rows {
		j, x := argmax(m.Row(i))
		if j >= 0 && best[j] == i && x >= threshold {
			links = append(links, Link{Source: i, Target: j})
		}
	}
	return links
}

// argmax returns the first largest value above 0, -1 if there is none.
func argmax(row []float64) (int, float64) {
	at, most := -1, 0.0
	for j, x := range row {
		if x > most {
			at, most = j, x
		}
	}
	return at, most
}

// bestRows returns for each column the row of its largest value above 0, -1 if
// it has none.
func bestRows(m *Matrix) []int {
	best := make([]int, m.Cols)
	most := make([]float64, m.Cols)
	for j := range best {
		best[j] = -1
	}
	for i := range m.Rows {
		for j, x := range m.Row(i) {
			if x > most[j] {
				best[j], most[j] = i, x
			}
		}
	}
	return best
}

// iterRounds and iterDamping are those of Jalili Sabet and others, SimAlign
// (2020).
const (
	iterRounds  = 2
	iterDamping = 0.9
)

// iterative links tokens that are each other's best, again and again: pairs of
// two linked tokens are left out, those of one are damped.
func iterative(m *Matrix, threshold float64) []Link {
	var links []Link
	work := Matrix{Rows: m.Rows, Cols: m.Cols, Values: slices.Clone(m.Values)}
	rows, cols := make([]bool, m.Rows), make([]bool, m.Cols)
	for round := range iterRounds {
		if round > 0 {
			for i := range m.Rows {
				for j := range m.Cols {
					switch {
					case rows[i] && cols[j]:
						work.Values[i*m.Cols+j] = 0
					case rows[i] || cols[j]:
						work.Values[i*m.Cols+j] = m.At(i, j) * iterDamping
					}
				}
			}
		}
		added := mutual(&work, threshold)
		if len(added) == 0 {
			break
		}
		for _, l := range added {
			rows[l.Source], cols[l.Target] = true, true
		}
		links = append(links, added...)
	}
	return links
}

// above links every pair that is worth the threshold.
func above(m *Matrix, threshold float64) []Link {
	var links []Link
	for i := range m.Rows {
		for j, x := range m.Row(i) {
			if x >= threshold && x > 0 {
				links = append(links, Link{Source: i, Target: j})
			}
		}
	}
	return links
}

// assignment links each token at most once so that the sum of what the links
// are worth above the threshold is largest.
func assignment(m *Matrix, threshold float64) []Link {
	if m.Rows > m.Cols {
		t := m.transposed()
		links := assignment(&t, threshold)
		for i, l := range links {
			links[i] = Link{Source: l.Target, Target: l.Source}
		}
		return links
	}
	gain := NewMatrix(m.Rows, m.Cols)
	for k, x := range m.Values {
		gain.Values[k] = max(0, x-threshold)
	}
	var links []Link
	for i, j := range assign(&gain) {
		if x := m.At(i, j); x >= threshold && x > 0 {
			links = append(links, Link{Source: i, Target: j})
		}
	}
	return links
}

// assign returns for each row a column of its own so that the sum of the gains
// is largest, by shortest augmenting paths (Jonker and Volgenant, 1987) in
// O(Rows^2 * Cols). There must not be more rows than columns.
func assign(gain *Matrix) []int {
	n, m := gain.Rows, gain.Cols
	u, v := make([]float64, n+1), make([]float64, m+1)
	rowOf, way := make([]int, m+1), make([]int, m+1) // 1-based; 0 is free
	least, done := make([]float64, m+1), make([]bool, m+1)
	for i := 1; i <= n; i++ {
		rowOf[0] = i
		for j := range least {
			least[j], done[j] = math.Inf(1), false
		}
		col := 0
		for rowOf[col] != 0 {
			done[col] = true
			row, next, delta := rowOf[col], 0, math.Inf(1)
			for j := 1; j <= m; j++ {
				if done[j] {
					continue
				}
				if cost := -gain.At(row-1, j-1) - u[row] - v[j]; cost < least[j] {
					least[j], way[j] = cost, col
				}
				if least[j] < delta {
					delta, next = least[j], j
				}
			}
			for j := 0; j <= m; j++ {
				if done[j] {
					u[rowOf[j]] += delta
					v[j] -= delta
				} else {
					least[j] -= delta
				}
			}
			col = next
		}
		for col != 0 {
			before := way[col]
			rowOf[col] = rowOf[before]
			col = before
		}
	}
	out := make([]int, n)
	for j := 1; j <= m; j++ {
		if rowOf[j] > 0 {
			out[rowOf[j]-1] = j - 1
		}
	}
	return out
}

// grow is grow-diag-final-and of Koehn, Och and Marcu (2003) over the best
// counterpart of each token in the two directions: links of both, then links of
// one that touch one and have a free token, then links of one between two free
// tokens.
func grow(forward, backward *Matrix, threshold float64) []Link {
	rows, cols := forward.Rows, forward.Cols
	both, either := make([]bool, rows*cols), make([]bool, rows*cols)
	for j, i := range bestRows(forward) {
		if i >= 0 && forward.At(i, j) >= threshold {
			either[i*cols+j] = true
		}
	}
	for i := range rows {
		if j, x := argmax(backward.Row(i)); j >= 0 && x >= threshold {
			k := i*cols + j
			both[k] = either[k]
			either[k] = true
		}
	}
	usedRow, usedCol := make([]bool, rows), make([]bool, cols)
	for k, ok := range both {
		if ok {
			usedRow[k/cols], usedCol[k%cols] = true, true
		}
	}
	for again := true; again; {
		again = false
		for i := range rows {
			for j := range cols {
				if !both[i*cols+j] {
					continue
				}
				for di := -1; di <= 1; di++ {
					for dj := -1; dj <= 1; dj++ {
						x, y := i+di, j+dj
						if x < 0 || y < 0 || x >= rows || y >= cols || both[x*cols+y] || !either[x*cols+y] || usedRow[x] && usedCol[y] {
							continue
						}
						both[x*cols+y], usedRow[x], usedCol[y], again = true, true, true, true
					}
				}
			}
		}
	}
	for k, ok := range either {
		if i, j := k/cols, k%cols; ok && !usedRow[i] && !usedCol[j] {
			both[k], usedRow[i], usedCol[j] = true, true, true
		}
	}
	var links []Link
	for k, ok := range both {
		if ok {
			links = append(links, Link{Source: k / cols, Target: k % cols})
		}
	}
	return links
}

func sortLinks(links []Link) {
	order.Stable(links, func(a, b *Link) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Target, b.Target))
	})
}
