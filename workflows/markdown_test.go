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
	require.Equal(t, "`"+strings.Repeat("é", 60)+"…`", person(strings.Repeat("é", 200)), "the fence is closed")
	const hostile = "[sign in](https://evil/)\n|"
	note := api.PersonNote{User: hostile, Outcome: plan.Failed, Reason: fault.MappingFailed, Subject: hostile}
	report := SyncReport(api.SyncResult{Problems: []api.PersonNote{note}, DeprovisionList: []string{hostile}})
	require.NotContains(t, report, ": [sign")
	require.Contains(t, report, "- `[sign in](https://evil/)\uFFFD|`: Failed, mapping_failed (`[sign in](https://evil/)\uFFFD|`)\n")
	require.Contains(t, report, "To be deprovisioned: `[sign in](https://evil/)\uFFFD|`\n")
}
