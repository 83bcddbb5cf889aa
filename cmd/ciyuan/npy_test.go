package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ciyuan-search/ciyuan/internal/npy"
)

// writeNPY writes a matrix of float32, or a row of int64: npy file.npy '1 2, 3 4', or
// npy file.npy ints '3 1'.
func writeNPY(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: npy file.npy 'number number, number number', or npy file.npy ints 'number number'")
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	if args[1] == "ints" {
		var values []int64
		for _, field := range strings.Fields(args[2]) {
			n, err := strconv.ParseInt(field, 10, 64)
			ts.Check(err)
			values = append(values, n)
		}
		w, err := npy.NewWriter(f, npy.Int64, 0)
		ts.Check(err)
		ts.Check(w.WriteInt64(values))
		ts.Check(w.Close())
		ts.Check(f.Close())
		return
	}
	var values []float32
	cols := 0
	for _, row := range strings.Split(args[1], ",") {
		fields := strings.Fields(row)
		cols = len(fields)
		for _, field := range fields {
			x, err := strconv.ParseFloat(field, 32)
			ts.Check(err)
			values = append(values, float32(x))
		}
	}
	w, err := npy.NewWriter(f, npy.Float32, cols)
	ts.Check(err)
	ts.Check(w.WriteFloat32(values))
	ts.Check(w.Close())
	ts.Check(f.Close())
}
