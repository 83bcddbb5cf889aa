package tokenizer

import (
	"errors"
	"fmt"
)

// Mode says how runs of Han characters are cut. Everything else is cut the same
// way in every mode, except that Char also takes kana and Hangul apart.
type Mode uint8

// The modes. Values are part of Fingerprint.
const (
	Viterbi    Mode = iota // the most probable words of the dictionary (gse)
	HMM                    // Viterbi, then gse's hidden Markov model over runs of single characters
	Search                 // Viterbi, and the dictionary words inside long words as their parts
	FMM                    // forward maximum matching
	BMM                    // backward maximum matching
	BiMM                   // of FMM and BMM the one with fewer words, then fewer single characters, then BMM
	Char                   // each character
	Perceptron             // a model learned from a treebank, with the words of the dictionary as hints
)

var modeNames = [...]string{Viterbi: "viterbi", HMM: "hmm", Search: "search", FMM: "fmm", BMM: "bmm", BiMM: "bimm", Char: "char", Perceptron: "perceptron"}

// Modes returns all modes, in the order of their values.
func Modes() []Mode {
	modes := make([]Mode, len(modeNames))
	for i := range modes {
		modes[i] = Mode(i)
	}
	return modes
}

// ErrMode is returned for a mode that does not exist.
var ErrMode = errors.New("tokenizer: unknown mode")

// String returns the name of the mode, as ParseMode reads it.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// ParseMode returns the mode with the given name: viterbi, hmm, search, fmm,
// bmm, bimm, char or perceptron. The empty name is Viterbi. The error wraps ErrMode.
func ParseMode(name string) (Mode, error) {
	if name == "" {
		return Viterbi, nil
	}
	for m, known := range modeNames {
		if known == name {
			return Mode(m), nil
		}
	}
	return 0, fmt.Errorf("%w %q (viterbi, hmm, search, fmm, bmm, bimm, char, perceptron)", ErrMode, name)
}
