package config

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/secret"
)

// The settings of which a connection has exactly one: what its application signs in with.
const (
	KeySecret      = "clientSecret"
	KeyCertificate = "clientCertificate"
	KeyFederated   = "federatedTokenFile"
)

// Credential says what an application signs in with and where that is kept.
type Credential struct {
	// Key is KeySecret, KeyCertificate or KeyFederated; KeySecret for a connection that has none.
	Key string
	// Reference is env:NAME or file:PATH, also for a federated token's file.
	Reference string
}

// Credential is the first of the three that the connection has; Validate refuses a second.
func (c *Connection) Credential() Credential {
	switch {
	case c.ClientSecret != "":
		return Credential{Key: KeySecret, Reference: c.ClientSecret}
	case c.ClientCertificate != "":
		return Credential{Key: KeyCertificate, Reference: c.ClientCertificate}
	case c.FederatedTokenFile != "":
		return Credential{Key: KeyFederated, Reference: secret.FileScheme + c.FederatedTokenFile}
	}
	return Credential{Key: KeySecret}
}

// Read gives what is kept there now: the secret, the certificate with its key as PEM, or the token. It is never kept, so
// that what was renewed in the same place is found.
//
// Faults: SecretMissing without a reference; SecretNotAllowed; SecretUnreadable, CertificateUnreadable or FederatedTokenUnreadable, with the
// reference as subject; all Denied. The context's error as it is.
func (c Credential) Read(ctx context.Context, secrets secret.Store) (string, error) {
	if c.Reference == "" {
		return "", fault.New("read credential", fault.Denied, fault.SecretMissing, KeySecret)
	}
	return secrets.Read(ctx, c.Reference, c.unreadable())
}

func (c Credential) unreadable() fault.Reason {
	switch c.Key {
	case KeyCertificate:
		return fault.CertificateUnreadable
	case KeyFederated:
		return fault.FederatedTokenUnreadable
	}
	return fault.SecretUnreadable
}

// pemMark stands at the beginning of what must not be in a configuration.
const pemMark = "-----BEGIN"

// pastedToken recognises a token in place of its file's path, also behind a directory that was put before it.
var pastedToken = regexp.MustCompile(`(^|[/\\])eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.`)

// maxPath bounds a path, in bytes; what is longer is something else that was pasted. PATH_MAX of Linux.
const maxPath = 4096

// credentials checks that there is exactly one, and that it is kept elsewhere.
func (k *checker) credentials(c *Connection) {
	given := 0
	for _, s := range []struct {
		key, value string
		check      func(string) string
	}{
		{KeySecret, c.ClientSecret, checkReference},
		{KeyCertificate, c.ClientCertificate, checkCertificate},
		{KeyFederated, c.FederatedTokenFile, checkTokenFile},
	} {
		if s.value == "" {
			continue
		}
		if given++; given > 1 {
			k.problem(s.key, "a connection has one of clientSecret, clientCertificate and federatedTokenFile; keep one and remove the others")
		}
		if message := s.check(s.value); message != "" {
			k.problem(s.key, message)
		}
	}
	if given == 0 {
		k.problem(KeySecret, "it is missing; write env:NAME or file:PATH, where the worker finds the secret, or use clientCertificate or federatedTokenFile instead")
	}
}

// checkCertificate says what is wrong with the reference to a certificate, or "".
func checkCertificate(ref string) string {
	if !strings.HasPrefix(ref, secret.EnvScheme) && !strings.HasPrefix(ref, secret.FileScheme) && !strings.Contains(ref, pemMark) {
		return "this is no reference; keep certificate and private key in one PEM file that the worker can read, and write file: and its path, or env:NAME"
	}
	return checkReference(ref)
}

// checkTokenFile says what is wrong with the path of a federated token, or "". It never repeats it.
func checkTokenFile(path string) string {
	switch {
	case strings.Contains(path, pemMark), strings.ContainsAny(path, "\r\n"), len(path) > maxPath, pastedToken.MatchString(path):
		return "a token itself must not stand in the configuration; give the path of the file that holds it"
	case strings.HasPrefix(path, secret.EnvScheme):
		return "a token in an environment variable could not be renewed; give the path of a file that something renews"
	case strings.HasPrefix(path, secret.FileScheme):
		return "this takes a path alone; remove file: before it"
	case !filepath.IsAbs(path):
		return "the path must be absolute here; write it in full"
	}
	return ""
}

// absoluteTokenFile makes the path of a token absolute, unless it is something else, which checkTokenFile reports.
func absoluteTokenFile(directory, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	if m := checkTokenFile(filepath.Join(directory, path)); m != "" || strings.HasPrefix(path, secret.EnvScheme) || strings.HasPrefix(path, secret.FileScheme) {
		return path
	}
	return filepath.Join(directory, path)
}
