// Package transformer computes token vectors with a transformer model from a
// Hugging Face folder (config.json, tokenizer.json, model.safetensors), in Go
// alone: BERT, DistilBERT, RoBERTa, XLM-RoBERTa and GPT-2, with the heads of
// extractive question answering and of ColBERT in both published layouts.
//
// Most programs need [Open] and [Model.Encode], which gives one vector a word or
// a piece, with its place in the text. The numbers are those of the reference
// library (huggingface/transformers) within 1e-4.
//
// Weights stay in the mapped file: a float32 model of any size costs no heap, and
// half-precision ones are widened once. Texts are computed without padding, as
// many at a time as there are threads, and long ones in overlapping windows.
package transformer
