package scoring

import "math"

// Method says how the similarities between a query word and the tokens of a
// document become one number.
type Method uint8

// The methods. z(w,t) is the cosine of a query word and a token, N(w) the word's
// neighbourhood, tf the number of times that a token occurs.
const (
	// MethodSoftmax is softmax attention with a background: BM25's saturation
	// and length normalisation with a semantic numerator. See [Scorer.Weight].
	MethodSoftmax Method = iota
	// MethodMaxSim takes the largest similarity.
	//
	// Source: Khattab and Zaharia, ColBERT (2020), equation 3.
	MethodMaxSim
	// MethodSum is the weighted sum of similarities with weights proportional
	// to them: sum of tf*z^2 over sum of tf*z.
	MethodSum
	// MethodBM25 looks at exact matches alone: tf / (tf + K1*(1-B+B*|d|/mean)).
	// Without the constant factor K1 + 1 it lies in [0, 1) like the others.
	//
	// Source: Robertson and Zaragoza, The Probabilistic Relevance Framework
	// (2009), equation 3.15.
	MethodBM25
)

// String returns the name that users know the method by.
func (m Method) String() string {
	switch m {
	case MethodSoftmax:
		return "softmax"
	case MethodMaxSim:
		return "maxsim"
	case MethodSum:
		return "sum"
	case MethodBM25:
		return "bm25"
	}
	return "unknown"
}

// foreignTemperature is what the temperature is multiplied by for words of another
// language than the corpus, whose neighbours lie closer to the background: in the
// default table the first, fifth and tenth nearest word of the other language have
// 0.78 times the cosine of those of the word's own.
const foreignTemperature = 0.8

// Options choose a score.
type Options struct {
	Method Method
	Params Params
	// NoIDF gives every query word the weight 1.
	NoIDF bool
	// K1 and B are the constants of BM25: 1.2 and 0.75 are customary. K1 >= 0,
	// B in [0, 1].
	K1, B float64
	// MeanLength is the mean length of a document in primary word tokens, for
	// BM25. 0 counts as 1.
	MeanLength float64
}

// Scorer computes one kind of score. It is immutable and safe for concurrent
// use.
type Scorer struct {
	opts       Options
	background float64 // exp((z_bg - 1) / T)
	foreign    *Scorer // of words of another language than the corpus
}

// NewScorer returns the scorer for the options, whose Params must be
// [Params.Valid].
func NewScorer(o Options) *Scorer {
	if o.MeanLength <= 0 {
		o.MeanLength = 1
	}
	s, foreign := newScorer(o), o
	foreign.Params.Temperature *= foreignTemperature
	s.foreign = newScorer(foreign)
	return s
}

func newScorer(o Options) *Scorer {
	s := &Scorer{opts: o}
	s.background = s.attention(float64(o.Params.Background))
	return s
}

// attention returns exp((z - 1) / T).
func (s *Scorer) attention(z float64) float64 {
	return math.Exp((z - 1) / float64(s.opts.Params.Temperature))
}

// Method returns the method that the scorer was made with.
func (s *Scorer) Method() Method { return s.opts.Method }

// IDF returns the weight of a query word with the given prior that occurs in df
// of n documents: [Params.IDF], but [CorpusIDF] for BM25, and 1 with NoIDF.
func (s *Scorer) IDF(prior float32, df, n int) float64 {
	switch {
	case s.opts.NoIDF:
		return 1
	case s.opts.Method == MethodBM25:
		return CorpusIDF(df, n)
	}
	return s.opts.Params.IDF(prior, df, n)
}

// Neighbor is a word of the corpus and its similarity to a query word.
type Neighbor struct {
	Code uint32
	// Sim is the cosine; it counts as 1 where Exact is set or it is above 1,
	// which rounding can make it.
	Sim float32
	// Exact says that it is the query word itself.
	Exact bool
	// Form says that it stands for the query word as it was written: a synonym,
	// a completion or a correction of it. BM25 counts it by its similarity.
	Form bool
}

// Weight is what one occurrence of a neighbour adds to the [Sums] of a query
// word. The zero value adds nothing.
type Weight struct {
	Num, Den float64
	largest  bool // keep the largest Num instead of adding
}

// Weight returns what an occurrence of n adds to the sums of its query word. The
// zero Weight means that n takes no part: its similarity is NaN or, unless it is
// exact, below MinSim (below or at 0 for any score), or the method is BM25 and
// it is neither exact nor a form.
//
// For softmax it is (z*e, e - b) with e = exp((z-1)/T) and b the same of the
// background, so that num / (den + |d|*b) is
//
//	sum tf*z*e  /  (sum tf*e + (|d| - sum tf) * b).
func (s *Scorer) Weight(n Neighbor) Weight {
	z := min(1, float64(n.Sim))
	if n.Exact {
		z = 1
	} else if !(z >= float64(s.opts.Params.MinSim)) || s.opts.Method == MethodBM25 && !n.Form {
		return Weight{}
	}
	if !(z > 0) {
		return Weight{}
	}
	switch s.opts.Method {
	case MethodMaxSim:
		return Weight{Num: z, largest: true}
	case MethodSum:
		return Weight{Num: z * z, Den: z}
	case MethodBM25:
		return Weight{Num: z}
	default:
		e := s.attention(z)
		return Weight{Num: z * e, Den: e - s.background}
	}
}

// Sums are the two running sums of one query word and one document. The zero
// value is that of a document without a match; Num is above 0 after any match.
//
// With float32, for arrays over all documents, each addition errs by at most
// 2^-24 of the sum: below 1e-5 after the 129 additions of the largest
// neighbourhood. With float64 the error is beyond notice.
type Sums[F float32 | float64] struct{ Num, Den F }

// Add adds tf occurrences of a neighbour with the weight w.
func (s *Sums[F]) Add(w Weight, tf F) {
	if w.largest {
		s.Num = max(s.Num, F(w.Num))
		return
	}
	// The conversions forbid fused multiply-adds, whose bits differ.
	s.Num += F(tf * F(w.Num))
	s.Den += F(tf * F(w.Den))
}

// Value returns what the sums of a query word are worth in a document of the
// given length in primary word tokens, before idf: 0 without a match, else above
// 0 and up to 1.
func (s Sums[F]) Value(by *Scorer, length int) float64 {
	num, den := float64(s.Num), float64(s.Den)
	if num <= 0 {
		return 0
	}
	switch o := &by.opts; o.Method {
	case MethodMaxSim:
		return num
	case MethodSum:
		return num / den
	case MethodBM25:
		norm := 1 - o.B + float64(o.B*float64(length)/o.MeanLength)
		return num / (num + float64(o.K1*norm))
	default:
		return num / (den + float64(float64(length)*by.background))
	}
}
