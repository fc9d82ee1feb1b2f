package graph

import (
	"context"
	"errors"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/entraflow/entraflow/internal/fault"
)

// Credential gives what the application signs in with. It is called for each token request, so that what it reads may
// change at any time: a secret (SecretCredential), a certificate (CertificateCredential) or a token of another issuer
// (FederatedCredential).
type Credential func(ctx context.Context) (confidential.Credential, error)

// SecretCredential signs in with a client secret.
//
// Faults: those of secret itself, SecretUnreadable for any other error of it, SecretMissing for an empty secret; all Denied.
func SecretCredential(secret func(ctx context.Context) (string, error)) Credential {
	return func(ctx context.Context) (confidential.Credential, error) {
		if secret == nil {
			return confidential.Credential{}, fault.New(opToken.name, fault.Denied, fault.SecretMissing, "clientSecret")
		}
		value, err := kept(ctx, secret, fault.SecretUnreadable, "clientSecret")
		switch {
		case err != nil:
			return confidential.Credential{}, err
		case value == "":
			return confidential.Credential{}, fault.New(opToken.name, fault.Denied, fault.SecretMissing, "clientSecret")
		}
		return confidential.NewCredFromSecret(value)
	}
}

// kept reads a credential where it is kept. Faults pass; any other error is the reason, unless the caller gave up.
func kept(ctx context.Context, read func(ctx context.Context) (string, error), reason fault.Reason, subject string) (string, error) {
	value, err := read(ctx)
	var known *fault.Error
	switch {
	case err == nil:
		return value, nil
	case errors.As(err, &known):
		return "", err
	case ctx.Err() != nil:
		return "", contextFault(opToken.name, ctx.Err())
	}
	return "", fault.Wrap(opToken.name, fault.Denied, reason, subject, err)
}
