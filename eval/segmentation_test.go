package eval

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSegmentation(t *testing.T) {
	known := func(w string) bool { return w != "词元" }
	tests := []struct {
		name, gold, words string
		want              Segmentation
	}{
		{"equal", "词元 检索", "词元 检索", Segmentation{2, 2, 2, 1, 1}},
		{"split", "词元 检索", "词 元 检索", Segmentation{2, 3, 1, 1, 0}},
		{"joined", "词元 检索 好", "词元检索 好", Segmentation{3, 2, 1, 1, 0}},
		{"shifted", "研究 生命 起源", "研究生 命 起源", Segmentation{3, 3, 1, 0, 0}},
		{"one", "好", "好", Segmentation{1, 1, 1, 0, 0}},
		{"nothing", "", "", Segmentation{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Segmentation
			if err := got.Add(strings.Fields(tt.gold), strings.Fields(tt.words), known); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	s := Segmentation{Gold: 4, Words: 2, Right: 1, Unknown: 2, UnknownsFound: 1}
	if got := [...]float64{s.Precision(), s.Recall(), s.F1(), s.UnknownRecall()}; got != [...]float64{0.5, 0.25, 2.0 / 6, 0.5} {
		t.Errorf("precision, recall, F1, recall of unknown words = %v", got)
	}
	if err := s.Add([]string{"词元"}, []string{"词"}, nil); !errors.Is(err, ErrSegmentation) {
		t.Errorf("other text: %v", err)
	}
}
