package align

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrLinks is wrapped where a text is no list of links.
var ErrLinks = errors.New("align: not a list of links")

// maxToken bounds a token's number in a list of links.
const maxToken = 1 << 20

// ParseLinks reads links as they are published: pairs of token numbers from 0,
// separated by white space. i-j is a sure link; i?j, ipj and i~j are possible
// ones. The error wraps ErrLinks.
func ParseLinks(line string) (Gold, error) {
	g := Gold{}
	for _, field := range strings.Fields(line) {
		at := strings.IndexFunc(field, func(r rune) bool { return r < '0' || r > '9' })
		if at <= 0 || at == len(field)-1 || !strings.ContainsRune("-?p~", rune(field[at])) {
			return nil, fmt.Errorf("%w: %q (i-j is a sure link, i?j a possible one)", ErrLinks, field)
		}
		i, err := strconv.Atoi(field[:at])
		j, err2 := strconv.Atoi(field[at+1:])
		if err != nil || err2 != nil || i > maxToken || j > maxToken || field[at+1] < '0' || field[at+1] > '9' {
			return nil, fmt.Errorf("%w: %q", ErrLinks, field)
		}
		l := Link{Source: i, Target: j}
		g[l] = g[l] || field[at] == '-'
	}
	return g, nil
}

// Gold is what a person has linked; true means surely.
type Gold map[Link]bool

// FormatLinks returns links as Pharaoh wrote them: i-j, separated by spaces.
func FormatLinks(links []Link) string {
	var b strings.Builder
	for k, l := range links {
		if k > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d-%d", l.Source, l.Target)
	}
	return b.String()
}

// Quality counts how links compare with what people have linked. The zero value
// has compared nothing.
type Quality struct {
	Pairs    int // pairs compared
	Links    int // links proposed
	Sure     int // sure links of the gold standard
	HitSure  int // proposed links that are sure
	Possible int // sure and possible links of the gold standard
	Hit      int // proposed links that are sure or possible
}

// Add compares the links of one more pair.
func (q *Quality) Add(gold Gold, links []Link) {
	q.Pairs++
	q.Possible += len(gold)
	for _, sure := range gold {
		if sure {
			q.Sure++
		}
	}
	q.Links += len(links)
	for _, l := range links {
		if sure, ok := gold[l]; ok {
			q.Hit++
			if sure {
				q.HitSure++
			}
		}
	}
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Precision is the part of the proposed links that are sure or possible; 0 if
// there is none.
func (q *Quality) Precision() float64 { return ratio(q.Hit, q.Links) }

// Recall is the part of the sure links that were proposed; 0 if there is none.
func (q *Quality) Recall() float64 { return ratio(q.HitSure, q.Sure) }

// F1 is the harmonic mean of Precision and Recall.
func (q *Quality) F1() float64 {
	p, r := q.Precision(), q.Recall()
	if p+r == 0 {
		return 0
	}
	return 2 * p * r / (p + r)
}

// AER is the alignment error rate of Och and Ney (2003), 0 at best:
// 1 - (HitSure + Hit) / (Links + Sure). It is 0 if there are no links at all.
func (q *Quality) AER() float64 {
	if q.Links+q.Sure == 0 {
		return 0
	}
	return 1 - ratio(q.HitSure+q.Hit, q.Links+q.Sure)
}
