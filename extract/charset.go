package extract

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	textunicode "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Charset is a character set that a file can be written in.
type Charset uint8

// The character sets that are recognised. GB18030 stands for GBK and GB 2312
// too, which it contains.
const (
	UTF8 Charset = iota
	UTF16LE
	UTF16BE
	UTF32LE
	UTF32BE
	GB18030
	Big5
	Windows1252
)

var charsetText = [...]string{
	UTF8: "utf-8", UTF16LE: "utf-16le", UTF16BE: "utf-16be", UTF32LE: "utf-32le", UTF32BE: "utf-32be",
	GB18030: "gb18030", Big5: "big5", Windows1252: "windows-1252",
}

// String returns the usual name of the character set in lower case.
func (c Charset) String() string {
	if int(c) >= len(charsetText) {
		return "unknown"
	}
	return charsetText[c]
}

// decoder returns the decoder of a character set other than UTF-8. Its output
// is valid UTF-8; what it cannot decode becomes U+FFFD.
func (c Charset) decoder() *encoding.Decoder {
	switch c {
	case UTF16LE:
		return textunicode.UTF16(textunicode.LittleEndian, textunicode.IgnoreBOM).NewDecoder()
	case UTF16BE:
		return textunicode.UTF16(textunicode.BigEndian, textunicode.IgnoreBOM).NewDecoder()
	case UTF32LE:
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM).NewDecoder()
	case UTF32BE:
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM).NewDecoder()
	case GB18030:
		return simplifiedchinese.GB18030.NewDecoder()
	case Big5:
		return traditionalchinese.Big5.NewDecoder()
	case Windows1252:
		return charmap.Windows1252.NewDecoder()
	}
	panic("extract: UTF-8 needs no decoder")
}

// byteOrderMarks is ordered so that UTF-32LE is seen before UTF-16LE, whose
// mark starts the same way.
var byteOrderMarks = []struct {
	mark    string
	charset Charset
}{
	{"\xef\xbb\xbf", UTF8},
	{"\xff\xfe\x00\x00", UTF32LE},
	{"\x00\x00\xfe\xff", UTF32BE},
	{"\xff\xfe", UTF16LE},
	{"\xfe\xff", UTF16BE},
}

// byteOrderMark returns the character set that head's mark stands for and the
// mark's length, 0 if there is none.
func byteOrderMark(head []byte) (Charset, int) {
	for _, m := range byteOrderMarks {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			return m.charset, len(m.mark)
		}
	}
	return UTF8, 0
}

// guessUTF16 recognises UTF-16 without a byte order mark among data that holds
// NUL bytes. Nearly all characters must be ordinary ones in one of the two byte
// orders: line ends, ASCII, Han, kana, CJK punctuation. UTF-8 with a stray NUL
// is not taken for it.
func guessUTF16(head []byte) (Charset, bool) {
	head = head[:len(head)&^1]
	if multi, invalid := countUTF8(head, false); len(head) < 4 || multi > 0 && invalid == 0 {
		return UTF8, false
	}
	var plain [2]int
	for i := 0; i < len(head); i += 2 {
		for order, unit := range [2]rune{
			rune(head[i]) | rune(head[i+1])<<8,
			rune(head[i])<<8 | rune(head[i+1]),
		} {
			switch {
			case unit == '\n' || unit == '\r' || unit == '\t',
				unit >= 0x20 && unit < 0x7f,
				unit >= 0x2010 && unit <= 0x2027,
				unit >= 0x3000 && unit <= 0x30ff,
				unit >= 0x4e00 && unit <= 0x9fff,
				unit >= 0xff01 && unit <= 0xff5e:
				plain[order]++
			}
		}
	}
	units := len(head) / 2
	// Chinese in the wrong order still falls into the Han block half of the
	// time, so the better order must be both good and clearly ahead.
	switch {
	case plain[0]*10 >= units*9 && plain[0] > plain[1]:
		return UTF16LE, true
	case plain[1]*10 >= units*9 && plain[1] > plain[0]:
		return UTF16BE, true
	}
	return UTF8, false
}

