package extract

import "errors"

// These errors are returned by Walk.
var (
	// ErrRootMissing is returned when a file or folder named by the caller
	// does not exist. Nothing is walked then: an unmounted disk must not look
	// like a folder whose files were all deleted.
	ErrRootMissing = errors.New("extract: no such file or folder")
)

// These errors are returned when one file is read.
var (
	// ErrBinary is returned when a file holds no text: a NUL byte in its first
	// 8 kB, and not UTF-16 or UTF-32.
	ErrBinary = errors.New("extract: not a text file")

	// ErrNotRegular is returned for anything that is neither a regular file nor
	// a folder: a named pipe, a socket, a device. Reading one could wait for
	// ever.
	ErrNotRegular = errors.New("extract: not a regular file")

	// ErrTooLong is returned when one unbroken piece of markup (a tag, a
	// script, the text between two tags) is longer than the HTML reader is
	// ready to hold in memory.
	ErrTooLong = errors.New("extract: a piece of HTML is too long")

	// ErrJSONL is returned for a line that is not a usable JSON record. The
	// error text names the line.
	ErrJSONL = errors.New("extract: bad JSON line")
)
