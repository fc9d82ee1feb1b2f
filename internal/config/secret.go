package config

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
)

// The two kinds of references.
const (
	envScheme  = "env:"
	fileScheme = "file:"
)

// maxSecretSize bounds what is read of a secret's file, in bytes; client secrets have about 40 characters, certificates with
// chain and key a few thousand.
const maxSecretSize = 64 << 10

var (
	errNotSet   = errors.New("the environment variable is not set or empty")
	errEmpty    = errors.New("the file is empty")
	errTooLarge = errors.New("the file is too large for a secret")
	errNoScheme = errors.New("not a reference")
)

// Secret resolves a reference, env:NAME or file:PATH, and drops line breaks at the end of a file. The value is never
// kept, so that a secret which was renewed under the same reference is found.
//
// Faults: SecretUnreadable (Denied, the reference as subject; no subject when it is no reference, since it may then be
// the secret itself), also for an empty secret; the context's error as it is.
func Secret(ctx context.Context, ref string) (string, error) {
	return resolve(ctx, ref, fault.SecretUnreadable)
}

// resolve is Secret with a reason of the caller's.
func resolve(ctx context.Context, ref string, reason fault.Reason) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if name, ok := strings.CutPrefix(ref, envScheme); ok && envName.MatchString(name) {
		if s := os.Getenv(name); s != "" {
			return s, nil
		}
		return "", unreadable(reason, ref, errNotSet)
	}
	if path, ok := strings.CutPrefix(ref, fileScheme); ok && path != "" {
		s, err := readSecret(path)
		if err != nil {
			return "", unreadable(reason, ref, err)
		}
		return s, nil
	}
	return "", unreadable(reason, "", errNoScheme)
}

func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretSize+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSecretSize:
		return "", errTooLarge
	}
	if b = bytes.TrimRight(b, "\r\n"); len(b) == 0 {
		return "", errEmpty
	}
	return string(b), nil
}

func unreadable(reason fault.Reason, ref string, err error) error {
	return fault.Wrap("read secret", fault.Denied, reason, ref, err)
}
