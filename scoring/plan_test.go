package scoring_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ciyuan-search/ciyuan/internal/reference"
	"github.com/ciyuan-search/ciyuan/scoring"
)

// world is a random corpus over the words w0, w1, ... of code 0, 1, ...
type world struct {
	reference.Corpus
	consts reference.Constants
	vocab  int
	query  []string
	sims   map[[2]int]float64
}

func word(code int) string { return fmt.Sprintf("w%02d", code) }

func code(word string) int {
	var c int
	if _, err := fmt.Sscanf(word, "w%d", &c); err != nil {
		panic(err)
	}
	return c
}

func drawWorld(t *rapid.T) *world {
	w := &world{consts: reference.Default, vocab: rapid.IntRange(1, 30).Draw(t, "vocab"), sims: map[[2]int]float64{}}
	w.consts.K = rapid.IntRange(0, 8).Draw(t, "k")
	for a := range w.vocab {
		for b := range a {
			// Every pair its own similarity, so that no tie decides who is in
			// the neighbourhood; a few words have no vector.
			z := rapid.Float64Range(-1, 0.99).Draw(t, "z")
			if rapid.IntRange(0, 9).Draw(t, "no vector") == 0 {
				z = math.NaN()
			}
			z = float64(float32(z + 1e-5*float64(a*w.vocab+b)/900))
			w.sims[[2]int{a, b}], w.sims[[2]int{b, a}] = z, z
		}
	}
	w.Similar = func(a, b string) float64 { return w.sims[[2]int{code(a), code(b)}] }
	priors := rapid.SliceOfN(rapid.Float64Range(3, 16), w.vocab, w.vocab).Draw(t, "priors")
	w.Prior = func(s string) (float64, bool) { return priors[code(s)], code(s)%7 != 3 }
	anyWord := rapid.Map(rapid.IntRange(0, w.vocab-1), word)
	for range rapid.IntRange(1, 6).Draw(t, "documents") {
		d := reference.Document{Words: rapid.SliceOfN(anyWord, 0, 40).Draw(t, "words")}
		// Sub-tokens are in the words and not in the length; a title may be in both.
		d.Length = len(d.Words) - rapid.IntRange(0, len(d.Words)/2).Draw(t, "sub-tokens")
		w.Documents = append(w.Documents, d)
	}
	w.query = rapid.SliceOfN(anyWord, 0, 6).Draw(t, "query")
	return w
}

// plan builds the plan of the world's query for a method.
func (w *world) plan(m scoring.Method) *scoring.Plan {
	p := scoring.DefaultParams()
	mean := 0.0
	for _, d := range w.Documents {
		mean += float64(d.Length) / float64(len(w.Documents))
	}
	s := scoring.NewScorer(scoring.Options{Method: m, Params: p, K1: w.consts.K1, B: w.consts.B, MeanLength: mean})
	var terms []scoring.Term
	seen := map[string]bool{}
	for _, q := range w.query {
		if seen[q] {
			continue
		}
		seen[q] = true
		prior, ok := w.Prior(q)
		if !ok {
			prior = float64(p.PriorCap)
		}
		df := 0
		for _, d := range w.Documents {
			for _, t := range d.Words {
				if t == q {
					df++
					break
				}
			}
		}
		term := scoring.Term{IDF: s.IDF(float32(prior), df, len(w.Documents))}
		for t, z := range w.Neighborhood(w.consts, q) {
			term.Neighbors = append(term.Neighbors, scoring.Neighbor{Code: uint32(code(t)), Sim: float32(z), Exact: t == q})
		}
		terms = append(terms, term)
	}
	return scoring.NewPlan(s, terms)
}

// fromPostings scores a document the way a pass over posting lists does.
func fromPostings[F float32 | float64](p *scoring.Plan, d reference.Document) float64 {
	tf := map[uint32]F{}
	for _, t := range d.Words {
		tf[uint32(code(t))]++
	}
	var score float64
	for term := range p.Len() {
		var sums scoring.Sums[F]
		for _, o := range p.Postings(term) {
			if n := tf[o.Code]; n > 0 {
				sums.Add(o.Weight, n)
			}
		}
		score += p.Weight(term) * sums.Value(p.Scorer(), d.Length)
	}
	return score
}

