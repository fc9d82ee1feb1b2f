package graph_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// keys are made once, since that takes longer than all that is done with them.
var keys = sync.OnceValue(func() (pair [2]*rsa.PrivateKey) {
	for i := range pair {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		pair[i] = key
	}
	return pair
})

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// certificateOf makes a certificate of a key, as PEM.
func certificateOf(t testing.TB, key *rsa.PrivateKey, from, to time.Time) string {
	template := &x509.Certificate{SerialNumber: big.NewInt(to.UnixNano()), Subject: pkix.Name{CommonName: "entraflow"}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return block("CERTIFICATE", der)
}

func keyPEM(t testing.TB, key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return block("PRIVATE KEY", der)
}

// publicPEM is the other half, for the simulator.
func publicPEM(t testing.TB, key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	return block("PUBLIC KEY", der)
}

var (
	yesterday = time.Now().Add(-24 * time.Hour)
	nextYear  = time.Now().Add(365 * 24 * time.Hour)
)

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	key, other := keys()[0], keys()[1]
	own, foreign := certificateOf(t, key, yesterday, nextYear), certificateOf(t, other, yesterday, nextYear)
	renewed := certificateOf(t, key, yesterday, nextYear.Add(time.Hour))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	encrypted := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,A0A0\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
	for _, test := range []struct {
		name, text string
		reason     fault.Reason
		ends       time.Time
	}{
		{name: "certificate and key", text: own + keyPEM(t, key), ends: nextYear},
		{name: "key and certificate", text: keyPEM(t, key) + own, ends: nextYear},
		{name: "the older form of a key", text: own + block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), ends: nextYear},
		{name: "with its chain first", text: foreign + own + keyPEM(t, key), ends: nextYear},
		{name: "renewed with the same key", text: own + renewed + keyPEM(t, key), ends: nextYear.Add(time.Hour)},
		{name: "from Windows", text: "\ufeff" + strings.ReplaceAll("Bag Attributes\n"+own+keyPEM(t, key), "\n", "\r\n"), ends: nextYear},
		{name: "with parameters", text: block("DH PARAMETERS", []byte{1}) + own + keyPEM(t, key), ends: nextYear},

		{name: "nothing", text: "", reason: fault.CertificateMalformed},
		{name: "a .pfx file", text: "0\x82\x09\x01\x02\x01\x03", reason: fault.CertificateMalformed},
		{name: "a key alone", text: keyPEM(t, key), reason: fault.CertificateMalformed},
		{name: "cut off", text: keyPEM(t, key) + own[:len(own)/2], reason: fault.CertificateMalformed},
		{name: "a damaged certificate", text: block("CERTIFICATE", []byte("Hunter2")) + keyPEM(t, key), reason: fault.CertificateMalformed},
		{name: "no key", text: own, reason: fault.CertificateKeyMissing},
		{name: "an encrypted key", text: own + block("ENCRYPTED PRIVATE KEY", []byte{1}), reason: fault.CertificateKeyEncrypted},
		{name: "a key encrypted in the older way", text: own + encrypted, reason: fault.CertificateKeyEncrypted},
		{name: "a damaged key", text: own + block("PRIVATE KEY", []byte("Hunter2")), reason: fault.CertificateKeyUnsuitable},
		{name: "a key of another kind", text: own + keyPEM(t, curve), reason: fault.CertificateKeyUnsuitable},
		{name: "a short key", text: certificateOf(t, small, yesterday, nextYear) + keyPEM(t, small), reason: fault.CertificateKeyUnsuitable},
		{name: "two keys", text: own + keyPEM(t, key) + keyPEM(t, other), reason: fault.CertificateKeyUnsuitable},
		{name: "another's key", text: foreign + keyPEM(t, key), reason: fault.CertificateKeyMismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := graph.ParseCertificate("file:/app.pem", test.text)
			if test.reason == "" {
				require.NoError(t, err)
				require.WithinDuration(t, test.ends, c.NotAfter(), time.Second)
				require.Regexp(t, "^[0-9A-F]{40}$", c.Thumbprint())
				return
			}
			f := fault.Of(err)
			require.Equal(t, test.reason, f.Reason, "%v", err)
			require.Equal(t, fault.Denied, f.Kind)
			require.Equal(t, "file:/app.pem", f.Subject)
			require.True(t, f.Reason.WithdrawsConnection())
			require.NotContains(t, err.Error(), "Hunter")
		})
	}
}

