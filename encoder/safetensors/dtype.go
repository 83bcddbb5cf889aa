package safetensors

// DType is the type of the values of a tensor.
type DType uint8

// The types of the format.
const (
	Invalid DType = iota
	Bool
	U8
	I8
	F8E5M2
	F8E4M3
	I16
	U16
	F16
	BF16
	I32
	U32
	F32
	F64
	I64
	U64
)

var dtypes = [...]struct {
	name  string
	bytes int
}{
	Invalid: {"invalid", 0},
	Bool:    {"BOOL", 1},
	U8:      {"U8", 1},
	I8:      {"I8", 1},
	F8E5M2:  {"F8_E5M2", 1},
	F8E4M3:  {"F8_E4M3", 1},
	I16:     {"I16", 2},
	U16:     {"U16", 2},
	F16:     {"F16", 2},
	BF16:    {"BF16", 2},
	I32:     {"I32", 4},
	U32:     {"U32", 4},
	F32:     {"F32", 4},
	F64:     {"F64", 8},
	I64:     {"I64", 8},
	U64:     {"U64", 8},
}

// String returns the name that the format uses, such as "F32".
func (d DType) String() string {
	if int(d) >= len(dtypes) {
		d = Invalid
	}
	return dtypes[d].name
}

// Bytes returns the size of one value, 0 for an unknown type.
func (d DType) Bytes() int {
	if int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].bytes
}

// parseDType returns the type of that name, Invalid for an unknown one.
func parseDType(name string) DType {
	for i, d := range dtypes {
		if i > 0 && d.name == name {
			return DType(i)
		}
	}
	return Invalid
}
