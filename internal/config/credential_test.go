package config_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/secret"
)

const (
	pastedPEM = "-----BEGIN PRIVATE KEY-----\nHunter2MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
	pastedJWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJIdW50ZXIyIn0.Hunter2"
)

// with replaces line 4, which names the secret.
func with(lines string) string {
	return strings.Replace(head, "clientSecret: env:ENTRA_CLIENT_SECRET\n", lines, 1) + staff
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line string
		want config.Credential
	}{
		{"clientSecret: env:SECRET", config.Credential{Key: "clientSecret", Reference: "env:SECRET"}},
		{"clientSecret: file:secret.txt", config.Credential{Key: "clientSecret", Reference: "file:/etc/entraflow/secret.txt"}},
		{"clientCertificate: file:app.pem", config.Credential{Key: "clientCertificate", Reference: "file:/etc/entraflow/app.pem"}},
		{"clientCertificate: file:/run/app.pem", config.Credential{Key: "clientCertificate", Reference: "file:/run/app.pem"}},
		{"clientCertificate: env:CERTIFICATE", config.Credential{Key: "clientCertificate", Reference: "env:CERTIFICATE"}},
		{"federatedTokenFile: ../token", config.Credential{Key: "federatedTokenFile", Reference: "file:/etc/token"}},
		{"federatedTokenFile: /var/run/secrets/token", config.Credential{Key: "federatedTokenFile", Reference: "file:/var/run/secrets/token"}},
	} {
		f, problems := parse(with(test.line + "\n"))
		require.Empty(t, problems, test.line)
		require.Equal(t, test.want, f.Connection.Credential(), test.line)

		b, err := json.Marshal(f.Connection)
		require.NoError(t, err)
		key, _, _ := strings.Cut(test.line, ":")
		require.Contains(t, string(b), `"`+key+`":`)
		again := decode(t, string(b))
		require.Empty(t, again.Validate())
		require.True(t, config.ChangeOf(*f.Connection, again).None())
		require.Equal(t, test.want, again.Credential())
	}
	none := config.Connection{}
	require.Equal(t, config.Credential{Key: "clientSecret"}, none.Credential())
}

func TestCredentialProblems(t *testing.T) {
	t.Parallel()
	indented := "  " + strings.ReplaceAll(strings.TrimSpace(pastedPEM), "\n", "\n  ")
	for _, test := range []struct {
		name, lines string
		want        []string
	}{
		{"none", "", []string{"1: clientSecret: it is missing; write env:NAME or file:PATH|clientCertificate or federatedTokenFile instead"}},
		{"two", "clientSecret: env:A\nclientCertificate: env:B\n", []string{"5: clientCertificate: a connection has one of|keep one"}},
		{"three", "federatedTokenFile: /t\nclientCertificate: env:B\nclientSecret: env:A\n",
			[]string{"4: federatedTokenFile: a connection has one of", "5: clientCertificate: a connection has one of"}},
		{"two, and one is wrong", "clientSecret: Hunter2\nclientCertificate: env:B\n", []string{"4: clientSecret: a secret itself", "5: clientCertificate: a connection has one of"}},
		{"a path alone", "clientCertificate: app.pem\n", []string{"4: clientCertificate: this is no reference|write file: and its path"}},
		{"no name", "clientCertificate: 'env:'\n", []string{"4: clientCertificate: after env: comes the name"}},
		{"no path", "clientCertificate: 'file:'\n", []string{"4: clientCertificate: after file: comes the path"}},
		{"a pasted certificate", "clientCertificate: |\n" + indented + "\n", []string{"4: clientCertificate: a certificate or key itself must not stand in the configuration|write file:PATH"}},
		{"a certificate pasted on one line", "clientCertificate: '" + strings.ReplaceAll(pastedPEM, "\n", " ") + "'\n", []string{"4: clientCertificate: a certificate or key itself must not"}},
		{"a certificate pasted behind file:", "clientCertificate: 'file:" + strings.ReplaceAll(pastedPEM, "\n", " ") + "'\n", []string{"4: clientCertificate: a certificate or key itself must not"}},
		{"a certificate pasted without indent", "clientCertificate: " + pastedPEM, []string{"5: |check the indentation"}},
		{"a pasted key as a secret", "clientSecret: |\n" + indented + "\n", []string{"4: clientSecret: a certificate or key itself"}},
		{"a pasted token", "federatedTokenFile: " + pastedJWT + "\n", []string{"4: federatedTokenFile: a token itself must not stand|path of the file"}},
		{"a pasted token in several lines", "federatedTokenFile: |\n  Hunter2\n  Hunter2\n", []string{"4: federatedTokenFile: a token itself must not stand"}},
		{"a pasted certificate for a token", "federatedTokenFile: |\n" + indented + "\n", []string{"4: federatedTokenFile: a token itself"}},
		{"something long", "federatedTokenFile: " + strings.Repeat("Hunter2", 1000) + "\n", []string{"4: federatedTokenFile: a token itself"}},
		{"a token as a reference", "federatedTokenFile: file:/var/token\n", []string{"4: federatedTokenFile: this takes a path alone|remove file:"}},
		{"a token in a variable", "federatedTokenFile: env:TOKEN\n", []string{"4: federatedTokenFile: a token in an environment variable"}},
		{"a number", "clientCertificate: 12345678\n", []string{"4: clientCertificate: YAML reads this as a number"}},
		{"empty", "federatedTokenFile:\n", []string{"4: federatedTokenFile: it is empty"}},
		{"misspelt", "clientCertficate: env:A\n", []string{`4: clientCertficate: there is no such key; did you mean "clientCertificate"?`}},
		{"another product's name", "clientCertificatePath: a.pem\n", []string{`4: clientCertificatePath: there is no such key; did you mean "clientCertificate"?`}},
		{"a password", "clientCertificate: env:A\nclientCertificatePassword: Hunter2\n", []string{"5: clientCertificatePassword: encrypted private keys are not supported|nocrypt"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, problems := parse(with(test.lines))
			require.Len(t, problems, len(test.want), problems.Error())
			for i, want := range test.want {
				line, parts, _ := strings.Cut(want, " ")
				require.Contains(t, problems[i].String(), ":"+line)
				for _, part := range strings.Split(parts, "|") {
					require.Contains(t, problems[i].Message, part)
				}
			}
			require.NotContains(t, problems.Error(), "Hunter", "what may be a secret is not repeated")
			require.NotContains(t, problems.Error(), "eyJ")
		})
	}
}

