package index

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ciyuan-search/ciyuan/internal/testutil"
	"github.com/ciyuan-search/ciyuan/scoring"
)

// tableSpace is a Space over packed rows in the order of codes, with every query
// prepared in advance.
type tableSpace struct {
	rows    scoring.Rows
	probes  []tableProbe
	missing func(code uint32) bool // nil if no code is without a vector
}

type tableProbe struct {
	space *tableSpace
	query scoring.Query
}

func (s *tableSpace) Len() int                { return len(s.probes) }
func (s *tableSpace) Has(code uint32) bool    { return s.missing == nil || !s.missing(code) }
func (s *tableSpace) Probe(code uint32) Probe { return &s.probes[code] }
func (p *tableProbe) Sim(c []uint32, o []float32) {
	p.space.rows.DotMany(&p.query, c, o)
	if p.space.missing != nil {
		for i, c := range c {
			if p.space.missing(c) {
				o[i] = NoSim
			}
		}
	}
}

const testDim = 128

// newTableSpace packs vectors of testDim columns with unit length at 8 bits, which
// is quick.
func newTableSpace(tb testing.TB, vectors []float32) *tableSpace {
	tb.Helper()
	return packSpace(tb, vectors, scoring.Bits8)
}

func packSpace(tb testing.TB, vectors []float32, width scoring.Bits) *tableSpace {
	tb.Helper()
	n := len(vectors) / testDim
	s := &tableSpace{probes: make([]tableProbe, n)}
	var data []byte
	var wg sync.WaitGroup
	stride := scoring.RowBytes(testDim, width)
	data = make([]byte, n*stride)
	const part = 1000
	for from := 0; from < n; from += part {
		wg.Go(func() {
			for i := from; i < min(from+part, n); i++ {
				v := vectors[i*testDim:][:testDim]
				scoring.AppendRow(data[i*stride:i*stride], v, width)
				s.probes[i] = tableProbe{s, scoring.NewQuery(v)}
			}
		})
	}
	wg.Wait()
	rows, err := scoring.NewRows(data, testDim, width)
	if err != nil {
		tb.Fatal(err)
	}
	s.rows = rows
	return s
}

func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	f := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= f
	}
}

// clusteredVectors returns n unit vectors in clusters of mixed sizes with noise
// around them, roughly as the vectors of words lie: most pairs are unrelated, a few
// dozen of each vector's neighbours have a cosine above 0.3.
func clusteredVectors(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	centers := make([]float32, (n/40+1)*testDim)
	for i := range centers {
		// Columns of falling weight, as principal components have.
		centers[i] = float32(rng.NormFloat64() / math.Sqrt(1+float64(i%testDim)/16))
	}
	for i := 0; i < len(centers); i += testDim {
		normalize(centers[i:][:testDim])
	}
	out := make([]float32, n*testDim)
	for i := 0; i < len(out); i += testDim {
		c := centers[rng.IntN(len(centers)/testDim)*testDim:][:testDim]
		spread := 0.3 + 1.5*rng.Float64()
		for j := range testDim {
			out[i+j] = c[j] + float32(spread*rng.NormFloat64()/math.Sqrt(testDim))
		}
		normalize(out[i:][:testDim])
	}
	return out
}

// cmrcVectors returns the vectors of the words that occur in the documents of the
// shared set, found by longest match, in the order of their first occurrence.
func cmrcVectors(tb testing.TB) []float32 {
	tb.Helper()
	docs := testutil.Shared(tb, "data/cmrc2018-dev/docs.jsonl")
	words := testutil.Shared(tb, "models/default/words.tsv")
	vectors := testutil.Shared(tb, "models/default/vectors.int8.npy")
	text, err := os.ReadFile(words)
	if err != nil {
		tb.Fatal(err)
	}
	rows := map[string]int{}
	longest := 0
	for line := range strings.Lines(string(text)) {
		w, _, _ := strings.Cut(line, "\t")
		rows[w] = len(rows)
		longest = max(longest, len(w))
	}
	f, err := os.Open(docs)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var order []int
	met := map[int]bool{}
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var doc struct{ Text string }
		if err := json.Unmarshal(scan.Bytes(), &doc); err != nil {
			tb.Fatal(err)
		}
		s := strings.ToLower(doc.Text)
		for len(s) > 0 {
			n := min(longest, len(s))
			for ; n > 0; n-- {
				if row, ok := rows[s[:n]]; ok {
					if !met[row] {
						met[row] = true
						order = append(order, row)
					}
					break
				}
			}
			s = s[max(n, 1):]
		}
	}
	if scan.Err() != nil {
		tb.Fatal(scan.Err())
	}
	// Words of the table fill up what the documents lack to a larger vocabulary.
	rng := rand.New(rand.NewPCG(1, 1))
	for _, row := range rng.Perm(len(rows)) {
		if len(order) >= 30000 {
			break
		}
		if !met[row] {
			order = append(order, row)
		}
	}
	npy, err := os.ReadFile(vectors)
	if err != nil {
		tb.Fatal(err)
	}
	npy = npy[10+int(binary.LittleEndian.Uint16(npy[8:])):]
	out := make([]float32, len(order)*testDim)
	for i, row := range order {
		v := out[i*testDim:][:testDim]
		for j, x := range npy[row*testDim:][:testDim] {
			v[j] = float32(int8(x))
		}
		normalize(v)
	}
	return slices.Clip(out)
}