func codes(d reference.Document) []uint32 {
	var out []uint32
	for _, t := range d.Words {
		out = append(out, uint32(code(t)))
	}
	return out
}

func TestPlan_AgreesWithTheReference(t *testing.T) {
	for _, tt := range []struct {
		method scoring.Method
		naive  func(*world, reference.Document) float64
	}{
		{scoring.MethodSoftmax, func(w *world, d reference.Document) float64 { return w.Softmax(w.consts, w.query, d) }},
		{scoring.MethodMaxSim, func(w *world, d reference.Document) float64 { return w.MaxSim(w.consts, w.query, d) }},
		{scoring.MethodSum, func(w *world, d reference.Document) float64 { return w.Sum(w.consts, w.query, d) }},
		{scoring.MethodBM25, func(w *world, d reference.Document) float64 { return w.BM25(w.consts, w.query, d) }},
	} {
		t.Run(tt.method.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := drawWorld(t)
				p := w.plan(tt.method)
				var tally scoring.Tally
				for i, d := range w.Documents {
					want := tt.naive(w, d)
					bound := 1e-5 * max(1, want)
					if got := p.Score(&tally, codes(d), d.Length); math.Abs(got-want) > bound {
						t.Fatalf("document %d from tokens: %v, want %v", i, got, want)
					}
					var sum float64
					for _, part := range tally.Parts() {
						sum += part
					}
					if len(tally.Parts()) != p.Len() || math.Abs(sum-want) > bound {
						t.Fatalf("document %d: parts %v sum to %v, want %v", i, tally.Parts(), sum, want)
					}
					if got := fromPostings[float32](p, d); math.Abs(got-want) > bound {
						t.Fatalf("document %d from postings, float32: %v, want %v", i, got, want)
					}
					if got := fromPostings[float64](p, d); math.Abs(got-want) > bound {
						t.Fatalf("document %d from postings, float64: %v, want %v", i, got, want)
					}
					if n := p.Normalize(want); n < 0 || n > 1 {
						t.Fatalf("document %d: normalised score %v", i, n)
					}
				}
			})
		})
	}
}

// exactOnly returns a plan of one word of idf 1 that nothing is similar to.
func exactOnly(o scoring.Options) *scoring.Plan {
	return scoring.NewPlan(scoring.NewScorer(o), []scoring.Term{{IDF: 1, Neighbors: []scoring.Neighbor{{Code: 7, Exact: true}}}})
}

func TestPlan_LengthOfDocuments(t *testing.T) {
	p := exactOnly(scoring.Options{Params: scoring.DefaultParams()})
	var tally scoring.Tally
	for _, tt := range []struct {
		length int
		want   float64
	}{{1, 1}, {20, .96}, {250, .66}, {1000, .33}, {5000, .09}} {
		if got := p.Score(&tally, []uint32{7}, tt.length); math.Abs(got-tt.want) > 0.005 {
			t.Errorf("one match in %d tokens: %.3f, want %.2f", tt.length, got, tt.want)
		}
	}
}

// With one-hot vectors the softmax score is a constant times BM25 with B = 1 and
// K1/mean = b/(1-b), where b is the attention of the background.
func TestPlan_OneHotIsBM25(t *testing.T) {
	params := scoring.DefaultParams()
	b := math.Exp((float64(params.Background) - 1) / float64(params.Temperature))
	soft := exactOnly(scoring.Options{Params: params})
	bm25 := exactOnly(scoring.Options{Method: scoring.MethodBM25, Params: params, K1: 200 * b / (1 - b), B: 1, MeanLength: 200})
	var tally scoring.Tally
	for tf := 1; tf < 50; tf += 3 {
		doc := make([]uint32, tf)
		for i := range doc {
			doc[i] = 7
		}
		for length := tf; length < 3000; length = length*2 + 1 {
			got, want := soft.Score(&tally, doc, length), bm25.Score(&tally, doc, length)/(1-b)
			if math.Abs(got-want) > 1e-9 {
				t.Fatalf("tf %d, length %d: softmax %v, BM25 %v", tf, length, got, want)
			}
		}
	}
}

