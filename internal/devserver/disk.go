package devserver

import (
	"fmt"
	"os"
)

// probeBytes is what a server writes without thinking; a disk that has not even that is full.
const probeBytes = 256 << 10

// Writable tries whether a server can still write below its state directory. A server on a full disk does not end: it answers nothing,
// or that it is unavailable.
//
// Errors: that of the system, such as syscall.ENOSPC, with the directory's name.
func Writable(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return fmt.Errorf("%s cannot be written to: %w", dir, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, probeBytes)); err != nil {
		return fmt.Errorf("%s cannot be written to: %w", dir, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("%s cannot be written to: %w", dir, err)
	}
	return nil
}