func TestCertificateIsValid(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(1, 0, 0)
	c, err := graph.ParseCertificate("file:/app.pem", certificateOf(t, keys()[0], from, to)+keyPEM(t, keys()[0]))
	require.NoError(t, err)
	for _, test := range []struct {
		at     time.Time
		reason fault.Reason
	}{
		{from, ""}, {to, ""}, {from.Add(-4 * time.Minute), ""},
		{from.Add(-6 * time.Minute), fault.CertificateNotYetValid}, {to.Add(time.Second), fault.CertificateExpired},
	} {
		err := c.Valid(test.at)
		if test.reason == "" {
			require.NoError(t, err, test.at)
			continue
		}
		require.True(t, fault.Is(err, test.reason), "%v at %v", err, test.at)
	}
}

// place is a file that tests write as a careful rotation does, and what reads it.
type place string

func (p place) write(t testing.TB, text string) {
	require.NoError(t, os.WriteFile(string(p)+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(string(p)+".new", string(p)))
}

func (p place) read(context.Context) (string, error) {
	b, err := os.ReadFile(string(p))
	return string(b), err
}

// signIn is a simulator, and a client of it that signs in with what stands in a file.
type signIn struct {
	*simulator.Server
	place
	clock  *clock
	client *graph.Client
}

func newSignIn(t *testing.T, of func(p place, now func() time.Time) graph.Credential) *signIn {
	s, err := simulator.Start(simulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.Empty(t, s.Stats().ProtocolFaults)
		require.NoError(t, s.Close())
	})
	w := &signIn{Server: s, place: place(filepath.Join(t.TempDir(), "kept")), clock: newClock()}
	endpoints, _ := graph.CloudEndpoints("simulator")
	endpoints.Graph, endpoints.Login, endpoints.CAPEM = s.URL(), s.URL(), s.CAPEM()
	w.client, err = graph.NewPool(graph.Options{Waits: waits(0.001), Now: w.clock.Now}).Client(graph.ClientConfig{
		TenantID: simulator.DefaultTenantID, ClientID: simulator.DefaultClientID, Endpoints: endpoints, Credential: of(w.place, w.clock.Now),
	})
	require.NoError(t, err)
	return w
}

func (w *signIn) change(t *testing.T, f func(*simulator.Tenant) error) {
	w.Mutate(func(tn *simulator.Tenant) { require.NoError(t, f(tn)) })
}

// works makes a call that needs a token.
func (w *signIn) works() error {
	_, err := w.client.Organization(context.Background())
	return err
}

func (w *signIn) tokens() int { return w.Stats().Tokens }

func byCertificate(p place, now func() time.Time) graph.Credential {
	return graph.CertificateCredential("file:"+string(p), p.read, now)
}

func byToken(p place, now func() time.Time) graph.Credential {
	return graph.FederatedCredential("file:"+string(p), p.read, now)
}

func bySecret(p place, _ func() time.Time) graph.Credential { return graph.SecretCredential(p.read) }

// refuses expects a fault, and how many token requests there have been in all.
func (w *signIn) refuses(t *testing.T, reason fault.Reason, subject string, asked int) {
	t.Helper()
	_, err := w.client.FreshToken(context.Background())
	f := fault.Of(err)
	require.NotNil(t, f, "%s did not happen", reason)
	require.Equal(t, reason, f.Reason, "%v", err)
	require.Equal(t, fault.Denied, f.Kind)
	require.Equal(t, strings.ReplaceAll(subject, "FILE", "file:"+string(w.place)), f.Subject)
	require.Equal(t, asked, w.tokens())
	require.True(t, f.Reason.WithdrawsConnection())
}

