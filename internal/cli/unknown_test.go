package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// guests is a second rule, so that a connection goes on when its first one is disabled.
const guests = `
  - name: guests
    source: {file: guests.csv}
    mappings:
      userPrincipalName: 'user.name + "@globex.example"'
      displayName: 'user.name'
      mailNickname: 'user.name'
      password: 'randomPassword(24)'
`

// What could not be read is said to be unknown, and never to be absent.
func TestWhatCouldNotBeReadIsSaidToBeUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	config, err := os.ReadFile(b.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(b.config, append(config, guests...), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "guests.csv"), []byte("id,name\nG01,gil\n"), 0o600))
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")

	// With a wrong secret the tenant cannot be asked. The account exists.
	secret := filepath.Join(b.dir, "secret.txt")
	right, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(secret, []byte("another one\n"), 0o600))
	r := b.run("user", "show", "P01")
	require.Equal(t, 0, r.status, r.stderr)
	require.Contains(t, r.stdout, "account: unknown, since the tenant could not be read: ")
	require.NotContains(t, r.stdout, "account: none")
	var s struct {
		Accounts       []any
		AccountsUnread struct{ Reason, Message string }
		Source         []struct{ Rule, Person, Filter string }
	}
	b.ok(&s, "user", "show", "P01")
	require.Equal(t, "secret_wrong", s.AccountsUnread.Reason)
	b.steps(step{"user provision P01 --dry-run", 1, "whether there is an account is unknown: the tenant could not be read"})
	require.NoError(t, os.WriteFile(secret, right, 0o600))

	// The person is at the source of a rule that is disabled.
	b.steps(
		step{"rule disable staff", 0, "the rule is disabled"},
		step{"user provision P01", 2, "in people.csv, 7 columns, enabled (rule staff is not enabled)"},
		step{"user provision P01", 2, "rule staff: the rule is disabled; enable it first (rule_disabled)"},
		step{"user show P01", 0, "the rule is disabled; enable it first"},
		step{"user provision P99", 2, "no source of an enabled rule has a person with this id"},
		step{"rule enable staff", 0, "the rule is enabled"},
	)

	// Looking on starts nothing.
	require.Eventually(t, func() bool {
		return strings.Contains(b.run("sync", "--follow").stdout, "no sync of connection globex is running")
	}, 20*time.Second, 200*time.Millisecond)
	var before, after struct {
		Syncs map[string]struct{ RunID string }
	}
	b.ok(&before, "rule", "list")
	b.steps(step{"sync --follow --rule staff", 0, "no sync of connection globex is running"}, step{"sync --follow --no-wait", 2, "follow"})
	b.ok(&after, "rule", "list")
	require.Equal(t, before, after)
	changed, err := os.ReadFile(b.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(b.config, []byte(strings.Replace(string(changed), "user.department'", "user.department + \" dept\"'", 1)), 0o600))
	b.steps(step{"apply -f FILE", 0, "`starter sync --follow` shows how far they are"})

	// A source that cannot be read does not say that it has nobody.
	require.NoError(t, os.Rename(b.people, b.people+".away"))
	b.ok(&s, "user", "show", "P01")
	require.Equal(t, "unknown", s.Source[0].Person)
	require.Equal(t, "unknown", s.Source[0].Filter)
	require.Equal(t, "no", s.Source[1].Person)
	r = b.run("user", "show", "P01")
	require.NotContains(t, r.stdout, "not found  out")
	require.NoError(t, os.Rename(b.people+".away", b.people))
	require.Zero(t, up.end(), up.stderr)
}

// A read of a pipe into which nobody writes never ends. One signal ends the command all the same.
func TestOneSignalEndsACommandThatHangs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pipe := filepath.Join(b.dir, "pipe.yaml")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, line := range []string{"connection test -f " + pipe, "plan -f " + pipe, "up -f " + pipe} {
		bg := b.start(strings.Fields(line)...)
		require.Equal(t, 1, bg.end(), line)
		require.Contains(t, bg.stderr.String(), "interrupted", line)
	}
}
