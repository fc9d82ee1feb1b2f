package group

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	cliplan "github.com/entraflow/entraflow/internal/cli/plan"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/terminal"
)

// listed is the JSON of `group list`.
type listed struct {
	Connection string       `json:"connection"`
	Rules      []listedRule `json:"rules"`
}

// listedRule are the groups of one rule.
type listedRule struct {
	Rule string `json:"rule"`
	cliplan.PlannedGroups
	// Members is how many members each group of the tenant has, by its object id.
	Members map[string]int `json:"members"`
}

func (a command) listCommand() *cobra.Command {
	var connection, rule string
	c := &cobra.Command{
		Use:   "list [--connection NAME] [--rule NAME]",
		Short: "List the groups of a connection's rules, and what differs",
		Long: `list reads the groups at the source and in the tenant, in this process, and writes nothing. It names each group that a rule
picks, where it is in the tenant, how many members it has there, and how many would be added and removed.`,
		Example: "  go run ./starter group list --connection contoso",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, worlds, err := a.read(cmd.Context(), connection, rule)
			if err != nil {
				return err
			}
			out := listed{Connection: d.Config.Name}
			var b strings.Builder
			for _, w := range worlds {
				r := listedRule{Rule: w.rule, PlannedGroups: *cliplan.SummarizeGroups(w.plan, true), Members: w.counts()}
				out.Rules = append(out.Rules, r)
				b.WriteString(r.text())
			}
			return a.Print(out, b.String())
		},
	}
	c.Flags().StringVar(&connection, "connection", "", "connection; may be left out where there is only one")
	c.Flags().StringVar(&rule, "rule", "", "rule; without it, all enabled rules that have groups")
	return c
}

// counts are the members of the tenant's groups that were read.
func (w world) counts() map[string]int {
	out := map[string]int{}
	for id, read := range w.in.Members {
		if read.Err == nil {
			out[id] = len(read.Accounts)
		}
	}
	return out
}

func (r listedRule) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule %s: %d groups\n", r.Rule, r.Impacted)
	table := terminal.Table{Header: []string{"GROUP", "IN THE TENANT", "MEMBERS", "ADD", "REMOVE", "WAITING", "OUTCOME", "REASON"}, Right: []int{2, 3, 4, 5}, Indent: "  "}
	for _, g := range r.Changes {
		target := "none yet"
		members := ""
		if g.Target != "" {
			target = g.Target
		}
		if n, read := r.Members[g.Target]; read {
			members = strconv.Itoa(n)
		}
		if g.Action == membership.Create {
			target = "to be created"
		}
		table.Row(cliplan.Named(g), target, members, strconv.Itoa(len(g.Adds)), strconv.Itoa(len(g.Removes)), strconv.Itoa(g.Waiting), string(g.Outcome), string(g.Reason))
	}
	b.WriteString(table.String())
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s: %q: %s (%s)", p.Setting, terminal.Printable(p.Name), p.Reason.Sentence(), p.Reason)
		if len(p.Near) > 0 {
			fmt.Fprintf(&b, "; the source has %s", terminal.Printable(strings.Join(p.Near, ", ")))
		}
		b.WriteString("\n")
	}
	return b.String()
}
