package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/entraflow/entraflow/internal/fault"
)

// place is where the file lies, and how to get at it without leaving the root.
type place struct {
	// path is absolute; symbolic links in it are resolved anew at each opening, so that a link may be switched.
	path string
	// root is absolute, or "".
	root string
	// name is the path's last part, which is all that errors say.
	name string
}

// opened is a file together with what it was when it was opened.
type opened struct {
	*os.File
	info fs.FileInfo
}

// newPlace refuses a path outside the root. A path that does not exist is judged by its words.
func newPlace(path, root string) (place, error) {
	p := place{name: filepath.Base(path)}
	var err error
	if p.path, err = filepath.Abs(path); err != nil {
		return place{}, fault.Wrap(op, fault.Invalid, fault.SourceUnreadable, p.name, err)
	}
	if root == "" {
		return p, nil
	}
	if p.root, err = filepath.Abs(root); err != nil {
		return place{}, fault.Wrap(op, fault.Invalid, fault.SourceUnreadable, "ENTRAFLOW_SOURCE_ROOT", err)
	}
	if _, _, err = p.resolve(); fault.Is(err, fault.SourceOutsideRoot) {
		return place{}, err
	}
	return p, nil
}

// resolve follows all symbolic links and gives the root's real directory and the path within it.
func (p place) resolve() (root, inside string, err error) {
	root, err = filepath.EvalSymlinks(p.root)
	if err != nil {
		return "", "", p.fault(err)
	}
	target, err := filepath.EvalSymlinks(p.path)
	if err != nil {
		if !within(p.root, p.path) && !within(root, p.path) {
			return "", "", p.outside()
		}
		return "", "", p.fault(err)
	}
	if !within(root, target) {
		return "", "", p.outside()
	}
	if inside, err = filepath.Rel(root, target); err != nil {
		return "", "", p.fault(err)
	}
	return root, inside, nil
}

func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}

func (p place) outside() error {
	return fault.New(op, fault.Invalid, fault.SourceOutsideRoot, p.name)
}

// open opens the file for reading and looks at it once.
func (p place) open() (*opened, error) {
	dir, inside := "", p.path
	if p.root != "" {
		var err error
		if dir, inside, err = p.resolve(); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(filepath.Join(dir, inside))
	if err != nil {
		return nil, p.fault(err)
	}
	if !info.Mode().IsRegular() {
		// Asked before opening, because opening a pipe would wait for a writer.
		return nil, p.notRegular()
	}
	f, err := openWithin(dir, inside)
	if err != nil {
		return nil, p.fault(err)
	}
	info, err = f.Stat()
	if err != nil {
		f.Close()
		return nil, p.fault(err)
	}
	return &opened{File: f, info: info}, nil
}

// openWithin opens a path below dir, or anywhere when dir is "". os.Root holds the line even when a link is put in
// between resolving and opening.
func openWithin(dir, inside string) (*os.File, error) {
	if dir == "" {
		return os.Open(inside)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(inside)
}

// unchanged reports whether the path still leads to the same file in the same state.
func (p place) unchanged(before fs.FileInfo) bool {
	now, err := os.Stat(p.path)
	return err == nil && sameState(before, now)
}

// sameState compares identity (device and inode), size and modification time.
func sameState(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func (p place) notRegular() error {
	return fault.New(op, fault.Invalid, fault.SourceUnreadable, p.name+" (not a regular file)")
}

// fault gives an error of the operating system its reason. An input error may pass; the rest is for a person to mend.
func (p place) fault(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(op, fault.Invalid, fault.SourceMissing, p.name, err)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(op, fault.Denied, fault.SourceUnreadable, p.name, err)
	}
	return fault.Wrap(op, fault.Transient, fault.SourceUnreadable, p.name, err)
}
