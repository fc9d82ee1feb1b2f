package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rewrite changes the people of the source.
func (b *bench) rewrite(oldnew ...string) {
	b.t.Helper()
	replaceIn(b.t, b.people, oldnew...)
}

// replaceIn changes a file.
func replaceIn(t *testing.T, path string, oldnew ...string) {
	t.Helper()
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	after := strings.NewReplacer(oldnew...).Replace(string(before))
	require.NotEqual(t, string(before), after)
	require.NoError(t, os.WriteFile(path, []byte(after), 0o600))
}

// heldPlan is what a plan says of removals.
type heldPlan struct {
	Rules []struct {
		Guard struct {
			Hash     string
			Held     bool
			Removals int
		}
		Leavers []struct {
			User, Action, Removal, Reason string
			Held                          bool
		}
	}
}

// Seven people lose something at once. The plan and the held sync name one command, and that command carries out exactly
// what was held.
func TestHeldRemovalsAreApprovedByTheCommandThatTheSyncNames(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	b.rewrite(",true,", ",false,", "P12,true,kim,Kim King,Legal,US,SPE_E3\n", "")

	var p heldPlan
	r := b.run("plan", "-o", "json")
	require.Equal(t, 1, r.status, r.stderr)
	b.decode(r, &p)
	require.True(t, p.Rules[0].Guard.Held)
	require.Equal(t, 7, p.Rules[0].Guard.Removals)
	require.Len(t, p.Rules[0].Leavers, 1)
	require.Equal(t, "disable", p.Rules[0].Leavers[0].Removal)
	require.True(t, p.Rules[0].Leavers[0].Held)
	approve := "starter sync --connection globex --rule staff --approve-removals " + p.Rules[0].Guard.Hash
	b.steps(
		step{"plan", 1, approve},
		step{"plan", 1, "P12   disable the account (held)  person_not_found"},
		step{"sync --approve-removals " + p.Rules[0].Guard.Hash, 2, "no removals with this hash are held"},
		step{"sync", 1, "next: look at the people listed as held; if all of them are right: " + approve},
		step{"sync --approve-removals 000000000000", 2, "no removals with this hash are held"},
		step{"sync --rule staff --approve-removals 000000000000", 2, "no removals with this hash are held"},
	)
	up.until(approve)

	var s synced
	b.ok(&s, strings.Fields(strings.TrimPrefix(approve, "starter "))...)
	require.Equal(t, "completed", s.Rules[0].State)
	require.Equal(t, map[string]int{"disable": 6, "remove": 1}, s.Rules[0].Actions)
	b.steps(
		step{"sync --approve-removals " + p.Rules[0].Guard.Hash, 2, "no removals with this hash are held"},
		step{"plan", 0, "would do: none 10"},
	)
	require.Zero(t, up.end(), up.stderr)
}

// A rule is deleted twice over: once its people stay, once they are deprovisioned, with one who fails until the fault is
// gone.
func TestARuleIsDeletedWithItsPeople(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	b.steps(
		step{"rule delete staff", 2, "(about 8 by its last sync) would stay as they are, since deprovisionOnRuleDeletion is off"},
		step{"rule delete staff", 2, "next: add --confirm staff"},
		step{"rule delete staff --retry-now", 2, "rule staff is not being deleted, so there is nothing to retry"},
		step{"rule delete globex stuff --confirm stuff", 2, "stuff: the connection has no rule of this name"},
		step{"rule delete globex stuff", 2, "stuff: the connection has no rule of this name"},
		step{"rule delete globex staff --confirm staff", 0, "The rule is deleted. Its 8 accounts were left as they are"},
		step{"rule list", 0, "no rules"},
	)
	replaceIn(t, b.config, "rules:", "preferences: {deprovisionOnRuleDeletion: true}\nrules:")
	b.steps(
		step{"apply -f FILE --no-sync", 0, "staff"},
		step{"sync", 0, "staff  completed        11        7"},
		step{"rule delete staff", 2, "(about 8 by its last sync) would be disabled, since deprovisionOnRuleDeletion is on"},
	)
	var d struct {
		Deprovision                 bool
		Linked, Deprovisioned, Left int
		Message, WorkflowID, URL    string
		Failed                      int
	}
	b.ok(&d, "rule", "delete", "globex", "staff", "--confirm", "staff")
	require.True(t, d.Deprovision)
	require.Equal(t, []int{8, 8, 0, 0}, []int{d.Linked, d.Deprovisioned, d.Left, d.Failed})
	require.Equal(t, "delete-rule/globex/staff", d.WorkflowID)
	require.Contains(t, d.URL, "/workflows/delete-rule%2Fglobex%2Fstaff")
	up.until("rule staff: deleted")
	b.steps(
		step{"rule delete staff --confirm staff", 2, "staff: the connection has no rule of this name"},
		step{"connection delete", 2, "deleting globex needs a confirmation"},
		step{"connection delete --confirm globex", 0, "deleted"},
		step{"connection list", 0, "there is no connection yet"},
	)
	require.Zero(t, up.end(), up.stderr)
}