// The neighbours of a word of another language stand out more from the background.
func TestPlan_Foreign(t *testing.T) {
	params := scoring.DefaultParams()
	neighbors := []scoring.Neighbor{{Code: 7, Sim: .6}}
	for _, tt := range []struct {
		method  scoring.Method
		foreign bool
		t       float64
	}{
		{scoring.MethodSoftmax, false, .15},
		{scoring.MethodSoftmax, true, .12},
		{scoring.MethodMaxSim, true, 0},
	} {
		p := scoring.NewPlan(scoring.NewScorer(scoring.Options{Method: tt.method, Params: params}), []scoring.Term{{IDF: 2, Foreign: tt.foreign, Neighbors: neighbors}})
		value, attention := .6, 1.0
		if tt.t > 0 {
			e := math.Exp((.6 - 1) / tt.t)
			attention = e / (e + 9*math.Exp((.07-1)/tt.t))
			value = .6 * attention
		}
		var tally scoring.Tally
		if got := p.Score(&tally, []uint32{1, 7, 2}, 10); math.Abs(got-2*value) > 1e-6 {
			t.Errorf("%v, foreign %v: score %v, want %v", tt.method, tt.foreign, got, 2*value)
		}
		if got := p.Attention(&tally, &p.Matches(7)[0], 10); math.Abs(got-attention) > 1e-6 {
			t.Errorf("%v, foreign %v: attention %v, want %v", tt.method, tt.foreign, got, attention)
		}
	}
}

