package tokenizer

// POS is a part of speech: the tags of ICTCLAS as jieba's dictionary uses them,
// and four of our own. Values are kept in index files: new ones are appended, at
// the end, and none is ever renumbered.
type POS uint8

// The parts of speech.
const (
	X    POS = iota // x: unknown, a word in no dictionary
	N               // n: noun
	NR              // nr: personal name
	NRFG            // nrfg: personal name, of a person in history or fiction
	NRT             // nrt: personal name, transliterated
	NS              // ns: place name
	NT              // nt: organisation
	NZ              // nz: other proper noun
	NG              // ng: morpheme of a noun
	T               // t: time
	TG              // tg: morpheme of a time
	S               // s: place
	F               // f: direction
	V               // v: verb
	VD              // vd: verb used as adverb
	VN              // vn: verb used as noun
	VG              // vg: morpheme of a verb
	VI              // vi: intransitive verb
	VQ              // vq: verb with measure
	A               // a: adjective
	AD              // ad: adjective used as adverb
	AN              // an: adjective used as noun
	AG              // ag: morpheme of an adjective
	B               // b: distinguishing word
	Z               // z: descriptive word
	ZG              // zg: morpheme of a descriptive word
	R               // r: pronoun
	RG              // rg: morpheme of a pronoun
	RR              // rr: personal pronoun
	RZ              // rz: demonstrative pronoun
	M               // m: numeral
	MG              // mg: morpheme of a numeral
	MQ              // mq: numeral with measure
	Q               // q: measure word
	D               // d: adverb
	DF              // df: adverb, negative imperative
	DG              // dg: morpheme of an adverb
	P               // p: preposition
	C               // c: conjunction
	U               // u: particle
	UD              // ud: particle 得
	UG              // ug: particle 过
	UJ              // uj: particle 的
	UL              // ul: particle 了
	UV              // uv: particle 地
	UZ              // uz: particle 着
	E               // e: interjection
	Y               // y: modal particle
	O               // o: onomatopoeia
	H               // h: prefix
	K               // k: suffix
	I               // i: idiom
	L               // l: set phrase
	J               // j: abbreviation
	G               // g: morpheme
	ENG             // eng: word of another script than Chinese
	W               // w: punctuation
	WS              // ws: white space
)

var posNames = [...]string{
	X: "x", N: "n", NR: "nr", NRFG: "nrfg", NRT: "nrt", NS: "ns", NT: "nt", NZ: "nz", NG: "ng",
	T: "t", TG: "tg", S: "s", F: "f",
	V: "v", VD: "vd", VN: "vn", VG: "vg", VI: "vi", VQ: "vq",
	A: "a", AD: "ad", AN: "an", AG: "ag", B: "b", Z: "z", ZG: "zg",
	R: "r", RG: "rg", RR: "rr", RZ: "rz", M: "m", MG: "mg", MQ: "mq", Q: "q",
	D: "d", DF: "df", DG: "dg", P: "p", C: "c",
	U: "u", UD: "ud", UG: "ug", UJ: "uj", UL: "ul", UV: "uv", UZ: "uz",
	E: "e", Y: "y", O: "o", H: "h", K: "k", I: "i", L: "l", J: "j", G: "g",
	ENG: "eng", W: "w", WS: "ws",
}

// String returns the tag as dictionaries write it, "x" for a value that this
// version does not know.
func (p POS) String() string {
	if int(p) < len(posNames) {
		return posNames[p]
	}
	return posNames[X]
}

// ParsePOS returns the part of speech of a tag and whether it is known.
func ParsePOS(tag string) (POS, bool) {
	for p, name := range posNames {
		if name == tag {
			return POS(p), true
		}
	}
	return X, false
}
