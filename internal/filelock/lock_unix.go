//go:build unix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// noFollow makes opening fail where the last part of the path is a symbolic link, and not wait where it is a pipe.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// lock takes an exclusive lock of the open file.
func lock(f *os.File, wait bool) error {
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	for {
		err := syscall.Flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
		}
		return err
	}
}
