// Command gentable writes the default table from the word vectors in the shared
// folder ($CIYUAN_SHARED, or a folder "shared" beside the checkout), whose
// README says how these were made. The same input gives the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/internal/source"
	"github.com/ciyuan-search/ciyuan/scoring"
)

// name is what the table calls itself.
const name = "ciyuan-zh-en-150k-128"

func main() {
	out := flag.String("out", "default.bin", "table to write")
	flag.Parse()
	dir := os.Getenv("CIYUAN_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared") // go generate runs in the folder encoder
	}
	if err := generate(*out, filepath.Join(dir, "models", "default")); err != nil {
		fmt.Fprintln(os.Stderr, "gentable:", err)
		os.Exit(1)
	}
}

// generate writes the table made from the folder dir to the file out.
func generate(out, dir string) error {
	words, err := source.Read(dir)
	if err != nil {
		return err
	}
	b, err := encoder.NewBuilder(name, source.Dim, scoring.Bits4, scoring.DefaultParams())
	if err != nil {
		return err
	}
	vec := make([]float32, 0, source.Dim)
	for i, word := range words.Word {
		if err := b.Add(word, words.Prior[i], words.Vector(vec, i)); err != nil {
			return err
		}
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := b.WriteTo(f); err != nil {
		return err
	}
	return f.Close()
}
