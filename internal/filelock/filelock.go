// Package filelock keeps two processes from working in one directory at the same time. A lock belongs to an open file, so
// it ends with the last process that has the file open, however that process ends: there are no stale locks.
package filelock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrHeld is returned by Try when another process holds the lock.
var ErrHeld = errors.New("locked by another process")

// Lock is a held lock. A child process that is given File holds it, too, and keeps it when its parent ends.
type Lock struct {
	// File is the locked file.
	File *os.File
}

// Try takes the lock of the file at path, which is created when it is not there, and writes the process's id into it.
//
// Errors: ErrHeld, wrapped, when another process has it; otherwise those of opening and locking the file.
func Try(path string) (*Lock, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := lock(f, false); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	if err := writePID(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return &Lock{File: f}, nil
}

// open opens the file of a lock. A symbolic link in its place is refused: whoever can write to the folder could have any file of this
// user emptied.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open lock: %s is no file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// UserFolder is a folder for the locks that all processes of this user share. Nobody else can write to it.
func UserFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for locks: %w; set HOME or XDG_CACHE_HOME", err)
	}
	dir := filepath.Join(cache, "entraflow")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for locks: %w", err)
	}
	return dir, nil
}

// Wait blocks until nobody holds the lock of the file at path. It takes the lock for a moment only.
func Wait(path string) error {
	f, err := open(path)
	if err != nil {
		return err
	}
	return errors.Join(lock(f, true), f.Close())
}

// Release gives the lock up, unless a child process has the file as well.
func (l *Lock) Release() error { return l.File.Close() }

// Holder is the process id written into a lock file; 0 when there is none.
func Holder(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return pid
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := fmt.Fprintln(f, os.Getpid())
	return err
}
