package check_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/check"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// noSignIn is a tenant that gives no token, so that only the credential is checked.
type noSignIn struct{ check.Tenant }

func (noSignIn) FreshToken(context.Context) (graph.TokenInfo, error) {
	return graph.TokenInfo{}, fault.New("test", fault.Transient, fault.LoginUnreachable, "")
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// certificateUntil is a certificate with its key, as PEM.
func certificateUntil(t *testing.T, end time.Time) (certificate, key string) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &rsaKey().PublicKey, rsaKey())
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(rsaKey())
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

func tokenUntil(t *testing.T, end time.Time, subject string) string {
	s, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "https://issuer.example/a\nb", "sub": subject, "aud": []string{"api://AzureADTokenExchange"}, "exp": end.Unix(),
	}).SignedString(rsaKey())
	require.NoError(t, err)
	return s
}

func TestCredential(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	pair := func(end time.Time) string { c, k := certificateUntil(t, end); return c + k }
	alone, _ := certificateUntil(t, now.AddDate(0, 3, 0))
	secret := config.Connection{ClientSecret: "env:SECRET"}
	certificate := config.Connection{ClientCertificate: "file:/app.pem"}
	token := config.Connection{FederatedTokenFile: "/token"}
	const hidden = "Hunter2"
	for _, test := range []struct {
		name    string
		config  config.Connection
		kept    string
		err     error
		status  api.TestStatus
		reason  fault.Reason
		message []string
		fix     string
	}{
		{name: "secret", config: secret, kept: hidden, status: api.TestOK, message: []string{"the client secret can be read from env:SECRET"}},
		{name: "secret not there", config: secret, err: fault.New("", fault.Denied, fault.SecretUnreadable, "env:SECRET"),
			status: api.TestFailed, reason: fault.SecretUnreadable, message: []string{"env:SECRET: "}, fix: "is not empty"},

		{name: "certificate", config: certificate, kept: pair(now.AddDate(0, 0, 31)), status: api.TestOK,
			message: []string{"thumbprint ", " can be read from file:/app.pem; it expires on 2026-04-01"}},
		{name: "certificate near its end", config: certificate, kept: pair(now.AddDate(0, 0, 29)), status: api.TestWarning,
			message: []string{"expires on 2026-03-30, in 29 days"}, fix: "Make a new certificate"},
		{name: "certificate a day from its end", config: certificate, kept: pair(now.Add(25 * time.Hour)), status: api.TestWarning,
			message: []string{"in 1 day"}, fix: "without a restart"},
		{name: "certificate hours from its end", config: certificate, kept: pair(now.Add(5 * time.Hour)), status: api.TestWarning,
			message: []string{"in less than a day"}, fix: "beside the old one"},
		{name: "certificate expired", config: certificate, kept: pair(now.Add(-time.Hour)), status: api.TestFailed, reason: fault.CertificateExpired,
			message: []string{"file:/app.pem: the certificate has expired, on 2026-03-01 11:00 UTC"}, fix: "make a new one"},
		{name: "certificate of tomorrow", config: certificate, kept: pair(now.AddDate(1, 0, 1)), status: api.TestFailed, reason: fault.CertificateNotYetValid,
			message: []string{"file:/app.pem: the certificate is not valid yet"}, fix: "clock"},
		{name: "certificate without key", config: certificate, kept: alone, status: api.TestFailed, reason: fault.CertificateKeyMissing,
			message: []string{"file:/app.pem: "}, fix: "add the key"},
		{name: "no certificate", config: certificate, kept: hidden, status: api.TestFailed, reason: fault.CertificateMalformed, message: []string{"file:/app.pem: "}, fix: "openssl"},
		{name: "certificate not there", config: certificate, err: fault.New("", fault.Denied, fault.CertificateUnreadable, "file:/app.pem"),
			status: api.TestFailed, reason: fault.CertificateUnreadable, message: []string{"file:/app.pem: "}, fix: "check that the file"},

		{name: "token", config: token, kept: tokenUntil(t, now.Add(time.Hour), "system:serviceaccount:entraflow:worker"), status: api.TestOK,
			message: []string{"from file:/token; ", `issuer is "https://issuer.example/a\nb"`, `audience "api://AzureADTokenExchange"`, `subject "system:serviceaccount:entraflow:worker"`}},
		{name: "token of a person", config: token, kept: tokenUntil(t, now.Add(time.Hour), hidden), status: api.TestOK, message: []string{"the federated token can be read"}},
		{name: "token expired", config: token, kept: tokenUntil(t, now.Add(-time.Hour), hidden), status: api.TestFailed, reason: fault.FederatedTokenExpired,
			message: []string{"file:/token: the federated token has expired, on 2026-03-01 11:00 UTC"}, fix: "renewed"},
		{name: "no token", config: token, kept: hidden, status: api.TestFailed, reason: fault.FederatedTokenMalformed, message: []string{"file:/token: "}, fix: "federatedTokenFile"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := check.Run(context.Background(), noSignIn{}, check.Options{
				Config: test.config, Now: func() time.Time { return now },
				Secret: func(context.Context) (string, error) { return test.kept, test.err },
			})
			c := r.Checks[0]
			require.Equal(t, "secret", c.Name)
			require.Equal(t, test.status, c.Status, c.Message)
			require.Equal(t, test.reason, c.Reason)
			for _, part := range test.message {
				require.Contains(t, c.Message, part)
			}
			require.Contains(t, c.Fix, test.fix)
			require.Equal(t, test.fix == "", c.Fix == "")
			require.NotContains(t, c.Message+c.Fix, hidden)
			require.NotContains(t, c.Message+c.Fix, "BEGIN CERT")
			require.False(t, strings.ContainsAny(c.Message, "\n"))
			next := api.TestFailed
			if test.status == api.TestFailed {
				next = api.TestSkipped
			}
			require.Equal(t, next, r.Checks[1].Status)
		})
	}
}

// An error that is no fault of ours is not blamed on the credential, and not told.
func TestCredentialUnknownError(t *testing.T) {
	t.Parallel()
	r := check.Run(context.Background(), noSignIn{}, check.Options{
		Config: config.Connection{ClientCertificate: "file:/app.pem"},
		Secret: func(context.Context) (string, error) { return "", errors.New("Hunter2") },
	})
	require.Equal(t, fault.InternalError, r.Checks[0].Reason)
	require.NotContains(t, r.Checks[0].Message, "Hunter2")
}
