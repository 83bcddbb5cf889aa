package encoder

// The generator is built without the table that it is about to write.
//go:generate go run -tags ciyuan_nodefault ./internal/gentable -out default.bin
