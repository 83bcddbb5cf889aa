package safetensors

import "errors"

var (
	// ErrFormat is returned when a file is not a valid safetensors file: cut
	// short, with lengths that do not fit, overlapping tensors, names that
	// occur twice, or a header that is not the JSON it should be.
	ErrFormat = errors.New("safetensors: damaged or foreign file")

	// ErrDType is returned when values cannot be read as floating point numbers.
	ErrDType = errors.New("safetensors: not a floating point tensor")

	// ErrMissing is returned when a folder holds no weights, or an index names
	// a file or a tensor that is not there.
	ErrMissing = errors.New("safetensors: weights missing")
)
