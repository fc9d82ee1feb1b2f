package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/terminal"
)

// Invalid says why a connection cannot be used.
func Invalid(connection string, test *api.TestReport) error {
	if test != nil {
		if c, failed := test.Failure(); failed {
			return session.Incomplete(cmp.Or(c.Fix, "mend the cause and test again"), "connection %s cannot be used, test of %s: %s", connection, c.Name, c.Message)
		}
	}
	return session.Incomplete("starter connection test "+connection, "connection %s cannot be used: %s", connection, fault.ConnectionInvalid.Sentence())
}

// ReportText is a connection test's report as a table, with cause and fix below what is not right.
func ReportText(r api.TestReport) string {
	var b strings.Builder
	verdict := "passed"
	if !r.OK {
		verdict = "FAILED"
	}
	fmt.Fprintf(&b, "connection test %s", verdict)
	if r.TenantName != "" || r.TenantID != "" {
		fmt.Fprintf(&b, ": tenant %s", strings.TrimSpace(r.TenantName+" "+r.TenantID))
	}
	b.WriteString("\n")
	b.WriteString(checksTable(r.Checks, "request id for Microsoft support: "))
	for _, s := range r.Sources {
		noun := "rule"
		if len(s.Rules) > 1 {
			noun = "rules"
		}
		fmt.Fprintf(&b, "source of %s %s: %s\n", noun, strings.Join(s.Rules, ", "), s.Place)
		b.WriteString(checksTable(s.Checks, "request id: "))
	}
	return b.String()
}

func checksTable(checks []api.TestCheck, request string) string {
	table := terminal.Table{Indent: "  "}
	for _, c := range checks {
		table.Row(string(c.Status), c.Name, c.Message)
		if c.Fix != "" {
			table.Row("", "", "fix: "+c.Fix)
		}
		if c.RequestID != "" {
			table.Row("", "", request+c.RequestID)
		}
	}
	return table.String()
}

// UnusableSource says which rules cannot be synced because of their source; nil where all can.
func UnusableSource(r *api.TestReport) error {
	for _, s := range r.Sources {
		if c, failed := s.Failure(); failed && c.Name == "groups" {
			return session.Incomplete(c.Fix, "not every group can be kept: %s", c.Message)
		} else if failed {
			return session.Incomplete(c.Fix, "the source of %s cannot be read, %s: %s", strings.Join(s.Rules, ", "), c.Name, c.Message)
		}
	}
	return nil
}
