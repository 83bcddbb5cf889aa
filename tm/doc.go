// Package tm is a translation memory in an index.
//
// A Memory keeps the units of TMX files as documents of a ciyuan index: both
// sides are searched, and the unit is kept byte for byte, so that what was
// imported can be exported without loss. Several files share an index under
// their names.
//
// Search finds the units whose text is nearest to a sentence, in per cent, with
// the words that differ marked on both sides: those of the translation through
// word alignment (package align). Concordance finds where words are used.
// Pretranslate fills XLIFF 1.2 and 2.0 and tables of two columns.
package tm
