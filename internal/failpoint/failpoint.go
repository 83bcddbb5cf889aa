// Package failpoint lets tests look into what is written to the disk: they watch
// it, make it fail, or end the process there. In a program nothing sets Hook, and
// a point costs the comparison of a variable with nil.
//
// The points, in the order of a change:
//
//	opened    (path string, *bbolt.DB, *os.File)  a file was opened for writing, or made
//	commit    (path string)                       a transaction is about to be committed
//	committed (path string)                       it is on the disk, and not acknowledged
//	seal      (*os.File, []byte, int64)           bytes are about to be written at an offset, without a sync
//	cut       (*os.File, int64)                   the file has this size now
//	synced    (*os.File)                          the file is durable
//	link      (from, to string)                   a file is about to get a second name, if nothing has it
//	linked    (from, to string)                   it has it
//	rename    (from, to string)                   a file is about to be renamed
//	renamed   (from, to string)                   it is renamed
//	removed   (path string)                       the name is gone
//	named     (dir string)                        the names of a folder are about to be made durable
//	durable   (dir string)                        they are
//	fold, merge, purge, graph ()                  between two transactions of a fold
//	present   ()                                  a file to be migrated has the present format: an error has it migrated all the same
//	migrate   ()                                  between two transactions of a migration
//	backup    ()                                  between two transactions of a backup
package failpoint

// Hook is called at every point, unless it is nil. What it returns is what the disk
// would have returned; points that say that something has happened ignore it.
// Tests set it before anything runs.
var Hook func(point string, args ...any) error

// At tells the hook that a point was reached.
func At(point string, args ...any) error {
	if Hook == nil {
		return nil
	}
	return Hook(point, args...)
}
