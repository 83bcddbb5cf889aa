package eval

import (
	"math"
	"testing"
)

func TestAnswerF1(t *testing.T) {
	for _, c := range []struct {
		got      string
		expected []string
		f1       float64
		exact    bool
	}{
		{"1903年", []string{"1903年"}, 1, true},
		{"1903年筑成", []string{"1903年"}, 2 * 2. / (4 + 2), false},
		{"The U.S. Army", []string{"us army"}, 1, true},
		{"age 38", []string{"38", "none"}, 2 * 1. / (2 + 1), false},
		{"光荣和ω-force", []string{"光荣", "光荣和ω-Force。"}, 1, true},
		{"the", []string{"the"}, 0, false},
		{"", []string{"北京"}, 0, false},
		{"北京", nil, 0, false},
		{"京京", []string{"北京"}, 0.5, false},
	} {
		f1, exact := AnswerF1(c.got, c.expected)
		if math.Abs(f1-c.f1) > 1e-12 || exact != c.exact {
			t.Errorf("%q for %q: %v %v, want %v %v", c.got, c.expected, f1, exact, c.f1, c.exact)
		}
	}
}

func TestAUC(t *testing.T) {
	for _, c := range []struct {
		positive, negative []float64
		want               float64
	}{
		{[]float64{3, 2}, []float64{1, 0}, 1},
		{[]float64{0}, []float64{1}, 0},
		{[]float64{1, 1}, []float64{1}, 0.5},
		{[]float64{1, 3}, []float64{2, 2}, 0.5},
		{nil, []float64{1}, 0},
	} {
		if got := AUC(c.positive, c.negative); got != c.want {
			t.Errorf("%v against %v: %v, want %v", c.positive, c.negative, got, c.want)
		}
	}
}
