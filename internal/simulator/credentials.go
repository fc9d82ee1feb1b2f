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
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// secret is a client secret; only its digest is kept.
type secret struct {
	digest  [sha256.Size]byte
	expires time.Time
}

// certificate is a registered public key and when its certificate ends.
type certificate struct {
	key crypto.PublicKey
	to  time.Time
	pem string
}

// federation is a subject of another issuer that may sign in as the application.
type federation struct {
	seed FederatedSeed
	key  crypto.PublicKey
}

// audienceFederated is what assertions of other issuers are made out to.
const audienceFederated = "api://AzureADTokenExchange"

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

// publicKey reads a certificate or a bare public key.
func publicKey(text, file string) (key crypto.PublicKey, to time.Time, pemText string, err error) {
	if file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, to, "", fmt.Errorf("read key: %w", err)
		}
		text = string(raw)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, to, "", fmt.Errorf("no PEM block")
	}
	if block.Type == "CERTIFICATE" {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, to, "", err
		}
		return c.PublicKey, c.NotAfter, text, nil
	}
	key, err = x509.ParsePKIXPublicKey(block.Bytes)
	return key, to, text, err
}

// checkCredential judges the secret or the assertion of a token request.
func (s *Server) checkCredential(t *Tenant, a *app, r *http.Request) *loginError {
	now := s.o.Now()
	if assertion := r.PostForm.Get("client_assertion"); assertion != "" {
		if r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			return &loginError{http.StatusBadRequest, "invalid_request", 900144, "The request body must contain the following parameter: 'client_assertion_type'."}
		}
		return s.checkAssertion(t, a, assertion, now)
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

func (s *Server) checkAssertion(t *Tenant, a *app, assertion string, now time.Time) *loginError {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "PS256", "ES256"}), jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithExpirationRequired())
	verify := func(key crypto.PublicKey) (jwt.MapClaims, error) {
		claims := jwt.MapClaims{}
		_, err := parser.ParseWithClaims(assertion, claims, func(*jwt.Token) (any, error) { return key, nil })
		return claims, err
	}
	audiences := []string{s.url + "/" + t.id + "/oauth2/v2.0/token", s.url + "/" + t.id + "/v2.0"}
	for _, d := range t.domains {
		audiences = append(audiences, s.url+"/"+d.Name+"/oauth2/v2.0/token")
	}
	for _, c := range a.certificates {
		claims, err := verify(c.key)
		if err != nil || !c.to.IsZero() && !now.Before(c.to) {
			continue
		}
		issuer, _ := claims.GetIssuer()
		subject, _ := claims.GetSubject()
		named, _ := claims.GetAudience()
		if strings.EqualFold(issuer, a.clientID) && strings.EqualFold(subject, a.clientID) &&
			slices.ContainsFunc(named, func(n string) bool { return slices.Contains(audiences, n) }) {
			return nil
		}
	}
	for _, f := range a.federated {
		claims, err := verify(f.key)
		if err != nil {
			continue
		}
		issuer, _ := claims.GetIssuer()
		subject, _ := claims.GetSubject()
		named, _ := claims.GetAudience()
		want := f.seed.Audience
		if want == "" {
			want = audienceFederated
		}
		if issuer == f.seed.Issuer && subject == f.seed.Subject && slices.Contains(named, want) {
			return nil
		}
	}
	return &loginError{http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application, " +
		"or the signature of the assertion is invalid."}
}
