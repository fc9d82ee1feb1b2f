package engine_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/simulator"
)

// identity is a key with its certificate, and the tokens that an issuer signs with it.
type identity struct {
	t           *testing.T
	key         *rsa.PrivateKey
	certificate string
}

func newIdentity(t *testing.T) identity {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return identity{t, key, encoded("CERTIFICATE", der)}
}

func encoded(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// pair is what the worker gets.
func (i identity) pair() string {
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	require.NoError(i.t, err)
	return i.certificate + encoded("PRIVATE KEY", der)
}

func (i identity) token() string {
	s, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "https://issuer.example", "sub": "system:serviceaccount:entraflow:worker", "aud": "api://AzureADTokenExchange", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString(i.key)
	require.NoError(i.t, err)
	return s
}

// trusted is what the app registration gets.
func (i identity) trusted() simulator.FederatedSeed {
	der, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
	require.NoError(i.t, err)
	return simulator.FederatedSeed{Issuer: "https://issuer.example", Subject: "system:serviceaccount:entraflow:worker", PublicKey: encoded("PUBLIC KEY", der)}
}

// A configuration file with each of the three credentials passes its test, and goes on after the credential was renewed in
// its place, without a restart; what was withdrawn fails.
func TestConnectionsSignIn(t *testing.T) {
	t.Parallel()
	old, renewed := newIdentity(t), newIdentity(t)
	const app = simulator.DefaultClientID
	for _, test := range []struct {
		setting, file string
		old, new      string
		trustOld      func(*simulator.Tenant) error
		trustNew      func(*simulator.Tenant) error
		says          string
		missing       fault.Reason
		withdrawn     fault.Reason
	}{
		{"clientSecret: file:kept", "kept", "old secret\n", "new secret\n",
			func(tn *simulator.Tenant) error { return tn.SetSecret(app, "old secret", time.Time{}) },
			func(tn *simulator.Tenant) error { return tn.SetSecret(app, "new secret", time.Time{}) },
			"the client secret can be read from file:/", fault.SecretUnreadable, fault.SecretWrong},
		{"clientCertificate: file:kept.pem", "kept.pem", old.pair(), renewed.pair(),
			func(tn *simulator.Tenant) error { return tn.SetCertificates(app, old.certificate) },
			func(tn *simulator.Tenant) error { return tn.SetCertificates(app, renewed.certificate) },
			"kept.pem; it expires on ", fault.CertificateUnreadable, fault.CertificateRejected},
		{"federatedTokenFile: token", "token", old.token(), renewed.token(),
			func(tn *simulator.Tenant) error { return tn.SetFederated(app, old.trusted()) },
			func(tn *simulator.Tenant) error { return tn.SetFederated(app, renewed.trusted()) },
			`its subject "system:serviceaccount:entraflow:worker"`, fault.FederatedTokenUnreadable, fault.CertificateRejected},
	} {
		t.Run(test.setting, func(t *testing.T) {
			t.Parallel()
			ctx, dir := context.Background(), t.TempDir()
			s, err := simulator.Start(simulator.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { _ = s.Close() })
			write := func(name, content string) string {
				path := filepath.Join(dir, name)
				require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
				return path
			}
			e, err := engine.New(engine.Parts{Environment: plain, Simulator: &engine.SimulatorEndpoint{URL: s.URL(), CAFile: write("ca.pem", string(s.CAPEM()))}})
			require.NoError(t, err)
			c, err := config.Load(write("contoso.yaml", "name: contoso\ntenantId: "+simulator.DefaultTenantID+"\nclientId: "+app+"\ncloud: simulator\n"+test.setting+"\n"))
			require.NoError(t, err)
			tested := func() api.TestReport { return e.Check(ctx, *c, api.Pinned{}, func(string) {}) }
			fails := func(name string, reason fault.Reason) {
				t.Helper()
				r := tested()
				failure, failed := r.Failure()
				require.True(t, failed)
				require.Equal(t, name, failure.Name)
				require.Equal(t, reason, failure.Reason)
			}
			passes := func() {
				t.Helper()
				r := tested()
				require.True(t, r.OK, "%+v", r.Checks)
				require.Contains(t, r.Checks[0].Message, test.says)
				_, err := e.LicenseNames(ctx, *c)
				require.NoError(t, err)
			}
			s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, test.trustOld(tn)) })
			fails("secret", test.missing)
			write(test.file, test.old)
			passes()
			write(test.file, test.new)
			fails("token", test.withdrawn)
			s.Mutate(func(tn *simulator.Tenant) { require.NoError(t, test.trustNew(tn)) })
			passes()
			write(test.file, test.old)
			fails("token", test.withdrawn)
			require.Empty(t, s.Stats().ProtocolFaults)
		})
	}
}
