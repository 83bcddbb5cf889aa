// Package order sorts slices of structures by their numbers. Each type that
// slices.SortStableFunc is used with adds some 15 kB to a program; with numbers
// there is one type.
package order

import "slices"

// Stable sorts s; what compares as equal stays in its order.
func Stable[T any](s []T, compare func(a, b *T) int) {
	numbers := make([]int, len(s))
	for i := range numbers {
		numbers[i] = i
	}
	slices.SortStableFunc(numbers, func(i, j int) int { return compare(&s[i], &s[j]) })
	out := make([]T, len(s))
	for k, i := range numbers {
		out[k] = s[i]
	}
	copy(s, out)
}
