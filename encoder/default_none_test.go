//go:build ciyuan_nodefault

package encoder

import (
	"errors"
	"testing"
)

func TestDefault_LeftOut(t *testing.T) {
	if table, err := Default(); table != nil || !errors.Is(err, ErrNoDefault) {
		t.Errorf("table %v, error %v", table, err)
	}
}
