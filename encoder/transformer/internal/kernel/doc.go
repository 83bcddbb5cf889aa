// Package kernel holds the arithmetic of transformer models: matrix products in
// float32 and with weights of 8 bits, softmax, GELU and layer normalization.
//
// On amd64 with AVX2 and FMA it runs assembly that package asm generates, for products
// on processors with AVX-512 a wider one with equal results. On arm64 the products have
// assembly, written by hand because avo knows no arm64. Everything else, and all with
// the build tags noasm or purego, is done by the portable functions, which say what is
// computed. They differ from the others by rounding: within 1e-5 of the largest value
// for products, and by less than the stated errors for functions.
package kernel
