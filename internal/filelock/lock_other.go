//go:build !unix

package filelock

import "os"

// noFollow: these systems have no such flag.
const noFollow = 0

// lock does nothing where the system has no locks that a child process inherits; two runs in one directory are then the
// person's own responsibility.
func lock(*os.File, bool) error { return nil }
