package simulator

import (
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// secret is a client secret; only its digest is kept.
type secret struct {
	digest  [sha256.Size]byte
	expires time.Time
}

// certificate is a registered public key and the certificate that it came in; a bare key has none.
type certificate struct {
	key crypto.PublicKey
	der []byte
	to  time.Time
	pem string
}

// federation is a subject of another issuer that may sign in as the application.
type federation struct {
	seed FederatedSeed
	key  crypto.PublicKey
}

func newSecret(seed SecretSeed) (secret, error) {
	out := secret{expires: seed.Expires}
	value := seed.Value
	if seed.ValueFile != "" {
		raw, err := os.ReadFile(seed.ValueFile)
		if err != nil {
			return out, fmt.Errorf("read secret: %w", err)
		}
		value = strings.TrimSpace(string(raw))
	}
	if value == "" && seed.SHA256 != "" {
		raw, err := hex.DecodeString(seed.SHA256)
		if err != nil || len(raw) != sha256.Size {
			return out, fmt.Errorf("sha256 of a secret must be %d hexadecimal digits", 2*sha256.Size)
		}
		copy(out.digest[:], raw)
		return out, nil
	}
	if value == "" {
		return out, fmt.Errorf("a secret needs value, valueFile or sha256")
	}
	out.digest = sha256.Sum256([]byte(value))
	return out, nil
}

// publicKey reads the first certificate or bare public key of a PEM text. Of what else stands there, such as the private
// key in a file made for the client, nothing is kept.
func publicKey(text, file string) (c certificate, err error) {
	if file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return c, fmt.Errorf("read key: %w", err)
		}
		text = string(raw)
	}
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return c, fmt.Errorf("no certificate or public key in PEM form")
		}
		switch block.Type {
		case "CERTIFICATE":
			parsed, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return c, err
			}
			return certificate{parsed.PublicKey, parsed.Raw, parsed.NotAfter, string(pem.EncodeToMemory(block))}, nil
		case "PUBLIC KEY":
			key, err := x509.ParsePKIXPublicKey(block.Bytes)
			return certificate{key: key, pem: string(pem.EncodeToMemory(block))}, err
		}
	}
}

func newFederation(seed FederatedSeed) (federation, error) {
	c, err := publicKey(seed.PublicKey, seed.PublicKeyFile)
	seed.PublicKey, seed.PublicKeyFile = c.pem, ""
	return federation{seed, c.key}, err
}

// checkCredential judges the secret or the assertion of a token request.
func (s *Server) checkCredential(t *Tenant, a *app, r *http.Request) *loginError {
	now := s.o.Now()
	if assertion := r.PostForm.Get("client_assertion"); assertion != "" {
		if r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			return &loginError{http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_assertion_type'."}
		}
		return checkAssertion(t, a, assertion, s.base(r), now)
	}
	value := r.PostForm.Get("client_secret")
	if value == "" {
		return &loginError{http.StatusUnauthorized, "invalid_client", 7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."}
	}
	digest, expired := sha256.Sum256([]byte(value)), false
	for _, sec := range a.secrets {
		if subtle.ConstantTimeCompare(digest[:], sec.digest[:]) != 1 {
			continue
		}
		if sec.expires.IsZero() || now.Before(sec.expires) {
			return nil
		}
		expired = true
	}
	if expired {
		return &loginError{http.StatusUnauthorized, "invalid_client", 7000222, fmt.Sprintf("The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: "+
			"https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", a.clientID)}
	}
	return &loginError{http.StatusUnauthorized, "invalid_client", 7000215, fmt.Sprintf("Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "+
		"not the client secret ID, for a secret added to app '%s'.", a.clientID)}
}
