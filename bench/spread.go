package main

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// spread sums up repeated measurements of one thing.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`
}

// spreadOf returns the spread of at least one value.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{Median: quantile(sorted, 0.5), Min: sorted[0], Max: sorted[len(sorted)-1], N: len(sorted)}
}

// exactly is the spread of a value that is counted, not timed; it is printed with
// all its digits.
func exactly(v float64) spread { return spread{Median: v, Min: v, Max: v, N: 1} }

// String gives the value if there is one only, else the median, and the least and the largest value if they differ.
func (s spread) String() string {
	if s.N == 1 {
		return strconv.FormatFloat(s.Median, 'f', -1, 64)
	}
	text := number(s.Median)
	if low, high := number(s.Min), number(s.Max); low != high {
		text += " (" + low + ".." + high + ")"
	}
	return text
}

// quantile returns the q-quantile of sorted values by linear interpolation.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	part := at - float64(low)
	return sorted[low]*(1-part) + sorted[low+1]*part
}

// number prints three significant digits, and whole numbers as they are.
func number(v float64) string {
	if v == math.Trunc(v) || math.Abs(v) >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', min(max(digits, 0), 5), 64)
}

func percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 2, 64) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// latencies are the times of single operations.
type latencies []float64

func (l *latencies) add(d time.Duration) { *l = append(*l, milliseconds(d)) }

// at returns the q-quantile in milliseconds.
func (l latencies) at(q float64) float64 { return quantile(slices.Sorted(slices.Values(l)), q) }

// round keeps four significant digits.
func round(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return v
}
