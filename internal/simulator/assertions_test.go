package simulator_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

func publicPEM(t *testing.T, key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func certificateDER(t *testing.T, key *rsa.PrivateKey, to time.Time) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(to.UnixNano()), NotBefore: to.Add(-24 * time.Hour), NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return der
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	good, expired := certificateDER(t, key, time.Now().Add(time.Hour)), certificateDER(t, key, time.Now().Add(-time.Hour))
	asPEM := func(der []byte) simulator.CertificateSeed {
		private, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		// The client's own file will do: nothing of its key is kept.
		return simulator.CertificateSeed{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})) +
			string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
	}
	seed := simulator.DefaultSeed()
	app := &seed.Tenants[0].Apps[0]
	app.Certificates = []simulator.CertificateSeed{{PEM: publicPEM(t, key)}}
	app.Federated = []simulator.FederatedSeed{
		{Issuer: "https://issuer.example", Subject: "workload", PublicKey: publicPEM(t, key)},
		{Issuer: "https://issuer.example", Subject: "other", Audience: "api://mine", PublicKey: publicPEM(t, key)},
	}
	second := *app
	second.ClientID, second.ObjectID, second.Federated = "11111111-2222-4333-8444-555555555555", "", nil
	second.Certificates = []simulator.CertificateSeed{asPEM(expired), asPEM(good)}
	seed.Tenants[0].Apps = append(seed.Tenants[0].Apps, second)
	w := start(t, simulator.Options{Seed: seed})

	token := w.s.URL() + "/" + simulator.DefaultTenantID + "/oauth2/v2.0/token"
	const own, issuer, exchange = simulator.DefaultClientID, "https://issuer.example", "api://AzureADTokenExchange"
	sha2 := func(der []byte) string {
		sum := sha256.Sum256(der)
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	for name, tc := range map[string]struct {
		client, iss, sub, aud, x5t string
		key                        *rsa.PrivateKey
		life                       time.Duration
		number                     float64
		text                       string
	}{
		"bare key":                   {client: own, iss: own, sub: own, aud: token},
		"bare key, old":              {client: own, iss: own, sub: own, aud: token, life: -time.Minute, number: 700024},
		"bare key, other audience":   {client: own, iss: own, sub: own, aud: "https://elsewhere.example", number: 700023},
		"bare key, other subject":    {client: own, iss: own, sub: issuer, aud: token, number: 700021},
		"bare key, not registered":   {client: own, iss: own, sub: own, aud: token, key: stranger, number: 700027, text: "The key was not found"},
		"certificate":                {client: second.ClientID, iss: second.ClientID, sub: second.ClientID, aud: token, x5t: sha2(good)},
		"certificate, expired":       {client: second.ClientID, iss: second.ClientID, sub: second.ClientID, aud: token, x5t: sha2(expired), number: 700027, text: "The key used is expired"},
		"certificate, not named":     {client: second.ClientID, iss: second.ClientID, sub: second.ClientID, aud: token, number: 700027, text: "The key was not found"},
		"certificate, other's key":   {client: second.ClientID, iss: second.ClientID, sub: second.ClientID, aud: token, x5t: sha2(good), key: stranger, number: 700027, text: "signature value"},
		"federated":                  {client: own, iss: issuer, sub: "workload", aud: exchange},
		"federated, own audience":    {client: own, iss: issuer, sub: "other", aud: "api://mine"},
		"federated, old":             {client: own, iss: issuer, sub: "workload", aud: exchange, life: -time.Minute, number: 700024},
		"federated, stranger":        {client: own, iss: issuer, sub: "nobody", aud: exchange, number: 700213},
		"federated, other case":      {client: own, iss: issuer, sub: "Workload", aud: exchange, number: 7002138},
		"federated, other issuer":    {client: own, iss: issuer + "/", sub: "workload", aud: exchange, number: 700211},
		"federated, other audience":  {client: own, iss: issuer, sub: "other", aud: exchange, number: 700212},
		"federated, other signature": {client: own, iss: issuer, sub: "workload", aud: exchange, key: stranger, number: 700027},
		"federated, none":            {client: second.ClientID, iss: issuer, sub: "workload", aud: exchange, number: 700211},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.life == 0 {
				tc.life = time.Minute
			}
			if tc.key == nil {
				tc.key = key
			}
			made := jwt.NewWithClaims(jwt.SigningMethodPS256, jwt.MapClaims{"iss": tc.iss, "sub": tc.sub, "aud": tc.aud, "exp": time.Now().Add(tc.life).Unix()})
			if tc.x5t != "" {
				made.Header["x5t#S256"] = tc.x5t
			}
			raw, err := made.SignedString(tc.key)
			require.NoError(t, err)
			f := form()
			f.Del("client_secret")
			f.Set("client_id", tc.client)
			f.Set("client_assertion", raw)
			f.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			status, body := w.login(simulator.DefaultTenantID, f)
			if tc.number == 0 {
				require.Equal(t, 200, status, body)
				return
			}
			require.Equal(t, 401, status)
			require.Equal(t, "invalid_client", body["error"])
			require.Equal(t, []any{tc.number}, body["error_codes"], body)
			require.Contains(t, body["error_description"], tc.text)
		})
	}

	// The older thumbprint, in the alphabet of URLs.
	sum := sha1.Sum(good)
	made := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": second.ClientID, "sub": second.ClientID, "aud": token, "exp": time.Now().Add(time.Minute).Unix()})
	made.Header["x5t"] = base64.RawURLEncoding.EncodeToString(sum[:])
	raw, err := made.SignedString(key)
	require.NoError(t, err)
	f := form()
	f.Del("client_secret")
	f.Set("client_id", second.ClientID)
	f.Set("client_assertion", raw)
	f.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	status, body := w.login(simulator.DefaultTenantID, f)
	require.Equal(t, 200, status, body)
}

// A world that was saved takes the same certificates and tokens, and its file holds no private key.
func TestCredentialsAreSaved(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	both := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificateDER(t, key, time.Now().Add(time.Hour))}))
	w := start(t, simulator.Options{})
	w.s.Mutate(func(tn *simulator.Tenant) {
		require.NoError(t, tn.SetCertificates(simulator.DefaultClientID, both))
		require.NoError(t, tn.SetFederated(simulator.DefaultClientID, simulator.FederatedSeed{Issuer: "https://issuer.example", Subject: "workload", PublicKey: publicPEM(t, key)}))
		require.Error(t, tn.SetCertificates(simulator.DefaultClientID, "Hunter2"))
		require.Error(t, tn.SetFederated(simulator.DefaultClientID, simulator.FederatedSeed{}))
		require.Error(t, tn.SetCertificates("99999999-2222-4333-8444-555555555555"))
	})
	path := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, w.s.Save(path))
	seed, err := simulator.LoadState(path)
	require.NoError(t, err)
	app := seed.Tenants[0].Apps[0]
	require.Len(t, app.Certificates, 1)
	require.NotContains(t, app.Certificates[0].PEM, "PRIVATE")
	require.Equal(t, "workload", app.Federated[0].Subject)
	again, err := simulator.Start(simulator.Options{Seed: seed})
	require.NoError(t, err)
	require.NoError(t, again.Close())
}
