package workflows

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

func TestTextsFromOutsideMeanNothingInMarkdown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "",
		"E1":                      "`E1`",
		"[x](https://evil/)":      "`[x](https://evil/)`",
		"a`b":                     "``a`b``",
		"`a``":                    "``` `a`` ```",
		"<img src=x>\n# heading":  "`<img src=x>\uFFFD# heading`",
		"**bold** \x1b[2J _soft_": "`**bold** \uFFFD[2J _soft_`",
	} {
		require.Equal(t, want, code(text))
	}
	require.Equal(t, strings.Repeat("é", 60)+"…", person(strings.Repeat("é", 200)))
	require.Equal(t, "`"+strings.Repeat("é.", 40)+"…`", person(strings.Repeat("é.", 200)), "the fence is closed")
	const hostile = "[sign in](https://evil/)\n|"
	note := api.PersonNote{User: hostile, Outcome: plan.Failed, Reason: fault.MappingFailed, Subject: hostile}
	report := SyncReport(api.SyncResult{Problems: []api.PersonNote{note}, DeprovisionList: []string{hostile}})
	require.NotContains(t, report, ": [sign")
	require.Contains(t, report, "- `[sign in](https://evil/)\uFFFD|`: Failed, mapping_failed (`[sign in](https://evil/)\uFFFD|`)\n")
	require.Contains(t, report, "To be deprovisioned: `[sign in](https://evil/)\uFFFD|`\n")
}

// The timeline of the Web UI shows summaries as they are: an id that means nothing in Markdown stands there without marks of code.
func TestSummariesArePlainWhereTheyCanBe(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"E10001", "3f0c8a1e-0000-4000-8000-000000000001", "a_b", "Müller", "7"} {
		require.Equal(t, "Create the account of "+user, planSummary(user, api.Planned{Action: plan.Create}))
		require.Equal(t, "Compare "+user+" with the account and write what differs", (&userRun{in: api.UserInput{User: user}}).provisionSummary())
	}
	for _, user := range []string{"_a_", "__a__", "a--b", "*a*", "-a", "a-", "~a~", "a.example", "www.a.example", "a@b.example", "https://a", "[a](b)", "<b>", "a b", "a`b", "a\nb", "…", "#1", "1)"} {
		require.Equal(t, "Create the account of "+code(user), planSummary(user, api.Planned{Action: plan.Create}))
		require.Contains(t, (&userRun{in: api.UserInput{User: user}}).provisionSummary(), code(user))
	}
}
