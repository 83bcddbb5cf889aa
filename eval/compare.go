package eval

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// System is one of the systems that are compared.
type System struct {
	Name       string
	Evaluation *Evaluation
}

// significanceLevel is the usual one of the retrieval literature.
const significanceLevel = 0.05

// Comparison is a system measured against the baseline in one metric.
type Comparison struct {
	// Difference is the mean of the system minus that of the baseline; Low and
	// High are the ends of its 95 % confidence interval.
	Difference, Low, High float64
	// P is the two-sided p-value of the paired randomisation test.
	P float64
}

// Significant tells whether P is below 0.05.
func (c Comparison) Significant() bool { return c.P < significanceLevel }

// Compare measures a system against a baseline in one metric of MetricNames. It
// returns ErrMismatch unless both were evaluated on the same queries.
func Compare(system, baseline *Evaluation, metric string) (Comparison, error) {
	c, differences, err := test(system, baseline, metric)
	if err == nil {
		c.Low, c.High = BootstrapInterval(differences, 1-significanceLevel, Samples, 1)
	}
	return c, err
}

// test is Compare without the interval, and returns the differences that it is
// made from.
func test(system, baseline *Evaluation, metric string) (Comparison, []float64, error) {
	if !slices.Equal(system.Queries, baseline.Queries) {
		return Comparison{}, nil, fmt.Errorf("%w: the two runs were judged on different queries", ErrMismatch)
	}
	a, b := system.Values(metric), baseline.Values(metric)
	differences := make([]float64, len(a))
	sum := 0.0
	for i := range a {
		differences[i] = a[i] - b[i]
		sum += differences[i]
	}
	c := Comparison{P: RandomizationTest(a, b, Permutations, 1)}
	if len(a) > 0 {
		c.Difference = sum / float64(len(a))
	}
	return c, differences, nil
}

// Table compares the systems with the first of them, as text with aligned
// columns: one row a system, all metrics in per cent, each marked + or - where
// it is significantly better or worse than the baseline (p < 0.05), then
// difference, 95 % interval and p-value for the named metric.
func Table(systems []System, metric string) (string, error) {
	if !slices.Contains(MetricNames, metric) {
		return "", fmt.Errorf("eval: no metric %q; there are %s", metric, strings.Join(MetricNames, ", "))
	}
	if len(systems) == 0 {
		return "", nil
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "system\t%s\tΔ %s\t95 %%\tp\n", strings.Join(MetricNames, "\t"), metric)
	baseline := systems[0]
	for i, system := range systems {
		fmt.Fprint(w, system.Name)
		var main Comparison
		for j, value := range system.Evaluation.Mean.values() {
			c := Comparison{P: 1}
			if i > 0 {
				var differences []float64
				var err error
				if c, differences, err = test(system.Evaluation, baseline.Evaluation, MetricNames[j]); err != nil {
					return "", fmt.Errorf("comparing %s with %s: %w", system.Name, baseline.Name, err)
				}
				if MetricNames[j] == metric {
					c.Low, c.High = BootstrapInterval(differences, 1-significanceLevel, Samples, 1)
					main = c
				}
			}
			fmt.Fprintf(w, "\t%.2f%s", 100*value, mark(c))
		}
		if i == 0 {
			fmt.Fprint(w, "\t\t\t\n")
			continue
		}
		fmt.Fprintf(w, "\t%+.2f\t%s\t%s\n", 100*main.Difference, interval(main), probability(main.P))
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	lines := strings.SplitAfter(text.String(), "\n")
	for i, line := range lines {
		if strings.HasSuffix(line, "\n") {
			lines[i] = strings.TrimRight(line, " \n") + "\n"
		}
	}
	return strings.Join(lines, ""), nil
}

func mark(c Comparison) string {
	switch {
	case !c.Significant():
		return ""
	case c.Difference > 0:
		return "+"
	}
	return "-"
}

func interval(c Comparison) string {
	if math.IsNaN(c.Low) {
		return ""
	}
	return fmt.Sprintf("%+.2f..%+.2f", 100*c.Low, 100*c.High)
}

func probability(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}