func TestPlan_Neighbors(t *testing.T) {
	s := scoring.NewScorer(scoring.Options{Params: scoring.DefaultParams()})
	nan := float32(math.NaN())
	p := scoring.NewPlan(s, []scoring.Term{{IDF: 2, Neighbors: []scoring.Neighbor{
		{Code: 9, Sim: .5}, {Code: 8, Sim: .5}, {Code: 3, Sim: .29}, {Code: 4, Sim: nan}, {Code: 5, Sim: 1.01},
		{Code: 1, Sim: .2, Exact: true}, {Code: 9, Sim: .7}, {Code: 1, Sim: .99},
	}}, {IDF: 1, Neighbors: []scoring.Neighbor{{Code: 9, Sim: .4}}}, {IDF: 1}})
	type posting struct {
		Code  uint32
		Sim   float32
		Exact bool
	}
	var got []posting
	for _, o := range p.Postings(0) {
		got = append(got, posting{o.Code, o.Sim, o.Exact})
	}
	want := []posting{{1, 1, true}, {5, 1, false}, {9, .7, false}, {8, .5, false}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	matches := p.Matches(9)
	if len(matches) != 2 || matches[0].Term != 0 || matches[0].Sim != .7 || matches[1].Term != 1 || matches[1].Sim != .4 {
		t.Errorf("matches of 9: %+v", matches)
	}
	for _, c := range []uint32{0, 2, 3, 4, 7, 1 << 31, math.MaxUint32} {
		if m := p.Matches(c); m != nil {
			t.Errorf("matches of %d: %+v", c, m)
		}
	}
	if got := p.Normalize(4); got != 1 {
		t.Errorf("normalised: %v, want 1", got)
	}
}

func TestPlan_Empty(t *testing.T) {
	p := scoring.NewPlan(scoring.NewScorer(scoring.Options{Params: scoring.DefaultParams()}), nil)
	var tally scoring.Tally
	if got := p.Score(&tally, []uint32{0, 1, 2}, 3); got != 0 {
		t.Errorf("score %v of an empty query", got)
	}
	if got := p.Normalize(0); got != 0 {
		t.Errorf("normalised score %v of an empty query", got)
	}
	p = exactOnly(scoring.Options{Params: scoring.DefaultParams()})
	if got := p.Score(&tally, nil, 0); got != 0 {
		t.Errorf("score %v of an empty document", got)
	}
}

func TestScorer_IDF(t *testing.T) {
	p := scoring.DefaultParams()
	c := reference.Corpus{Prior: func(w string) (float64, bool) { return 7, w == "known" }}
	for i := range 50 {
		d := reference.Document{Words: []string{"x"}}
		if i < 5 {
			d.Words = append(d.Words, "known")
		}
		c.Documents = append(c.Documents, d)
	}
	for _, tt := range []struct {
		name  string
		opts  scoring.Options
		prior float32
		df, n int
		want  float64
	}{
		{"known", scoring.Options{}, 7, 5, 50, c.IDF(reference.Default, "known")},
		{"in no table", scoring.Options{}, p.PriorCap, 0, 50, 7.5},
		{"NaN prior", scoring.Options{}, float32(math.NaN()), 0, 50, 7.5},
		{"frequent", scoring.Options{}, 3, 0, 50, 0.2},
		{"rare", scoring.Options{}, 16, 0, 50, 7.5},
		{"df above n", scoring.Options{}, 7, 60, 50, p.IDF(7, 50, 50)},
		{"negative df", scoring.Options{}, 7, -3, 50, 2.5},
		{"no documents", scoring.Options{}, 7, 3, 0, 2.5},
		{"bm25", scoring.Options{Method: scoring.MethodBM25}, 7, 5, 50, c.CorpusIDF("known")},
		{"none", scoring.Options{NoIDF: true}, 7, 5, 50, 1},
	} {
		tt.opts.Params = p
		if got := scoring.NewScorer(tt.opts).IDF(tt.prior, tt.df, tt.n); math.Abs(got-tt.want) > 1e-7 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPlan_NoAllocations(t *testing.T) {
	p := benchPlan()
	doc := make([]uint32, 200)
	for i := range doc {
		doc[i] = uint32(i * 7)
	}
	var tally scoring.Tally
	p.Score(&tally, doc, 200)
	if n := testing.AllocsPerRun(100, func() { p.Score(&tally, doc, 200) }); n != 0 {
		t.Errorf("Score allocates %v times", n)
	}
	sums := make([]scoring.Sums[float32], 100)
	if n := testing.AllocsPerRun(100, func() {
		for _, o := range p.Postings(0) {
			sums[3].Add(o.Weight, 2)
		}
		sums[3].Value(p.Scorer(), 100)
	}); n != 0 {
		t.Errorf("Sums allocate %v times", n)
	}
}

// benchPlan is a query of eight words with 64 neighbours each.
func benchPlan() *scoring.Plan {
	s := scoring.NewScorer(scoring.Options{Params: scoring.DefaultParams()})
	terms := make([]scoring.Term, 8)
	for i := range terms {
		terms[i].IDF = 5
		for j := range 65 {
			terms[i].Neighbors = append(terms[i].Neighbors, scoring.Neighbor{
				Code: uint32(i*1009+j*31) % 20000, Sim: 1 - float32(j)*0.01, Exact: j == 0})
		}
	}
	return scoring.NewPlan(s, terms)
}

func BenchmarkPlan_Score(b *testing.B) {
	p := benchPlan()
	doc := make([]uint32, 200)
	for i := range doc {
		doc[i] = uint32(i * 61 % 20000)
	}
	var tally scoring.Tally
	for b.Loop() {
		p.Score(&tally, doc, 200)
	}
}

func BenchmarkSums_Add(b *testing.B) {
	p := benchPlan()
	postings := p.Postings(0)
	sums := make([]scoring.Sums[float32], 4096)
	for b.Loop() {
		for _, o := range postings[:8] {
			w := o.Weight
			for i := range sums {
				sums[i].Add(w, 1)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(8*len(sums)), "ns/posting")
}

func BenchmarkNewPlan(b *testing.B) {
	for b.Loop() {
		benchPlan()
	}
}
