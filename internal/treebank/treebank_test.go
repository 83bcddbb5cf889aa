package treebank

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	const text = `# text = 我爱 GSD
1	我	我	PRON	PRP	Person=1	2	nsubj	_	SpaceAfter=No
2-3	爱GSD	_	_	_	_	_	_	_	_
2	爱	爱	VERB	VV	_	0	root	_	Gloss=love
2.1	空	空	X	X	_	_	_	_	_
3	GSD	GSD	PROPN	NNP	_	2	obj	_	SpaceAfter=No

1	好	_	ADJ	JJ	_	0	root	_	_
`
	got, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Sentence{
		{
			{Form: "我", UPOS: "PRON", XPOS: "PRP", Features: "Person=1", Relation: "nsubj"},
			{Form: "爱", UPOS: "VERB", XPOS: "VV", Features: "_", Relation: "root", Space: true},
			{Form: "GSD", UPOS: "PROPN", XPOS: "NNP", Features: "_", Relation: "obj"},
		},
		{{Form: "好", UPOS: "ADJ", XPOS: "JJ", Features: "_", Relation: "root"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := got[0].Text(); got != "我爱 GSD" {
		t.Errorf("text %q", got)
	}
	if _, err := Read(strings.NewReader("1\t我\n")); err == nil {
		t.Error("two columns pass")
	}
}
