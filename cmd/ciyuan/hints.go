package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/distil"
	"github.com/ciyuan-search/ciyuan/encoder/remote"
	"github.com/ciyuan-search/ciyuan/encoder/safetensors"
	"github.com/ciyuan-search/ciyuan/encoder/static"
	"github.com/ciyuan-search/ciyuan/encoder/train"
	"github.com/ciyuan-search/ciyuan/encoder/transformer"
	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/extract"
	"github.com/ciyuan-search/ciyuan/tm"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

const repairHint = "make it anew from the documents that are intact: " + programName + " check --repair"

// advice says what to do about an error of the library; the first that fits
// counts.
var advice = []struct {
	err   error
	hints []string
}{
	{ciyuan.ErrNoIndex, []string{
		"make an index: " + programName + " index PATH",
		"or name one: --index FILE, or $CIYUAN_INDEX",
	}},
	{ciyuan.ErrLocked, []string{"try again when it has ended; a search waits for changes, not for other searches"}},
	{ciyuan.ErrNotIndex, []string{"--index names the index file; what is to be indexed comes behind the command: " + programName + " index PATH"}},
	{ciyuan.ErrFormatTooNew, []string{"use a newer " + programName + ", or index the documents into another file: --index FILE"}},
	{ciyuan.ErrModelMismatch, []string{
		"name the encoder that it was made with: --encoder default, static:FILE, hf:DIR or http:URL",
	}},
	{ciyuan.ErrCorrupt, []string{
		"list what is damaged: " + programName + " check",
		repairHint,
	}},
	{ciyuan.ErrReplaced, []string{"run the command again"}},
	{ciyuan.ErrNotFound, []string{"list the ids: " + programName + " list"}},
	{ciyuan.ErrSynonyms, []string{"a line of synonyms is: 电脑, 计算机, computer"}},
	{ciyuan.ErrOnlyConditions, []string{"add what to look for: " + programName + " search 'word -excluded field:value'"}},
	{ciyuan.ErrEmptyQuery, []string{"white space and punctuation are not searched for"}},
	{ciyuan.ErrGraphTooLarge, []string{"use --graph hnsw, or compact the index: " + programName + " compact"}},
	{ciyuan.ErrNoCoder, []string{"use --graph hnsw"}},
	{extract.ErrBinary, []string{"only text can be indexed: UTF-8, UTF-16, GB 18030, Big5, Windows-1252"}},
	{extract.ErrJSONL, []string{`a line is a document: {"id": "...", "title": "...", "text": "...", "meta": {}}`}},
	{extract.ErrNotRegular, []string{"to index what a command prints: COMMAND | " + programName + " index --id ID -"}},
	{align.ErrModel, []string{"learn it again: " + programName + " dict --save FILE SRC TGT"}},
	{align.ErrModelVersion, []string{"use a newer " + programName + ", or learn it again: " + programName + " dict --save FILE SRC TGT"}},
	{align.ErrLinks, []string{"a line has the links of one pair of lines: 0-0 1-2 2?2"}},
	{align.ErrTooLong, []string{"cut the texts into sentences, one a line"}},
	{align.ErrNoPairs, []string{"a pair has words on both sides, at most 120 tokens each"}},
	{tm.ErrFormat, []string{"read are TMX 1.1 to 1.4b, XLIFF 1.2 and 2, and tables with a tab between source and target"}},
	{tm.ErrNoMemory, []string{"list the memories: " + programName + " tm list", "or import one: " + programName + " tm import FILE"}},
	{tokenizer.ErrDict, []string{"a line of a dictionary is: word [frequency] [tag]"}},
	{encoder.ErrTable, []string{"copy or convert the vectors again: " + programName + " model convert IN OUT"}},
	{encoder.ErrTableVersion, []string{"use a newer " + programName + ", or convert the vectors again: " + programName + " model convert IN OUT"}},
	{static.ErrTruncated, []string{"copy or download the file again"}},
	{static.ErrQuantized, []string{"use the .bin file that it was made from"}},
	{static.ErrCharset, []string{"save the file as UTF-8"}},
	{remote.ErrURL, []string{"an address is http://HOST:PORT/v1/embeddings#MODEL; the key is in $" + keyVariable}},
	{remote.ErrRefused, []string{
		"see that the address, the model behind its # and the key in $" + keyVariable + " are right",
		"a search for words that the index has needs no server: leave --encoder out",
	}},
	{remote.ErrUnavailable, []string{
		"see that the server runs and try again; what was indexed before stays",
		"a search for words that the index has needs no server: leave --encoder out",
	}},
	{remote.ErrAnswer, []string{"see that the address is that of an embeddings route, and the model one for embeddings"}},
	{distil.ErrWords, []string{"give more words, or fewer dimensions: --dim"}},
	{distil.ErrOptions, []string{"see: " + programName + " model distil --help"}},
	{train.ErrVocabulary, []string{"train with more texts, or keep rarer words: --min-count 1"}},
	{train.ErrOptions, []string{"see: " + programName + " model train --help"}},
	{transformer.ErrUnsupported, []string{"the models are BERT, DistilBERT, RoBERTa, XLM-RoBERTa and GPT-2, in a folder with config.json, tokenizer.json and model.safetensors"}},
	{transformer.ErrFormat, []string{"copy or download the folder again"}},
	{transformer.ErrNotFinite, []string{"copy or download the folder again"}},
	{safetensors.ErrFormat, []string{"copy or download the file again"}},
	{safetensors.ErrMissing, []string{modelFolderHint}},
	{static.ErrFormat, []string{"word vectors are read as word2vec (text, binary), GloVe, fastText (.vec, .bin), Model2Vec (a folder), or as model convert writes them"}},
	{static.ErrDimension, []string{"copy or download the file again; every row has the same number of columns"}},
	{static.ErrNotFinite, []string{"a vector of this file is damaged; copy or download it again"}},
	{eval.ErrNoSet, []string{"a test set is a folder with docs.jsonl, queries.jsonl and qrels.tsv"}},
}

// adviceFor returns the hints that go with an error of the library or the
// system.
func adviceFor(err error) []string {
	if isDiskFull(err) {
		return []string{"free some space and run the command again; nothing that was in the index is lost"}
	}
	if isReadOnlyDisk(err) {
		return []string{"nothing can be written there; to search, list, export and back up works, and --index names another place"}
	}
	for _, a := range advice {
		if errors.Is(err, a.err) {
			return a.hints
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return []string{"check who may read and write the file and its folder"}
	}
	return nil
}

// plainError returns the text of an error without the names of the packages
// that it went through.
func plainError(err error) string { return plainText(err.Error()) }

func plainText(text string) string {
	for _, name := range []string{"ciyuan", "extract", "eval", "tokenizer", "index", "encoder", "static", "train", "transformer", "safetensors", "subword", "distil", "remote"} {
		text = strings.TrimPrefix(text, name+": ")
		text = strings.ReplaceAll(text, ": "+name+": ", ": ")
	}
	return oneLine(text)
}
