// Package extract turns files into text: it walks folders, tells text from
// everything else, decodes character sets and reads plain text, source code,
// Markdown, HTML and JSON Lines.
//
// Walk lists the files of some folders without reading any of them. Open reads
// one of them as a stream of UTF-8, so that a file of any size takes a bounded
// amount of memory. Records reads JSON Lines.
//
// The text that comes out keeps the line structure of the file: line n of the
// text is line n of the file, for HTML too. Line ends stay as they are (CRLF
// stays CRLF), a byte order mark is dropped, and the text is always valid
// UTF-8: each run of bytes that is invalid in the file's character set becomes
// one U+FFFD.
package extract
