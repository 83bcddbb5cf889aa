package remote

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// vector is an array of numbers. Package encoding/json would take null for 0.
type vector []float32

// UnmarshalJSON reads an array of finite numbers.
func (v *vector) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) < 2 || data[0] != '[' {
		return errors.New("an embedding is no array of numbers")
	}
	data = bytes.TrimSpace(data[1 : len(data)-1])
	*v = (*v)[:0]
	for i := 0; len(data) > 0; i++ {
		if i == maxDim {
			return fmt.Errorf("an embedding has more than %d numbers", maxDim)
		}
		number, rest, more := bytes.Cut(data, []byte{','})
		x, err := strconv.ParseFloat(string(bytes.TrimSpace(number)), 32)
		if err != nil || x-x != 0 {
			return fmt.Errorf("number %d of an embedding is %.20q", i+1, bytes.TrimSpace(number))
		}
		*v = append(*v, float32(x))
		if data = rest; !more {
			break
		}
	}
	return nil
}

// zero reports whether all numbers are 0.
func (v vector) zero() bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}
