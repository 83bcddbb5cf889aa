package transformer

import "errors"

var (
	// ErrUnsupported is returned for a model of another architecture, or with
	// an option that changes what is computed and that this package does not
	// know. The error names it.
	ErrUnsupported = errors.New("transformer: unsupported model")

	// ErrFormat is returned when the files of a model are damaged or contradict
	// each other: tensors that are missing or of another shape than config.json
	// says, sizes out of range.
	ErrFormat = errors.New("transformer: damaged model")

	// ErrNotFinite is returned when weights are NaN or infinite, or make a
	// result so.
	ErrNotFinite = errors.New("transformer: weights or results are not finite")

	// ErrNoHead is returned when a model is asked for what it has no weights for,
	// such as answers from a model without a question-answering head.
	ErrNoHead = errors.New("transformer: the model lacks the head for this")

	// ErrClosed is returned by calls after Close.
	ErrClosed = errors.New("transformer: model is closed")
)