func TestCertificateSignsIn(t *testing.T) {
	t.Parallel()
	w := newSignIn(t, byCertificate)
	key, other := keys()[0], keys()[1]
	own := certificateOf(t, key, yesterday, nextYear)
	w.change(t, func(tn *simulator.Tenant) error { return tn.SetCertificates(simulator.DefaultClientID, own) })

	w.refuses(t, fault.CertificateUnreadable, "FILE", 0)
	w.write(t, certificateOf(t, key, yesterday, time.Now().Add(-time.Hour))+keyPEM(t, key))
	w.refuses(t, fault.CertificateExpired, "FILE", 0)
	w.write(t, certificateOf(t, other, yesterday, nextYear)+keyPEM(t, other))
	w.refuses(t, fault.CertificateRejected, "AADSTS700027", 1)
	w.write(t, certificateOf(t, other, yesterday, nextYear)+own+keyPEM(t, key))
	info, err := w.client.FreshToken(context.Background())
	require.NoError(t, err)
	require.NotEmpty(t, info.Roles)
	require.NoError(t, w.works())
	require.Equal(t, 2, w.tokens())
}

// A certificate whose end is known to the service and not to us, because our clock is late.
func TestCertificateExpiredAtTheService(t *testing.T) {
	t.Parallel()
	w := newSignIn(t, byCertificate)
	key := keys()[0]
	own := certificateOf(t, key, yesterday, time.Now().Add(-time.Minute))
	w.change(t, func(tn *simulator.Tenant) error { return tn.SetCertificates(simulator.DefaultClientID, own) })
	w.write(t, own+keyPEM(t, key))
	w.clock.Turn(-2 * time.Minute)
	w.refuses(t, fault.CertificateExpired, "AADSTS700027", 1)
}

// assertionOf is a token of an issuer other than Entra.
func assertionOf(t testing.TB, key *rsa.PrivateKey, subject, audience string, expires time.Time) string {
	s, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "https://issuer.example", "sub": subject, "aud": audience, "exp": expires.Unix(),
	}).SignedString(key)
	require.NoError(t, err)
	return s
}

const (
	workload = "system:serviceaccount:entraflow:worker"
	exchange = "api://AzureADTokenExchange"
)

func TestFederatedTokenSignsIn(t *testing.T) {
	t.Parallel()
	w := newSignIn(t, byToken)
	key, other := keys()[0], keys()[1]
	soon := time.Now().Add(time.Hour)
	w.refuses(t, fault.FederatedTokenUnreadable, "FILE", 0)
	for _, text := range []string{"", "Hunter2", "a.b.c", keyPEM(t, key)} {
		w.write(t, text)
		w.refuses(t, fault.FederatedTokenMalformed, "FILE", 0)
	}
	w.write(t, assertionOf(t, key, workload, exchange, time.Now().Add(-time.Second)))
	w.refuses(t, fault.FederatedTokenExpired, "FILE", 0)

	w.write(t, assertionOf(t, key, workload, exchange, soon))
	w.refuses(t, fault.FederatedTokenRejected, "AADSTS700211", 1)
	w.change(t, func(tn *simulator.Tenant) error {
		return tn.SetFederated(simulator.DefaultClientID, simulator.FederatedSeed{Issuer: "https://issuer.example", Subject: workload, PublicKey: publicPEM(t, key)})
	})
	w.write(t, assertionOf(t, key, "system:serviceaccount:default:worker", exchange, soon))
	w.refuses(t, fault.FederatedTokenRejected, "AADSTS700213", 2)
	w.write(t, assertionOf(t, key, workload, "https://elsewhere.example", soon))
	w.refuses(t, fault.FederatedTokenRejected, "AADSTS700212", 3)
	w.write(t, assertionOf(t, other, workload, exchange, soon))
	w.refuses(t, fault.CertificateRejected, "AADSTS700027", 4)
	// Our clock is late, so that the service finds the end.
	w.clock.Turn(-time.Hour)
	w.write(t, assertionOf(t, key, workload, exchange, time.Now().Add(-time.Minute)))
	w.refuses(t, fault.AssertionTimeWrong, "AADSTS700024", 5)
	w.clock.Turn(time.Hour)

	w.write(t, assertionOf(t, key, workload, exchange, soon)+"\n")
	require.NoError(t, w.works())
	require.Equal(t, 6, w.tokens())
}

