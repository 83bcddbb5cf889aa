package subword

import "errors"

var (
	// ErrFormat is returned when a tokenizer.json is damaged or contradicts
	// itself: no JSON, keys of the wrong type, ids that do not fit.
	ErrFormat = errors.New("subword: damaged tokenizer file")

	// ErrUnsupported is returned when a tokenizer.json asks for something that
	// this package does not do. The error names it.
	ErrUnsupported = errors.New("subword: unsupported tokenizer")
)