// guessSample is how much of the data after its first byte outside ASCII is
// looked at. 16 kB of Chinese hold thousands of characters.
const guessSample = 16 << 10

// guessCharset decides between UTF-8, GB18030, Big5 and windows-1252 for data
// without NUL bytes and without a byte order mark. last tells that data is not
// cut off at its end. declared is what the document says of itself; it counts
// unless the data is valid UTF-8.
//
// Valid UTF-8 is UTF-8: in the other character sets text of some length is
// never valid UTF-8 by chance. Else the decoding wins that yields the larger
// share of the everyday characters of Chinese; data without any falls back to
// the shape of its byte pairs, then to windows-1252 for single letters with
// diacritics between ASCII letters, then to UTF-8 with replacements.
func guessCharset(data []byte, last bool, declared Charset) Charset {
	first := firstHigh(data)
	if first < 0 {
		return UTF8
	}
	multi, invalid := countUTF8(data[first:], last)
	if invalid == 0 || multi >= 10*invalid {
		return UTF8
	}
	if declared != UTF8 {
		return declared
	}
	sample := data[max(0, first-1):]
	if len(sample) > guessSample {
		sample, last = sample[:guessSample], false
	}
	gb, big5 := weigh(sample, GB18030, last), weigh(sample, Big5, last)
	// 0.2 of everyday characters: real text has 0.5 and more, lists of names
	// less; text decoded with the wrong table has below 0.1.
	const enough = 0.2
	switch {
	case gb.everyday >= enough && gb.everyday >= big5.everyday:
		return GB18030
	case big5.everyday >= enough:
		return Big5
	case looksWestern(sample):
		return Windows1252
	// The first plane of each set holds the common characters. Other
	// encodings seldom keep to it.
	case gb.plane >= 0.9 && gb.plane >= big5.plane:
		return GB18030
	case big5.plane >= 0.9:
		return Big5
	}
	return UTF8
}

func firstHigh(data []byte) int {
	for i, b := range data {
		if b >= utf8.RuneSelf {
			return i
		}
	}
	return -1
}

// countUTF8 counts the characters of several bytes and the invalid bytes. An
// unfinished character at the end is not counted unless last is true.
func countUTF8(data []byte, last bool) (multi, invalid int) {
	for len(data) > 0 {
		if data[0] < utf8.RuneSelf {
			data = data[1:]
			continue
		}
		r, n := utf8.DecodeRune(data)
		switch {
		case r != utf8.RuneError || n > 1:
			multi++
		case !last && !utf8.FullRune(data):
			return multi, invalid
		default:
			invalid++
		}
		data = data[n:]
	}
	return multi, invalid
}

// evidence is how well data fits a Chinese character set.
type evidence struct {
	everyday float64 // everyday characters / characters outside ASCII
	plane    float64 // pairs in the set's plane of common characters / characters outside ASCII
}

func weigh(sample []byte, charset Charset, last bool) evidence {
	decoded, err := charset.decoder().Bytes(sample)
	if err != nil {
		return evidence{}
	}
	total, everyday, bad := 0, 0, 0
	for _, r := range string(decoded) {
		switch {
		case r < utf8.RuneSelf:
			continue
		case r == utf8.RuneError:
			bad++
		case strings.ContainsRune(everydayChars, r):
			everyday++
		}
		total++
	}
	if !last && bad > 0 {
		bad-- // the character cut off at the end
	}
	if total == 0 {
		return evidence{}
	}
	// A broken character weighs as much as several good ones: real text in its
	// own character set has almost none.
	everyday = max(0, everyday-5*bad)
	return evidence{
		everyday: float64(everyday) / float64(total),
		plane:    float64(max(0, commonPairs(sample, charset)-5*bad)) / float64(total),
	}
}