func TestCredentialProblemsInJSON(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ with, want string }{
		{`"clientCertificate": "file:app.pem"`, "clientCertificate: the path after file: must be absolute here"},
		{`"federatedTokenFile": "token"`, "federatedTokenFile: the path must be absolute here"},
		{`"federatedTokenFile": "/etc/` + pastedJWT + `"`, "federatedTokenFile: a token itself must not stand"},
		{`"clientSecret": "env:A", "clientCertificate": "env:B"`, "clientCertificate: a connection has one of"},
		{`"clientSecret": "env:A", "clientCertificatePassword": "Hunter2"`, "clientCertificatePassword: encrypted private keys are not supported"},
		{`"clientSecret": ""`, "clientSecret: it is missing"},
	} {
		c := decode(t, replaced(t, asJSON, `"clientSecret": "env:SECRET"`, test.with))
		problems := c.Validate()
		require.Len(t, problems, 1, problems.Error())
		require.Contains(t, problems[0].String(), test.want)
		require.NotContains(t, problems.Error(), "Hunter")
	}
}

func TestCredentialChanges(t *testing.T) {
	t.Parallel()
	old := base()
	for _, change := range []func(*config.Connection){
		func(c *config.Connection) { c.ClientSecret, c.ClientCertificate = "", "env:A" },
		func(c *config.Connection) { c.ClientSecret, c.FederatedTokenFile = "", "/t" },
		func(c *config.Connection) { c.ClientCertificate = "env:B" },
	} {
		revision := base()
		change(&revision)
		got := config.ChangeOf(old, revision)
		require.Equal(t, config.Change{Credentials: true}, got)
		require.Equal(t, []string{"one", "two"}, got.Syncs(revision))
	}
}

func TestReadCredential(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "kept")
	require.NoError(t, os.WriteFile(path, []byte("first\n"), 0o600))
	for _, test := range []struct {
		connection config.Connection
		missing    fault.Reason
	}{
		{config.Connection{ClientSecret: "file:" + path}, fault.SecretUnreadable},
		{config.Connection{ClientCertificate: "file:" + path}, fault.CertificateUnreadable},
		{config.Connection{FederatedTokenFile: path}, fault.FederatedTokenUnreadable},
	} {
		credential := test.connection.Credential()
		got, err := credential.Read(context.Background(), secret.Store{})
		require.NoError(t, err)
		require.Equal(t, "first", got)

		credential.Reference += ".gone"
		_, err = credential.Read(context.Background(), secret.Store{})
		f := fault.Of(err)
		require.Equal(t, test.missing, f.Reason)
		require.Equal(t, fault.Denied, f.Kind)
		require.Equal(t, "file:"+path+".gone", f.Subject)

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = credential.Read(ctx, secret.Store{})
		require.ErrorIs(t, err, context.Canceled)
	}
	_, err := config.Credential{Key: config.KeySecret}.Read(context.Background(), secret.Store{})
	require.True(t, fault.Is(err, fault.SecretMissing))

	// What was renewed in the same place is found.
	c := config.Connection{ClientCertificate: "file:" + path}
	require.NoError(t, os.WriteFile(path, []byte("second\n"), 0o600))
	got, err := c.Credential().Read(context.Background(), secret.Store{})
	require.NoError(t, err)
	require.Equal(t, "second", got)
}
