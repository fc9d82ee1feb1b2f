package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shown is what the tests read of `user show -o json`.
type shown struct {
	User   string
	Source []struct {
		Rule                                string
		Found, InScope, Provisions, Enabled bool
		Reason                              string
		Record                              map[string]any
	}
	Accounts []struct {
		ID, UserPrincipalName, Found, Link, MarkText string
		Enabled                                      bool
		Licenses                                     []struct {
			SKUPartNumber string
			Direct        bool
		}
	}
	Next     struct{ Action, Outcome, Reason, Removal string }
	NextText string
	Runs     []struct{ Type, Status, Action, Outcome, Reason string }
}

// One person is shown, provisioned step by step and deprovisioned; what the steps find is what the run then does.
func TestOnePersonIsShownProvisionedAndDeprovisioned(t *testing.T) {
	t.Parallel()
	b := setup(t).withServer()
	// An account that nobody knows yet, and one with a license from a group.
	replaceIn(t, filepath.Join(b.dir, "simulator.yaml"), "    users:\n",
		"    groups: [{displayName: Suite, mailNickname: suite, mailEnabled: false, securityEnabled: true, licenses: [SPE_E3], members: [cy@globex.example]}]\n"+
			"    users:\n      - {userPrincipalName: pia@globex.example, displayName: Pia Park, mailNickname: pia, accountEnabled: true}\n")
	up := b.start("up", "-f", b.config)
	up.until("running; Ctrl-C stops everything")

	var s shown
	b.ok(&s, "user", "show", "globex", "P01")
	require.Equal(t, "Ada Adams", s.Source[0].Record["display"], "values are shown to whoever asks at the terminal")
	require.True(t, s.Source[0].Found && s.Source[0].InScope && s.Source[0].Provisions && s.Source[0].Enabled)
	require.Len(t, s.Accounts, 1)
	require.Equal(t, "ada@globex.example", s.Accounts[0].UserPrincipalName)
	require.Equal(t, "globex/staff/P01", s.Accounts[0].Link)
	require.Equal(t, "created by entraflow; licenses assigned by entraflow: SPE_E3", s.Accounts[0].MarkText)
	require.Equal(t, "SPE_E3", s.Accounts[0].Licenses[0].SKUPartNumber)
	require.True(t, s.Accounts[0].Licenses[0].Direct)
	require.Equal(t, "nothing: everything is right", s.NextText)
	// The list of runs learns late of their end.
	require.Eventually(t, func() bool {
		b.ok(&s, "user", "show", "P01")
		return len(s.Runs) == 1 && s.Runs[0].Action == "create"
	}, 20*time.Second, 200*time.Millisecond)
	require.Equal(t, "ProvisionUser", s.Runs[0].Type)
	require.Equal(t, "Success", s.Runs[0].Outcome)

	b.steps(
		step{"user show globex P01", 0, "created by entraflow; licenses assigned by entraflow: SPE_E3"},
		step{"user show P08", 0, "nothing: the rule's filter does not include this person"},
		step{"user show P99", 0, "nothing: no source of an enabled rule has a person with this id"},
		step{"user show P06", 0, "usage_location_invalid"},
		step{"user show nosuch P01", 2, "there is no connection of this name"},
		step{"user provision P08", 2, "3  scope       stop"},
		step{"user provision globex P99", 2, "2  read        stop"},
		step{"user provision P06", 1, "4  match       stop"},
		step{"user provision P01", 0, "5  act         ok  Already right; nothing was written"},
		step{"user deprovision P01", 2, "the person is in scope of an enabled rule"},
		step{"user deprovision P01 --confirm P01", 2, "the person is in scope of an enabled rule"},
		step{"user deprovision P01 --confirm P02", 2, `the confirmation "P02" is not the name "P01"`},
	)

	b.ok(&s, "user", "show", "P03")
	require.Equal(t, "existed before and was adopted", s.Accounts[0].MarkText)
	require.Len(t, s.Accounts[0].Licenses, 1)
	require.False(t, s.Accounts[0].Licenses[0].Direct, "the license comes from the group")
	require.Equal(t, "SPE_E3", s.Accounts[0].Licenses[0].SKUPartNumber)
	b.steps(step{"user show P03", 0, "SPE_E3, inherited from group "})

	b.rewrite("P12,true,kim", "P14,true,pia,Pia Park,Legal,US,\nP12,true,kim")
	b.ok(&s, "user", "show", "P14")
	require.Equal(t, "name", s.Accounts[0].Found)
	require.Equal(t, "adopt", s.Next.Action)
	b.steps(step{"user provision P14 --dry-run", 0, "has the person's name, and no link to them"})

	// A new person: a dry run tells, and only the run without it creates.
	b.rewrite("P12,true,kim", "P13,true,lou,Lou Lake,Legal,US,SPE_E3\nP12,true,kim", "Ada Adams", "Ada Ahrens")
	var dry struct {
		Action, Outcome, AccountID string
		Steps                      []struct{ Step, Verdict, Found string }
	}
	b.ok(&dry, "user", "provision", "globex", "P13", "--dry-run")
	require.Len(t, dry.Steps, 5)
	require.Equal(t, "create", dry.Action)
	require.Equal(t, "would do: create the account; licenses +SPE_E3; this was a dry run", dry.Steps[4].Found)
	require.Equal(t, "no account carries the person's link or has their name", dry.Steps[3].Found)
	b.steps(
		step{"user show P13", 0, "account: none"},
		step{"user show P13", 0, "last runs: none is kept"},
		step{"user provision P13", 0, "Done: the account was created"},
		step{"user provision P13 --dry-run", 0, "carries the person's link"},
		step{"user provision P01 --dry-run", 0, "would do: update the account (displayName)"},
		step{"user provision P01 --same-person", 0, "Done: the account was updated (displayName)"},
	)

	// Somebody of whom it cannot be read whether they are enabled; nothing ever ran about them, so there is no page to open.
	b.rewrite("P13,true,lou", "P15,maybe,mia,Mia Moss,Legal,US,\nP13,true,lou")
	b.steps(
		step{"user show P15", 0, "enabled?  in"},
		step{"user provision P15", 1, "3  scope       stop  rule staff: includes the person; people.csv, line "},
		step{"user deprovision P99", 2, "no account carries this person's link, so there is nothing to do"},
	)
	for _, line := range []string{"user show P15", "user provision P15"} {
		require.NotContains(t, b.run(strings.Fields(line)...).stdout, "/workflows/", line)
	}
	b.rewrite("P15,maybe,mia,Mia Moss,Legal,US,\n", "")

	// A person who left.
	b.rewrite("P13,true,lou,Lou Lake,Legal,US,SPE_E3\n", "")
	b.ok(&s, "user", "show", "P13")
	require.Equal(t, "remove", s.Next.Action)
	require.Equal(t, "disable", s.Next.Removal)
	b.steps(
		step{"user deprovision P13", 2, "it would disable the account"},
		step{"user deprovision P13", 2, "next: add --confirm P13"},
		step{"user deprovision globex P13 --confirm P13", 0, "Done: the person was deprovisioned"},
		step{"user show P13", 0, "disabled by entraflow because the person left: deprovisioned"},
		step{"user show P13", 0, "nothing: the person left and is deprovisioned"},
		step{"user deprovision globex P13 --confirm P13", 0, "nothing was written"},
		step{"connection disable", 0, "the connection is disabled"},
		step{"user show P01", 0, "nothing: globex: the connection is disabled; enable it first"},
		step{"user provision P01", 2, "1  connection  stop"},
		step{"user deprovision P13 --confirm P13", 2, "the connection is disabled"},
	)
	require.Zero(t, up.end(), up.stderr)
}
