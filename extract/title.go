package extract

import (
	"strings"
	"unicode/utf8"
)

// maxTitleRunes bounds a title: it is put in front of every passage of its
// document.
const maxTitleRunes = 200

// cleanTitle folds white space and cuts an overlong title.
func cleanTitle(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	count := 0
	for i := range s {
		if count++; count > maxTitleRunes {
			return s[:i]
		}
	}
	return s
}

// markdownTitle returns the title in the front matter (YAML or TOML), else the
// first heading outside code, else "".
func markdownTitle(text string) string {
	text, title := frontMatter(text)
	if title != "" {
		return cleanTitle(title)
	}
	fence, previous := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		if fence != "" {
			if strings.HasPrefix(trimmed, fence) && strings.Trim(trimmed, fence[:1]+" ") == "" {
				fence = ""
			}
			previous = ""
			continue
		}
		switch {
		case indent > 3 || strings.HasPrefix(trimmed, "\t"): // code
			previous = ""
			continue
		case strings.HasPrefix(trimmed, "```"), strings.HasPrefix(trimmed, "~~~"):
			fence = trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, trimmed[:1]))]
		case strings.HasPrefix(trimmed, "#"):
			heading := strings.TrimLeft(trimmed, "#")
			if level := len(trimmed) - len(heading); level > 6 || heading != "" && heading[0] != ' ' && heading[0] != '\t' {
				break
			}
			heading = strings.TrimSpace(heading)
			if bare := strings.TrimRight(heading, "#"); bare == "" || strings.HasSuffix(bare, " ") {
				heading = bare
			}
			if title := cleanTitle(heading); title != "" {
				return title
			}
		case isUnderline(trimmed, '=') && strings.TrimSpace(previous) != "":
			return cleanTitle(previous)
		}
		previous = trimmed
	}
	return ""
}

// frontMatter splits the block between two lines --- (or +++) off the start and
// returns what follows it, and the block's title.
func frontMatter(text string) (rest, title string) {
	first, body, found := strings.Cut(text, "\n")
	mark := strings.TrimRight(first, "\r \t")
	if !found || mark != "---" && mark != "+++" {
		return text, ""
	}
	key := "title:"
	if mark == "+++" {
		key = "title"
	}
	rest = body
	for line := range strings.Lines(body) {
		rest = rest[len(line):]
		line = strings.TrimRight(line, "\r\n\t ")
		if line == mark || mark == "---" && line == "..." {
			return rest, title
		}
		value, ok := strings.CutPrefix(line, key)
		if !ok || title != "" {
			continue
		}
		value = strings.TrimSpace(value)
		if mark == "+++" {
			if value, ok = strings.CutPrefix(value, "="); !ok {
				continue
			}
			value = strings.TrimSpace(value)
		}
		title = unquote(value)
	}
	return text, "" // never closed: not front matter
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// maxFirstLineRunes is how long a first line may be to pass for a title.
const maxFirstLineRunes = 60

// plainTitle returns the first line that is not blank if it stands like a
// title: short, not a sentence, and followed by a blank line or an underline
// and then by text. Else it returns "".
func plainTitle(text string) string {
	first, rest := "", strings.TrimLeft(text, " \t\r\n\f")
	first, rest, _ = strings.Cut(rest, "\n")
	first = strings.TrimSpace(first)
	if first == "" || utf8.RuneCountInString(first) > maxFirstLineRunes {
		return ""
	}
	if last, _ := utf8.DecodeLastRuneInString(first); strings.ContainsRune(".!?;:,。！？；：，、…」』”\"", last) {
		return ""
	}
	second, rest, _ := strings.Cut(rest, "\n")
	second = strings.TrimSpace(second)
	if second != "" && !isUnderline(second, '=') && !isUnderline(second, '-') {
		return ""
	}
	if strings.TrimSpace(rest) == "" {
		return ""
	}
	return cleanTitle(first)
}

// isUnderline tells whether a line is made of one character, three times or
// more.
func isUnderline(line string, char byte) bool {
	line = strings.TrimRight(line, " \t")
	return len(line) >= 3 && strings.Trim(line, string(char)) == ""
}
