package graph

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/entraflow/entraflow/internal/fault"
)

// minKeyBits is the smallest RSA key that Entra takes.
//
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials
const minKeyBits = 2048

// clockTolerance is how much earlier than a certificate's beginning a clock may be. A certificate made just now must not
// fail for it.
const clockTolerance = 5 * time.Minute

// Certificate is a certificate with its private key, as an application signs in with.
type Certificate struct {
	subject string
	leaf    *x509.Certificate
	chain   []*x509.Certificate
	key     *rsa.PrivateKey
}

// ParseCertificate reads PEM: one private key, not encrypted, the certificate that belongs to it, and others, which are its
// chain. Where several belong to the key, as after a renewal with the same key, the one that ends last counts. subject names
// the place in faults, such as file:PATH.
//
// Faults (all Denied): CertificateMalformed, CertificateKeyMissing, CertificateKeyEncrypted, CertificateKeyUnsuitable (not
// RSA, under 2048 bits, or more than one), CertificateKeyMismatch. Whether it is valid today is asked with Valid.
func ParseCertificate(subject, text string) (*Certificate, error) {
	fail := func(reason fault.Reason, cause error) (*Certificate, error) {
		return nil, fault.Wrap(opToken.name, fault.Denied, reason, subject, cause)
	}
	var (
		certificates []*x509.Certificate
		keys         []crypto.PrivateKey
		rest         = []byte(strings.TrimPrefix(text, "\ufeff"))
	)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		var key crypto.PrivateKey
		var err error
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
			return fail(fault.CertificateKeyEncrypted, nil)
		case block.Type == "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return fail(fault.CertificateMalformed, err)
			}
			certificates = append(certificates, c)
			continue
		case block.Type == "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case block.Type == "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case block.Type == "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue
		}
		if err != nil {
			return fail(fault.CertificateKeyUnsuitable, err)
		}
		keys = append(keys, key)
	}
	switch {
	case len(certificates) == 0:
		return fail(fault.CertificateMalformed, errors.New("no CERTIFICATE block"))
	case len(keys) == 0:
		return fail(fault.CertificateKeyMissing, nil)
	case len(keys) > 1:
		return fail(fault.CertificateKeyUnsuitable, errors.New("more than one private key"))
	}
	key, ok := keys[0].(*rsa.PrivateKey)
	if !ok || key.N.BitLen() < minKeyBits {
		return fail(fault.CertificateKeyUnsuitable, nil)
	}
	c := &Certificate{subject: subject, key: key}
	for _, candidate := range certificates {
		switch {
		case !key.PublicKey.Equal(candidate.PublicKey):
			c.chain = append(c.chain, candidate)
		case c.leaf == nil || candidate.NotAfter.After(c.leaf.NotAfter):
			c.leaf = candidate
		}
	}
	if c.leaf == nil {
		return fail(fault.CertificateKeyMismatch, nil)
	}
	return c, nil
}

// NotAfter is when the certificate expires.
func (c *Certificate) NotAfter() time.Time { return c.leaf.NotAfter }

// Thumbprint is the certificate's SHA-1 in hexadecimal capitals, by which the app registration lists it.
func (c *Certificate) Thumbprint() string {
	sum := sha1.Sum(c.leaf.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Valid reports whether the certificate can be used at a time.
//
// Faults: CertificateExpired, CertificateNotYetValid (Denied).
func (c *Certificate) Valid(now time.Time) error {
	switch {
	case now.After(c.leaf.NotAfter):
		return fault.New(opToken.name, fault.Denied, fault.CertificateExpired, c.subject)
	case now.Add(clockTolerance).Before(c.leaf.NotBefore):
		return fault.New(opToken.name, fault.Denied, fault.CertificateNotYetValid, c.subject)
	}
	return nil
}

// CertificateCredential signs in with a certificate, which read gives as PEM with its key (see ParseCertificate). An expired
// one is not sent. subject names the place in faults; now is the clock, nil for time.Now.
//
// Faults: those of read itself, CertificateUnreadable (Denied) for any other error of it, those of ParseCertificate and Valid.
func CertificateCredential(subject string, read func(ctx context.Context) (string, error), now func() time.Time) Credential {
	if now == nil {
		now = time.Now
	}
	return func(ctx context.Context) (confidential.Credential, error) {
		text, err := kept(ctx, read, fault.CertificateUnreadable, subject)
		if err != nil {
			return confidential.Credential{}, err
		}
		c, err := ParseCertificate(subject, text)
		if err != nil {
			return confidential.Credential{}, err
		}
		if err := c.Valid(now()); err != nil {
			return confidential.Credential{}, err
		}
		credential, err := confidential.NewCredFromCert(slices.Concat([]*x509.Certificate{c.leaf}, c.chain), c.key)
		if err != nil {
			return confidential.Credential{}, fault.Wrap(opToken.name, fault.Denied, fault.CertificateKeyUnsuitable, subject, err)
		}
		return credential, nil
	}
}
