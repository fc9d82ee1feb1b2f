package graph

import (
	"context"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/golang-jwt/jwt/v5"

	"github.com/entraflow/entraflow/internal/fault"
)

// FederatedToken is a token of another issuer, by which an application signs in where its registration has a federated
// credential for the token's issuer, subject and audience.
//
// https://learn.microsoft.com/entra/workload-id/workload-identity-federation
type FederatedToken struct {
	// Issuer, Subject and Audience must be those of the federated credential, letter by letter. The usual audience is
	// api://AzureADTokenExchange.
	Issuer, Subject string
	Audience        []string
	// Expires is when the token ends; zero when it does not say.
	Expires time.Time

	subject string
	raw     string
}

// ParseFederatedToken reads a token, a JWT. Its signature is for the sign-in service to judge. subject names the place in
// faults, such as file:PATH.
//
// Faults: FederatedTokenMalformed (Denied).
func ParseFederatedToken(subject, text string) (*FederatedToken, error) {
	t := &FederatedToken{subject: subject, raw: strings.TrimSpace(text)}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(t.raw, &claims); err != nil {
		return nil, fault.Wrap(opToken.name, fault.Denied, fault.FederatedTokenMalformed, subject, err)
	}
	t.Issuer, t.Subject, t.Audience = claims.Issuer, claims.Subject, claims.Audience
	if claims.ExpiresAt != nil {
		t.Expires = claims.ExpiresAt.Time
	}
	return t, nil
}

// Valid reports whether the token can be used at a time.
//
// Faults: FederatedTokenExpired (Denied).
func (t *FederatedToken) Valid(now time.Time) error {
	if !t.Expires.IsZero() && !now.Before(t.Expires) {
		return fault.New(opToken.name, fault.Denied, fault.FederatedTokenExpired, t.subject)
	}
	return nil
}

// FederatedCredential signs in with a token of another issuer, which read gives. An expired one is not sent. subject names
// the place in faults; now is the clock, nil for time.Now.
//
// Faults: those of read itself, FederatedTokenUnreadable (Denied) for any other error of it, FederatedTokenMalformed and
// FederatedTokenExpired (Denied).
func FederatedCredential(subject string, read func(ctx context.Context) (string, error), now func() time.Time) Credential {
	if now == nil {
		now = time.Now
	}
	return func(ctx context.Context) (confidential.Credential, error) {
		text, err := kept(ctx, read, fault.FederatedTokenUnreadable, subject)
		if err != nil {
			return confidential.Credential{}, err
		}
		t, err := ParseFederatedToken(subject, text)
		if err != nil {
			return confidential.Credential{}, err
		}
		if err := t.Valid(now()); err != nil {
			return confidential.Credential{}, err
		}
		return confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
			return t.raw, nil
		}), nil
	}
}