// One account of the rule cannot be deprovisioned, because it comes from an on-premises directory. When everybody else is
// settled the command names it, says that it is tried again, and ends; that stops nothing.
func TestADeletionThatCannotSettleSomebodySaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	replaceIn(t, filepath.Join(b.dir, "simulator.yaml"),
		"roles: [Application", "extensionProperties: [{name: entraflowLink, targetObjects: [User, Group]}, {name: entraflowMark, targetObjects: [User, Group]}]\n        roles: [Application",
		"    users:\n", "    users:\n      - {userPrincipalName: old@globex.example, displayName: Old One, mailNickname: old, accountEnabled: true, onPremisesSyncEnabled: true, "+
			"extension_8b1e4d272f5a4d9cb6a37c1d2e3f4a55_entraflowLink: globex/staff/P77}\n")
	replaceIn(t, b.config, "rules:", "preferences: {deprovisionOnRuleDeletion: true}\nrules:")
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	b.steps(step{"plan", 0, "P77  account_synced_from_on_premises"})

	deletion := b.run("rule", "delete", "staff", "--confirm", "staff")
	require.Equal(t, 1, deletion.status, deletion.stderr)
	for _, text := range []string{
		"rule staff is being deleted: 8 of 9 accounts settled, 1 failed so far", "P77  Failed  account_synced_from_on_premises",
		"they are tried again by and by; at once with: starter rule delete globex staff --retry-now", "/workflows/delete-rule%2Fglobex%2Fstaff",
	} {
		require.Contains(t, deletion.stdout, text)
	}
	require.Contains(t, deletion.stderr, "1 of 9 people of rule staff could not be settled; the deletion goes on by itself")
	require.Contains(t, deletion.stderr, "starter rule delete globex staff --confirm staff shows how far it is")
	// Asked to try at once, it waits for that and not for what was there before.
	again := b.run("rule", "delete", "staff", "--retry-now", "-o", "json")
	require.Equal(t, 1, again.status, again.stderr)
	var d struct {
		Pass, Failed, Deprovisioned int
		Waiting                     bool
	}
	b.decode(again, &d)
	require.Equal(t, []int{2, 1, 8}, []int{d.Pass, d.Failed, d.Deprovisioned})
	require.True(t, d.Waiting)
	up.until("rule staff: being deleted; starter rule delete globex staff --confirm staff shows how far it is")
	b.steps(
		step{"rule list", 0, "staff  being deleted"},
		step{"rule delete staff", 2, "rule staff is being deleted already"},
		step{"rule enable staff", 2, "the rule is being deleted"},
		step{"rule delete staff --confirm staff --no-wait", 0, "1 person could not be settled"},
		step{"rule delete staff --retry-now --no-wait", 0, "of 9 accounts settled"}, // Another pass has just begun.
		step{"rule delete staff --confirm staff", 1, "P77  Failed  account_synced_from_on_premises"},
		step{"connection delete globex --confirm globex", 2, "the connection still has rules"},
	)
	require.Zero(t, up.end(), up.stderr)
}

// Two settings contradict each other: the command says which, and ends; the deletion goes on when one of them has changed.
func TestADeletionThatASettingForbidsSaysWhichOne(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	replaceIn(t, b.config, "rules:", "preferences: {deprovisionOnRuleDeletion: true, allowDeprovision: false}\nrules:")
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	deletion := b.run("rule", "delete", "staff", "--confirm", "staff")
	require.Equal(t, 1, deletion.status, deletion.stderr)
	require.Contains(t, deletion.stdout, "Switch allowDeprovision on and let the policy be sync; or switch deprovisionOnRuleDeletion off")
	require.Contains(t, deletion.stderr, "the deletion of rule staff waits for a setting to change (deprovision_not_allowed), and then goes on by itself")
	replaceIn(t, b.config, "allowDeprovision: false", "allowDeprovision: true")
	b.steps(step{"apply -f FILE", 0, "allow switches or the remove action changed"})
	up.until("rule staff: deleted")
	require.Zero(t, up.end(), up.stderr)
}

// A connection that loses its credential while `up` runs is told of with its cause and the next step, and so is its return.
func TestUpTellsOfAConnectionThatBecameInvalid(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")
	secret := filepath.Join(b.dir, "secret.txt")
	right, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(secret, []byte("another one\n"), 0o600))
	b.steps(step{"connection test", 1, "the client secret is wrong"})
	up.until("connection globex cannot be used, test of token: ")
	up.until("  next: copy the secret's Value")
	up.until("  then: starter connection test globex")
	require.NoError(t, os.WriteFile(secret, right, 0o600))
	b.steps(step{"connection test", 0, "connection test passed"})
	up.until("connection globex is valid again; its syncs go on")
	require.Zero(t, up.end(), up.stderr)
}
