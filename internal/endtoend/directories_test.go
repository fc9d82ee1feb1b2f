package endtoend_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/source/ldap"
)

// A change in a directory is at the tenant a moment later, and one that happened while no worker ran is there when one runs again.
// ENTRAFLOW_LAB_EVENTS says how many changes are timed.
func TestChangesInDirectories(t *testing.T) {
	events := 20
	if text := os.Getenv("ENTRAFLOW_LAB_EVENTS"); text != "" {
		var err error
		events, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	content := ldapserver.Content{People: 40}
	for name, run := range map[string]func(t *testing.T) *ldapserver.Server{
		"OpenLDAP": func(t *testing.T) *ldapserver.Server {
			return ldapserver.RunSlapd(t, ldapserver.Slapd{Content: content})
		},
		"Active Directory": func(t *testing.T) *ldapserver.Server {
			return ldapserver.RunActiveDirectory(t, ldapserver.ActiveDirectory{Content: content, Replicator: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t)
			k := testkit.Start(t, testkit.Options{Watch: true})
			synced(t, k, ofDirectory(t, k, s))
			k.AwaitSynced()
			awaitWatch(t, k)
			admin := s.Admin(t)
			change := func(i int, title string) {
				m := goldap.NewModifyRequest(s.PersonDN(i), nil)
				m.Replace("title", []string{title})
				require.NoError(t, admin.Modify(m))
			}
			arrived := func(i int, title string) func() bool {
				return func() bool {
					u, _ := k.User(ldapserver.PersonOf(i).Login)
					return u.Properties["jobTitle"] == title
				}
			}

			var took []time.Duration
			for n := range events {
				title := strconv.Itoa(n)
				begin := time.Now()
				change(n%content.People, title)
				require.Eventually(t, arrived(n%content.People, title), 30*time.Second, 2*time.Millisecond)
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			t.Logf("%d changes, from the directory to the tenant: median %s, 99th percentile %s", events,
				took[events/2].Round(time.Millisecond), took[events*99/100].Round(time.Millisecond))

			k.StopWorker()
			for i := range content.People {
				change(i, "While nobody listened")
			}
			k.StartWorker()
			for i := range content.People {
				require.Eventually(t, arrived(i, "While nobody listened"), 60*time.Second, 20*time.Millisecond)
			}

			// Who is deleted loses the account, because the directory itself says that nobody has that id any more.
			k.MustSync("staff")
			require.NoError(t, admin.Del(goldap.NewDelRequest(s.PersonDN(0), nil)))
			require.Eventually(t, func() bool {
				u, _ := k.User(ldapserver.PersonOf(0).Login)
				return !u.AccountEnabled
			}, 30*time.Second, 20*time.Millisecond)
		})
	}
}

// ofDirectory is a connection whose rule reads the people of a directory server.
func ofDirectory(t *testing.T, k *testkit.Kit, s *ldapserver.Server) config.Connection {
	t.Helper()
	password := filepath.Join(k.Dir, "password")
	require.NoError(t, os.WriteFile(password, []byte(s.ServicePassword), 0o600))
	c := k.Config()
	c.Rules[0].Source = config.Source{Settings: &ldap.Settings{LDAP: ldap.Directory{
		URL: ldap.URLs{s.LDAPS}, CA: "file:" + s.CA, BindDN: s.ServiceDN, BindPassword: "file:" + password, BaseDN: s.PeopleDN,
	}}}
	c.Rules[0].Filter = ""
	c.Rules[0].Mappings = map[string]config.Mapping{
		directory.UserPrincipalName: {Expression: `user.mail.split("@")[0] + "@contoso.com"`},
		directory.MailNickname:      {Expression: `user.mail.split("@")[0]`},
		directory.DisplayName:       {Expression: `user.displayName`},
		"jobTitle":                  {Expression: `user.title`},
		directory.Password:          {Expression: `randomPassword(24)`},
	}
	return c
}
