package scoring

// Attention returns the share of a query word's attention that one occurrence of
// a token has in the document that tally scored last; match is one of
// [Plan.Matches] of the token's code, length what Score was given.
//
// Softmax attends to every token of the document, those outside of the
// neighbourhood included, the weighted sum in proportion to the similarity to
// the neighbours alone, MaxSim to the nearest tokens alone (1 each), BM25 to
// the literal ones in equal parts. Shares lie in (0, 1] but for MaxSim's others,
// which are 0.
func (p *Plan) Attention(tally *Tally, match *Match, length int) float64 {
	sums := tally.sums[match.Term]
	switch p.scorer.opts.Method {
	case MethodMaxSim:
		if match.weight.Num < sums.Num {
			return 0
		}
		return 1
	case MethodSum:
		return match.weight.Den / sums.Den
	case MethodBM25:
		return match.weight.Num / sums.Num
	default:
		b := p.scorers[match.Term].background
		return (match.weight.Den + b) / (sums.Den + float64(float64(length)*b))
	}
}
