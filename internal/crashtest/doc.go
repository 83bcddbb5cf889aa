// Package crashtest shows that what was acknowledged is never lost. Its tests
// kill processes that change an index, at random moments and at chosen places,
// and cut the power of a disk that they keep a record of; then they open what is
// left and compare it with what was acknowledged.
//
// Disk and Tap are here for the tests of other packages too.
package crashtest
