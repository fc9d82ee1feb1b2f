// Package secret reads secrets from where a configuration says they are kept, within the bounds that the worker's own environment
// sets. Whoever reaches Temporal can apply a configuration: without bounds it could make a worker send any file that it can read, or
// any variable of its environment, to a server of the writer's choice.
package secret

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
)

// The two kinds of references.
const (
	// EnvScheme comes before the name of an environment variable of the worker.
	EnvScheme = "env:"
	// FileScheme comes before the path of a file that the worker can read.
	FileScheme = "file:"
)

// VariableName is what the name of an environment variable may look like.
var VariableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

const (
	// maxSize bounds what is read of a secret's file, in bytes; client secrets have about 40 characters, certificates with chain
	// and key a few thousand.
	maxSize = 64 << 10
	// patience is how long a file may take to be read: a file server that does not answer must not hold up a connection test.
	patience = 10 * time.Second
)

var (
	errNotSet     = errors.New("the environment variable is not set or empty")
	errEmpty      = errors.New("the file is empty")
	errNotText    = errors.New("the file is no UTF-8 text; Windows PowerShell writes UTF-16 unless told otherwise")
	errTooLarge   = errors.New("the file is too large for a secret")
	errNotRegular = errors.New("this is a folder, a pipe or a device, not a file")
	errTooSlow    = errors.New("the file could not be read within 10 s")
	errNoScheme   = errors.New("not a reference")
	errOutside    = errors.New("the file is outside the folder of secrets")
)

// Store reads secrets. The zero Store reads every file and variable of the process.
type Store struct {
	// Root is the folder below which a secret's file must lie, symbolic links resolved; "" allows any. ENTRAFLOW_SECRET_ROOT.
	Root string
	// Variables are the names of environment variables that may be read. One that ends in * is a prefix. Empty allows any.
	// ENTRAFLOW_SECRET_ENV.
	Variables []string
}

// Allowed reports whether the worker may read a reference at all, without reading it. A path that does not exist is judged by its
// words.
//
// Faults: SecretNotAllowed (Denied, the reference as subject); an administrator of the worker acts on it.
func (s Store) Allowed(ref string) error {
	denied := fault.New("read secret", fault.Denied, fault.SecretNotAllowed, ref)
	if name, ok := strings.CutPrefix(ref, EnvScheme); ok {
		if len(s.Variables) > 0 && !slices.ContainsFunc(s.Variables, func(v string) bool { return matches(v, name) }) {
			return denied
		}
	}
	if path, ok := strings.CutPrefix(ref, FileScheme); ok && s.Root != "" {
		if _, _, err := s.resolve(path); errors.Is(err, errOutside) {
			return denied
		}
	}
	return nil
}

// matches reports whether a name fits an entry of Variables.
func matches(entry, name string) bool {
	if prefix, ok := strings.CutSuffix(entry, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return entry == name
}

// Read resolves a reference, env:NAME or file:PATH, and drops line breaks at the end of a file and a byte order mark at its beginning. The
// value is never kept, so that a secret which was renewed under the same reference is found.
//
// Faults: SecretNotAllowed; unreadable, which is a reason of the caller's (Denied, the reference as subject; no subject when it is
// no reference, since it may then be the secret itself), also for an empty secret; the context's error as it is.
func (s Store) Read(ctx context.Context, ref string, unreadable fault.Reason) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	failed := func(subject string, err error) (string, error) {
		return "", fault.Wrap("read secret", fault.Denied, unreadable, subject, err)
	}
	if err := s.Allowed(ref); err != nil {
		return "", err
	}
	if name, ok := strings.CutPrefix(ref, EnvScheme); ok && VariableName.MatchString(name) {
		if v := os.Getenv(name); v != "" {
			return v, nil
		}
		return failed(ref, errNotSet)
	}
	if path, ok := strings.CutPrefix(ref, FileScheme); ok && path != "" {
		v, err := s.readInTime(ctx, path)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case errors.Is(err, errOutside):
			return "", fault.New("read secret", fault.Denied, fault.SecretNotAllowed, ref)
		case err != nil:
			return failed(ref, err)
		}
		return v, nil
	}
	return failed("", errNoScheme)
}

// readInTime gives up on a file that does not answer. The reading goroutine ends with the file's own answer.
func (s Store) readInTime(ctx context.Context, path string) (string, error) {
	type answer struct {
		value string
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		v, err := s.readFile(path)
		answers <- answer{v, err}
	}()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-timeout.C:
		return "", errTooSlow
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (s Store) readFile(path string) (string, error) {
	// Asked before opening, because opening a pipe waits for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errNotRegular
	}
	f, err := s.open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSize:
		return "", errTooLarge
	}
	// Some editors put a byte order mark before it, which shows nowhere and would make the secret a wrong one.
	b = bytes.TrimRight(bytes.TrimPrefix(b, []byte("\ufeff")), "\r\n")
	switch {
	case len(b) == 0:
		return "", errEmpty
	case bytes.IndexByte(b, 0) >= 0:
		return "", errNotText
	}
	return string(b), nil
}

// open opens the file below the root. os.Root holds the line even when a link is put in between resolving and opening.
func (s Store) open(path string) (*os.File, error) {
	if s.Root == "" {
		return os.Open(path)
	}
	dir, inside, err := s.resolve(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(inside)
}

// resolve follows all symbolic links and gives the root's real directory and the path within it.
func (s Store) resolve(path string) (root, inside string, err error) {
	wanted, err := filepath.Abs(s.Root)
	if err != nil {
		return "", "", err
	}
	if root, err = filepath.EvalSymlinks(wanted); err != nil {
		return "", "", errOutside
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		if !within(wanted, path) && !within(root, path) {
			return "", "", errOutside
		}
		return "", "", err
	}
	if !within(root, target) {
		return "", "", errOutside
	}
	inside, err = filepath.Rel(root, target)
	return root, inside, err
}

func within(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}