// What is renewed in its place is used for the next token; until then the old token serves.
func TestCredentialsRotate(t *testing.T) {
	t.Parallel()
	key, other := keys()[0], keys()[1]
	first, second := certificateOf(t, key, yesterday, nextYear), certificateOf(t, other, yesterday, nextYear)
	trusted := func(k *rsa.PrivateKey) simulator.FederatedSeed {
		return simulator.FederatedSeed{Issuer: "https://issuer.example", Subject: workload, PublicKey: publicPEM(t, k)}
	}
	for _, test := range []struct {
		name       string
		of         func(place, func() time.Time) graph.Credential
		old, new   string
		before     func(*simulator.Tenant) error
		after      func(*simulator.Tenant) error
		withdrawn  fault.Reason
		unreadable fault.Reason
	}{
		{
			name: "secret", of: bySecret, old: "old secret", new: "new secret",
			before: func(tn *simulator.Tenant) error {
				return tn.SetSecret(simulator.DefaultClientID, "old secret", time.Time{})
			},
			after: func(tn *simulator.Tenant) error {
				return tn.SetSecret(simulator.DefaultClientID, "new secret", time.Time{})
			},
			withdrawn: fault.SecretWrong, unreadable: fault.SecretUnreadable,
		},
		{
			name: "certificate", of: byCertificate, old: first + keyPEM(t, key), new: second + keyPEM(t, other),
			before:    func(tn *simulator.Tenant) error { return tn.SetCertificates(simulator.DefaultClientID, first) },
			after:     func(tn *simulator.Tenant) error { return tn.SetCertificates(simulator.DefaultClientID, second) },
			withdrawn: fault.CertificateRejected, unreadable: fault.CertificateUnreadable,
		},
		{
			name: "federated token", of: byToken,
			old: assertionOf(t, key, workload, exchange, time.Now().Add(24*time.Hour)), new: assertionOf(t, other, workload, exchange, time.Now().Add(24*time.Hour)),
			before:    func(tn *simulator.Tenant) error { return tn.SetFederated(simulator.DefaultClientID, trusted(key)) },
			after:     func(tn *simulator.Tenant) error { return tn.SetFederated(simulator.DefaultClientID, trusted(other)) },
			withdrawn: fault.CertificateRejected, unreadable: fault.FederatedTokenUnreadable,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newSignIn(t, test.of)
			w.change(t, test.before)
			w.write(t, test.old)
			require.NoError(t, w.works())
			require.Equal(t, 1, w.tokens())

			w.write(t, test.new)
			w.change(t, test.after)
			w.clock.Turn(54 * time.Minute)
			require.NoError(t, w.works())
			require.Equal(t, 1, w.tokens(), "the old token is used to within five minutes of its end")
			w.clock.Turn(time.Minute)
			require.NoError(t, w.works())
			require.Equal(t, 2, w.tokens(), "the next token comes by what stands there now")

			// In the middle of a rotation the file may be gone for a moment: the token in hand serves on. Tokens end an hour from
			// the real time, which this clock is 55 minutes ahead of.
			require.NoError(t, os.Remove(string(w.place)))
			w.clock.Turn(4 * time.Minute)
			require.NoError(t, w.works())
			require.Equal(t, 2, w.tokens())
			w.clock.Turn(31 * time.Second)
			w.write(t, test.new)
			require.NoError(t, w.works())
			require.Equal(t, 3, w.tokens())

			// What was withdrawn is no use, and neither is what is not there, once the token has ended.
			w.write(t, test.old)
			w.clock.Turn(2 * time.Hour)
			require.True(t, fault.Is(w.works(), test.withdrawn), "%v", w.works())
			require.NoError(t, os.Remove(string(w.place)))
			require.True(t, fault.Is(w.works(), test.unreadable), "%v", w.works())
		})
	}
}

// A caller that gives up while the credential is read is no fault of the credential.
func TestCredentialIsInterrupted(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	ctx, cancel := context.WithCancel(context.Background())
	giveUp := func(context.Context) (string, error) { cancel(); return "", ctx.Err() }
	for name, credential := range map[string]graph.Credential{
		"secret": graph.SecretCredential(giveUp), "certificate": graph.CertificateCredential("c", giveUp, nil), "token": graph.FederatedCredential("t", giveUp, nil),
	} {
		s := f.settings()
		s.Credential = credential
		c, err := graph.NewPool(graph.Options{}).Client(s)
		require.NoError(t, err)
		_, err = c.FreshToken(ctx)
		require.Equal(t, fault.Transient, fault.KindOf(err), name)
		require.True(t, fault.Is(err, fault.Interrupted), name)
	}
}
