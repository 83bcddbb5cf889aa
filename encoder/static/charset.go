package static

import (
	"bytes"
	"fmt"
	"iter"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

const (
	charsetUTF8    = "utf-8"
	charsetGB18030 = "gb18030"
)

// sampleWords is how many words the charset of a file is judged by.
const sampleWords = 5000

// detectCharset returns the charset of words: UTF-8 if at most a quarter of those
// beyond ASCII are not valid in it (word2vec cuts words at 100 bytes, through the
// middle of characters), GB 18030 if all words are valid in that, and an error
// wrapping ErrCharset otherwise. It looks at the first few thousand words.
func detectCharset(words iter.Seq[[]byte]) (string, error) {
	var seen, beyondASCII, notUTF8, notGB int
	for word := range words {
		if isASCII(word) {
			if seen++; seen == sampleWords {
				break
			}
			continue
		}
		beyondASCII++
		if !utf8.Valid(word) {
			notUTF8++
		}
		if _, ok := fromGB18030(word); !ok {
			notGB++
		}
		if seen++; seen == sampleWords {
			break
		}
	}
	switch {
	case notUTF8*4 <= beyondASCII:
		return charsetUTF8, nil
	case notGB == 0:
		return charsetGB18030, nil
	default:
		return "", fmt.Errorf("%w: of %d words beyond ASCII, %d are not UTF-8 and %d not GB 18030",
			ErrCharset, beyondASCII, notUTF8, notGB)
	}
}

// decodeWord returns word as UTF-8, and whether it was valid in its charset.
func decodeWord(word []byte, charset string) (string, bool) {
	if charset == charsetGB18030 && !isASCII(word) {
		return fromGB18030(word)
	}
	return string(word), utf8.Valid(word)
}

// fromGB18030 decodes word. The decoder replaces what is not valid, and a
// replacement character in the source does not occur in any vocabulary.
func fromGB18030(word []byte) (string, bool) {
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(word)
	if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		return "", false
	}
	return string(decoded), true
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
