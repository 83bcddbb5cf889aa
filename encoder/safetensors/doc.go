// Package safetensors reads model weights in the safetensors format: eight
// bytes with the length of a header, the header as JSON, and the raw values.
//
// Files are mapped into memory where the system can do that, so that opening a
// model of any size costs the parsing of its header, and a float32 tensor is
// used where it lies in the page cache.
//
// The reader is strict, because the files come from strangers: every length is
// checked against the size of the file before anything is allocated, the
// tensors must tile the data without a gap or an overlap, and no name may occur
// twice.
//
// Source: the format description in the repository huggingface/safetensors.
package safetensors
