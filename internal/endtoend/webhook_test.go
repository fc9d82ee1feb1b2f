package endtoend_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/pingonesim"
	"github.com/entraflow/entraflow/internal/source/pingone"
)

// People of PingOne become accounts, and an event that PingOne sends brings a change to the tenant before the next sync.
func TestPingOneAndItsWebhooks(t *testing.T) {
	const environment, application = "3f0c0000-0000-4000-8000-000000000001", "8a1c0000-0000-4000-8000-000000000002"
	var users []pingonesim.User
	for i := range 30 {
		users = append(users, pingonesim.User{"id": fmt.Sprintf("u%02d", i), "username": fmt.Sprintf("user%02d", i), "enabled": true, "title": "Clerk",
			"name": map[string]any{"given": "Ann", "family": fmt.Sprintf("Lee%02d", i)}})
	}
	server, err := pingonesim.Start(pingonesim.Options{EnvironmentID: environment, ClientID: application, ClientSecret: "right", Users: users})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	t.Setenv("ENTRAFLOW_PINGONE_API_ENDPOINT", server.URL)
	t.Setenv("ENTRAFLOW_PINGONE_AUTH_ENDPOINT", server.URL)
	t.Setenv("ENTRAFLOW_PINGONE_CA", write("ca.pem", string(server.Certificate)))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())

	k := testkit.Start(t, testkit.Options{Environment: func(e *engine.Environment) {
		e.WebhookAddress, e.WebhookSecret = address, "file:"+write("webhook", "let-me-in")
	}})
	c := k.Config()
	c.Rules[0].Source = config.Source{Settings: &pingone.Settings{PingOne: pingone.Environment{
		EnvironmentID: environment, Region: "eu", ClientID: application, ClientSecret: "file:" + write("secret", "right"),
	}}}
	c.Rules[0].Mappings = map[string]config.Mapping{
		directory.UserPrincipalName: {Expression: `user.username + "@contoso.com"`},
		directory.DisplayName:       {Expression: `user.name.given + " " + user.name.family`},
		directory.MailNickname:      {Expression: `user.username`},
		"jobTitle":                  {Expression: `user.title`},
		directory.Password:          {Expression: `randomPassword(24)`},
	}
	synced(t, k, c)
	require.Len(t, k.Havings(), 30)
	k.MustSync("staff")
	k.AwaitSynced()

	send := func(kind, id string) int {
		body := fmt.Sprintf(`[{"id":"%s-%s","action":{"type":"%s"},"resources":[{"type":"USER","id":"%s","environment":{"id":"%s"}}],"result":{"status":"SUCCESS"}}]`, kind, id, kind, id, environment)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/webhooks/pingone/contoso", strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer let-me-in")
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	server.Set(func(all []pingonesim.User) []pingonesim.User {
		for i := range all {
			if all[i]["id"] == "u07" {
				all[i]["title"] = "Boss"
			}
		}
		return all[:29]
	})
	require.Equal(t, http.StatusOK, send("USER.UPDATED", "u07"))
	require.Equal(t, http.StatusOK, send("USER.DELETED", "u29"))
	require.Equal(t, http.StatusOK, send("USER.DELETED", "u28"), "an event is a hint: u28 is still there")
	require.Eventually(t, func() bool {
		boss, _ := k.User("user07")
		gone, _ := k.User("user29")
		return boss.Properties["jobTitle"] == "Boss" && !gone.AccountEnabled
	}, 20*time.Second, 20*time.Millisecond)
	still, _ := k.User("user28")
	require.True(t, still.AccountEnabled)
	k.ReplayAll()
}
