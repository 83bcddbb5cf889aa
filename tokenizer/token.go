package tokenizer

// Token is one token of a text.
type Token struct {
	// Word is the folded form: NFKC, lower case, simplified, years in digits. It is never empty
	// and always valid UTF-8. It shares memory with the folded text, or with the
	// text itself where folding changes nothing.
	Word string
	// Start and End are the byte span in the original text, Start < End.
	Start, End int
	// POS is a function of Word and the dictionaries alone.
	POS POS
	// Kind is a function of Word alone.
	Kind Kind
	// Parent is -1 for a primary token, else the index in the same slice of the
	// primary token that this one is a part of. Parts follow their parent
	// directly, by start, longer ones first.
	Parent int32
}

// Primary reports whether the token is one of those that tile the text.
func (t *Token) Primary() bool { return t.Parent < 0 }

// Kind says what a token is made of.
type Kind uint8

// The kinds of tokens. Values are kept in index files: new ones are appended.
const (
	Word   Kind = iota // letters of any script, an inner apostrophe, emoji
	Number             // digits, with the marks that numbers, dates and times are written with
	Mixed              // letters and digits, identifiers, addresses, URLs, words such as C++ or T恤
	Punct              // punctuation, symbols, control characters, bytes that are not UTF-8
	Space              // white space
)

var kindNames = [...]string{Word: "word", Number: "number", Mixed: "mixed", Punct: "punct", Space: "space"}

// String returns the name of the kind in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// Counts reports whether tokens of the kind count for the length of a document:
// words, numbers and mixed ones do, white space and punctuation do not.
func (k Kind) Counts() bool { return k <= Mixed }

// Span is a range of bytes, End exclusive.
type Span struct {
	Start, End int
}
