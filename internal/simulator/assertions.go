package simulator

import (
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// audienceFederated is what assertions of other issuers are made out to.
const audienceFederated = "api://AzureADTokenExchange"

// assertion is a signed token in place of a secret: the application's own, signed with its certificate's key, or one of
// another issuer.
type assertion struct {
	raw             string
	thumbprint      string // of the certificate that the header names
	issuer, subject string
	audience        []string
}

// refusedAssertion is the answer to an assertion that is no good. Entra's: HTTP 401, invalid_client.
func refusedAssertion(number int, format string, args ...any) *loginError {
	return &loginError{http.StatusUnauthorized, "invalid_client", number, fmt.Sprintf(format, args...)}
}

// invalidSignature is AADSTS700027, whose cause is told by the text alone.
func invalidSignature(reason, thumbprint string) *loginError {
	return refusedAssertion(700027, "Client assertion contains an invalid signature. [Reason - %s, Thumbprint of key used by client: '%s']", reason, thumbprint)
}

func readAssertion(raw string) (a assertion, ok bool) {
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(raw, claims)
	if err != nil {
		return a, false
	}
	a.raw = raw
	a.issuer, _ = claims.GetIssuer()
	a.subject, _ = claims.GetSubject()
	a.audience, _ = claims.GetAudience()
	for _, name := range []string{"x5t#S256", "x5t"} {
		if text, ok := token.Header[name].(string); ok && a.thumbprint == "" {
			a.thumbprint = hexThumbprint(text)
		}
	}
	return a, true
}

// hexThumbprint reads a thumbprint of a header in either alphabet of base64.
func hexThumbprint(text string) string {
	plain := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text)
	raw, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return "?"
	}
	return fmt.Sprintf("%X", raw)
}

// verify checks signature and time. late: the signature is right, and the time is not.
func (a assertion) verify(key crypto.PublicKey, now time.Time) (signed, late bool) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "PS256", "ES256"}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return now }))
	_, err := parser.ParseWithClaims(a.raw, jwt.MapClaims{}, func(*jwt.Token) (any, error) { return key, nil })
	late = errors.Is(err, jwt.ErrTokenInvalidClaims)
	return err == nil || late, late
}

func checkAssertion(t *Tenant, a *app, raw, base string, now time.Time) *loginError {
	given, ok := readAssertion(raw)
	switch {
	case !ok:
		return invalidSignature("The key was not found.", "")
	case strings.EqualFold(given.issuer, a.clientID):
		return checkOwnAssertion(t, a, given, base, now)
	}
	return checkForeignAssertion(a, given, now)
}

// checkOwnAssertion judges what the application signed itself. The header names the certificate.
func checkOwnAssertion(t *Tenant, a *app, given assertion, base string, now time.Time) *loginError {
	i := slices.IndexFunc(a.certificates, func(c certificate) bool {
		if c.der == nil { // a bare key has no thumbprint
			signed, _ := given.verify(c.key, now)
			return signed
		}
		return given.thumbprint == fmt.Sprintf("%X", sha256.Sum256(c.der)) || given.thumbprint == fmt.Sprintf("%X", sha1.Sum(c.der))
	})
	if i < 0 {
		return invalidSignature("The key was not found.", given.thumbprint)
	}
	c := a.certificates[i]
	signed, late := given.verify(c.key, now)
	switch {
	case !signed:
		return invalidSignature("The provided signature value did not match the expected signature value.", given.thumbprint)
	case !c.to.IsZero() && now.After(c.to):
		return invalidSignature("The key used is expired.", given.thumbprint)
	case late:
		return refusedTime(now)
	case !strings.EqualFold(given.subject, a.clientID):
		return refusedAssertion(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	}
	audiences := []string{base + "/" + t.id + "/oauth2/v2.0/token", base + "/" + t.id + "/v2.0"}
	for _, d := range t.domains {
		audiences = append(audiences, base+"/"+d.Name+"/oauth2/v2.0/token")
	}
	if !slices.ContainsFunc(given.audience, func(n string) bool { return slices.Contains(audiences, n) }) {
		return refusedAssertion(700023, "Client assertion audience claim does not match Realm issuer.")
	}
	return nil
}

// checkForeignAssertion judges a token of another issuer: issuer, subject and audience must be those of one federated
// credential, letter by letter.
func checkForeignAssertion(a *app, given assertion, now time.Time) *loginError {
	const check = "Check your federated identity credential Subject, Audience and Issuer against the presented assertion."
	var issuer, subject, audience, spelling bool
	for _, f := range a.federated {
		want := f.seed.Audience
		if want == "" {
			want = audienceFederated
		}
		spelling = spelling || strings.EqualFold(f.seed.Issuer, given.issuer) && strings.EqualFold(f.seed.Subject, given.subject)
		if f.seed.Issuer != given.issuer {
			continue
		}
		issuer = true
		if f.seed.Subject != given.subject {
			continue
		}
		subject = true
		if !slices.Contains(given.audience, want) {
			continue
		}
		audience = true
		signed, late := given.verify(f.key, now)
		if late {
			return refusedTime(now)
		}
		if signed {
			return nil
		}
	}
	switch {
	case spelling && !subject:
		return refusedAssertion(7002138, "No matching federated identity record found for presented assertion: issuer or subject differ in letter case. %s", check)
	case !issuer:
		return refusedAssertion(700211, "No matching federated identity record found for presented assertion issuer '%s'. %s", given.issuer, check)
	case !subject:
		return refusedAssertion(700213, "No matching federated identity record found for presented assertion subject '%s'. %s", given.subject, check)
	case !audience:
		return refusedAssertion(700212, "No matching federated identity record found for presented assertion audience '%s'. %s", strings.Join(given.audience, " "), check)
	}
	// What a foreign token with a wrong signature is answered was not found in the open.
	return invalidSignature("The provided signature value did not match the expected signature value.", given.thumbprint)
}

func refusedTime(now time.Time) *loginError {
	return refusedAssertion(700024, "Client assertion is not within its valid time range. Current time: %s.", now.UTC().Format(time.RFC3339))
}
