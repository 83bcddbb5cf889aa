// Package subword splits text into the pieces that transformer models were
// trained on: WordPiece (BERT), byte-level BPE (RoBERTa, GPT-2) and Unigram
// (XLM-RoBERTa), as a tokenizer.json file describes them.
//
// The ids are those of the reference library (huggingface/tokenizers), character
// by character, because a model given other ids is another model. Its quirks are
// therefore kept on purpose, and the comments name them. Spans are byte offsets
// into the original text, also where the text was changed before it was split.
//
// The truncation and padding that a tokenizer.json may carry are not applied:
// they belong to the call that the file was saved after, not to the tokenizer.
package subword
