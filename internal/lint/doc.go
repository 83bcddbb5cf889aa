// Package lint holds the rules of the house that go test checks without a
// linter: which package may import which, and what must not be linked.
package lint
