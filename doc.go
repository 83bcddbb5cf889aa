// Package ciyuan (词元) is an embedded, persistent token-vector index: documents
// are split into tokens, every token has a vector, and queries are answered by
// comparing tokens with tokens.
package ciyuan