// commonPairs counts the byte pairs in the plane of common characters and
// punctuation: GB 2312 rows 1 to 3 and 16 to 55, Big5 rows A1 to A3 and level 1.
func commonPairs(sample []byte, charset Charset) int {
	pairs := 0
	for i := 0; i+1 < len(sample); i++ {
		lead, trail := sample[i], sample[i+1]
		if lead < utf8.RuneSelf {
			continue
		}
		switch {
		case charset == GB18030:
			if (lead >= 0xa1 && lead <= 0xa3 || lead >= 0xb0 && lead <= 0xd7) && trail >= 0xa1 {
				pairs++
			}
		case lead >= 0xa1 && lead <= 0xc6 && (trail >= 0x40 && trail <= 0x7e || trail >= 0xa1):
			pairs++
		}
		i++
	}
	return pairs
}

// looksWestern tells whether three quarters of the bytes outside ASCII stand
// alone, next to an ASCII letter, and are a letter of windows-1252 (or a curly
// quotation mark or a dash).
func looksWestern(sample []byte) bool {
	high, letters := 0, 0
	at := func(i int) byte {
		if i < 0 || i >= len(sample) {
			return ' '
		}
		return sample[i]
	}
	ascii := func(b byte) bool { return b < utf8.RuneSelf && unicode.IsLetter(rune(b)) }
	for i, b := range sample {
		if b < utf8.RuneSelf {
			continue
		}
		high++
		before, after := at(i-1), at(i+1)
		alone := before < utf8.RuneSelf && after < utf8.RuneSelf
		mark := b >= 0x91 && b <= 0x97
		letter := b >= 0xc0 && b != 0xd7 && b != 0xf7
		if alone && (mark || letter && (ascii(before) || ascii(after))) {
			letters++
		}
	}
	return high > 0 && letters*4 >= high*3
}

// declaredCharset reads the character set that an HTML file names near its
// start (in a meta element or an XML declaration); UTF8 if it names none, or
// one that is not recognised here.
func declaredCharset(head []byte) Charset {
	head = bytes.ToLower(head[:min(len(head), 1024)])
	for _, key := range []string{"charset=", "encoding="} {
		at := bytes.Index(head, []byte(key))
		if at < 0 {
			continue
		}
		name := bytes.TrimLeft(head[at+len(key):], `"' `)
		if end := bytes.IndexAny(name, "\"' />;?"); end >= 0 {
			name = name[:end]
		}
		switch string(name) {
		case "gbk", "gb2312", "gb18030", "x-gbk":
			return GB18030
		case "big5", "big5-hkscs", "x-x-big5":
			return Big5
		case "windows-1252", "iso-8859-1", "latin1":
			return Windows1252
		}
	}
	return UTF8
}

// everydayChars are frequent characters of modern written Chinese, simplified
// and traditional, with the usual punctuation. They cover well over half of any
// ordinary text.
const everydayChars = "，。、：；！？「」『』《》（）“”‘’—…　·" +
	"的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经" +
	"十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形" +
	"相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展" +
	"五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战" +
	"先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白" +
	"教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且" +
	"究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值" +
	"号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严首底液官德随" +
	"您请谢吗呢吧网页版权文件编程提高技能需要学习时间测试数据系统软件用户" +
	"這個為國時來們於對會發動過說產種學經進著電裡現實體點從業應開還關義間樣與線數內質氣變條沒結問無軍長東車見計門馬給題總統論運農" +
	"幾區強戰規處隊領導壓爭濟階術極聯認權證採轉單風帶場務萬達議聲報類離華確張節話況傳許廣記觀織裝書復兒須際驗連斷難鐵價嚴歷劃選標寫" +
	"親養派層專狀廠識適屬圓調滿縣參紅細聽該請謝嗎呢網頁編測試數據軟體後臺灣麼兩員圖組級資邊設備辦團構稱準號維"
