package ciyuan

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestForecast(t *testing.T) {
	var f forecast
	if m := f.most(1, 10); !math.IsInf(m, 1) {
		t.Errorf("nothing was seen, yet a score is at most %g", m)
	}
	// Scores on a line: nothing deviates from it.
	for i := range 10 {
		f.add(float64(i), 3+2*float64(i))
	}
	for _, gain := range []float64{0, 4.5, 20} {
		if got, want := f.most(gain, 10), 3+2*gain; math.Abs(got-want) > 1e-6 {
			t.Errorf("gain %g: at most %g, want %g", gain, got, want)
		}
	}
	// Equal gains say nothing but how scores spread.
	f = forecast{}
	for _, score := range []float64{1, 2, 3} {
		f.add(7, score)
	}
	if got, want := f.most(0, 10), 2+forecastDeviations(10)*math.Sqrt(2); math.Abs(got-want) > 1e-6 {
		t.Errorf("one gain: at most %g, want %g", got, want)
	}
	// Gains that go with lower scores are not taken for a promise of higher ones.
	f = forecast{}
	for i := range 10 {
		f.add(float64(i), -float64(i))
	}
	if f.most(-100, 10) > f.most(0, 10) {
		t.Error("a lower gain promises more")
	}
	// Of scores that spread as forecast expects, hardly any is above what it says.
	r := rand.New(rand.NewPCG(51, 52))
	f = forecast{}
	draw := func() (gain, score float64) {
		gain = r.Float64()
		return gain, 5 + gain + 0.1*r.NormFloat64()
	}
	for range 500 {
		f.add(draw())
	}
	if f.most(1, 1000) <= f.most(1, 10) {
		t.Error("one of many candidates is not thought to come higher than one of few")
	}
	above := 0
	for range 10_000 {
		if gain, score := draw(); score > f.most(gain, 10) {
			above++
		}
	}
	if above > 50 {
		t.Errorf("%d of 10000 scores are above what was to be expected", above)
	}
}
