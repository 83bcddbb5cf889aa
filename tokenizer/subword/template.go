package subword

import (
	"encoding/json"
	"fmt"
)

// template says which tokens a model expects around a text or a pair of texts.
type template struct {
	single, pair []templateItem
	trim         bool // white space at the ends of a token is not part of its span
	prefixed     bool // the space before the first token was put there by us
}

// templateItem is a token that is put in, or the place of a text.
type templateItem struct {
	sequence int8 // 0 or 1: the text; -1: the token id
	id       uint32
	typeID   uint8
}

// plain is what models without a post-processor get: the texts alone.
func plainTemplate() template {
	return template{
		single: []templateItem{{sequence: 0}},
		pair:   []templateItem{{sequence: 0}, {sequence: 1, typeID: 1}},
	}
}

// parsePostProcessor applies a post_processor block to t. Texts come out as t
// has them where the block says nothing about them.
func parsePostProcessor(t *template, raw []byte, depth int) error {
	if isNull(raw) {
		return nil
	}
	if depth > maxDepth {
		return fmt.Errorf("%w: post-processor nested too deeply", ErrFormat)
	}
	var spec struct {
		Type           string                   `json:"type"`
		Processors     []json.RawMessage        `json:"processors"`
		Single         []pieceSpec              `json:"single"`
		Pair           []pieceSpec              `json:"pair"`
		SpecialTokens  map[string]specialTokens `json:"special_tokens"`
		Sep            namedID                  `json:"sep"`
		Cls            namedID                  `json:"cls"`
		TrimOffsets    *bool                    `json:"trim_offsets"`
		AddPrefixSpace *bool                    `json:"add_prefix_space"`
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return fmt.Errorf("%w: post-processor: %w", ErrFormat, err)
	}
	trim := spec.TrimOffsets == nil || *spec.TrimOffsets
	prefixed := spec.AddPrefixSpace == nil || *spec.AddPrefixSpace
	switch spec.Type {
	case "Sequence":
		for _, raw := range spec.Processors {
			if err := parsePostProcessor(t, raw, depth+1); err != nil {
				return err
			}
		}
	case "ByteLevel":
		if trim {
			t.trim, t.prefixed = true, prefixed
		}
	case "BertProcessing":
		cls, sep := templateItem{-1, spec.Cls.id, 0}, templateItem{-1, spec.Sep.id, 0}
		t.single = []templateItem{cls, {sequence: 0}, sep}
		t.pair = []templateItem{cls, {sequence: 0}, sep, {sequence: 1, typeID: 1}, {-1, spec.Sep.id, 1}}
	case "RobertaProcessing":
		cls, sep := templateItem{-1, spec.Cls.id, 0}, templateItem{-1, spec.Sep.id, 0}
		t.single = []templateItem{cls, {sequence: 0}, sep}
		t.pair = []templateItem{cls, {sequence: 0}, sep, sep, {sequence: 1}, sep}
		if trim {
			t.trim, t.prefixed = true, prefixed
		}
	case "TemplateProcessing":
		var err error
		if t.single, err = templateItems(spec.Single, spec.SpecialTokens, 1); err != nil {
			return err
		}
		if t.pair, err = templateItems(spec.Pair, spec.SpecialTokens, 2); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: post-processor %q", ErrUnsupported, spec.Type)
	}
	return nil
}

// namedID is a token and its id as a list of two, ["[SEP]", 5].
type namedID struct{ id uint32 }

func (n *namedID) UnmarshalJSON(data []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &n.id)
}

// pieceSpec is an element of a template.
type pieceSpec struct {
	SpecialToken *pieceRef
	Sequence     *pieceRef
}

type pieceRef struct {
	ID     string `json:"id"`
	TypeID uint8  `json:"type_id"`
}

type specialTokens struct {
	IDs []uint32 `json:"ids"`
}

// templateItems resolves the names of a template, in which each of n texts must
// occur once.
func templateItems(pieces []pieceSpec, special map[string]specialTokens, n int) ([]templateItem, error) {
	var out []templateItem
	var seen [2]int
	for _, p := range pieces {
		switch {
		case p.SpecialToken != nil:
			s, ok := special[p.SpecialToken.ID]
			if !ok {
				return nil, fmt.Errorf("%w: template names the unknown token %q", ErrFormat, p.SpecialToken.ID)
			}
			for _, id := range s.IDs {
				out = append(out, templateItem{-1, id, p.SpecialToken.TypeID})
			}
		case p.Sequence != nil && p.Sequence.ID == "A":
			out = append(out, templateItem{sequence: 0, typeID: p.Sequence.TypeID})
			seen[0]++
		case p.Sequence != nil && p.Sequence.ID == "B":
			out = append(out, templateItem{sequence: 1, typeID: p.Sequence.TypeID})
			seen[1]++
		default:
			return nil, fmt.Errorf("%w: template with an element that is neither token nor text", ErrFormat)
		}
	}
	if seen != [2]int{1, n - 1} {
		return nil, fmt.Errorf("%w: template for %d texts has %d and %d of them", ErrFormat, n, seen[0], seen[1])
	}
	return out, nil
}

// added returns how many tokens a template puts in.
func added(items []templateItem) int {
	n := 0
	for _, it := range items {
		if it.sequence < 0 {
			n++
		}
	}
	return n
}
