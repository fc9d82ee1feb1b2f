package group

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	cliplan "github.com/entraflow/entraflow/internal/cli/plan"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/terminal"
)

// shown is the JSON of `group show`.
type shown struct {
	Connection string `json:"connection"`
	Rule       string `json:"rule"`
	WorkflowID string `json:"workflowId"`
	// Next is what a sync would do about the group.
	Next    cliplan.PlannedGroup `json:"next"`
	Members []shownMember        `json:"members"`
}

// shownMember is somebody who is in the group, or belongs there.
type shownMember struct {
	// User is the source id; "" for an account without a link of the connection.
	User    string `json:"user,omitempty"`
	Account string `json:"accountId,omitempty"`
	// InSource and InTarget say where the group has this member.
	InSource bool `json:"inSource"`
	InTarget bool `json:"inTarget"`
	// Whose is ours, where the account carries a link of the connection, someone else's, or no account yet.
	Whose string `json:"whose"`
	// Next is add, remove or held; "" where the membership stays.
	Next string `json:"next,omitempty"`
}

func (a command) showCommand() *cobra.Command {
	var rule string
	c := &cobra.Command{
		Use:   "show [CONNECTION] GROUP",
		Short: "Show one group: who is in it, whose they are, and what differs",
		Long: `show reads one group at the source and in the tenant, in this process, and writes nothing. GROUP is its name or id at the
source, or its object id in the tenant. A member is ours where the account carries a link of the connection; whom somebody else added
stays, unless the group is overwritten.`,
		Example: "  go run ./starter group show contoso Sales",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			connection, name, err := session.ConnectionAndName("", args)
			if err != nil {
				return err
			}
			d, worlds, err := a.read(cmd.Context(), connection, rule)
			if err != nil {
				return err
			}
			for _, w := range worlds {
				for i := range w.plan.Decisions {
					if g := &w.plan.Decisions[i]; g.Group == name || strings.EqualFold(g.Target, name) || g.Wanted != nil && g.Wanted.Group.Name == name {
						s := w.show(d.Config.Name, g)
						return a.Print(s, s.text())
					}
				}
			}
			return session.WrongUse("`starter group list` names them", "no enabled rule of connection %s picks a group %q", d.Config.Name, name)
		},
	}
	c.Flags().StringVar(&rule, "rule", "", "rule, where several pick a group of this name")
	return c
}

// Words of shownMember.Whose.
const (
	ours      = "ours"
	others    = "someone else's"
	noAccount = "no account yet"
)

// show gathers everybody who is in the group at the source or in the tenant.
func (w world) show(connection string, d *membership.Decision) shown {
	s := shown{Connection: connection, Rule: w.rule, WorkflowID: api.GroupID(connection, d.Group), Next: cliplan.DescribeGroup(d), Members: []shownMember{}}
	next := map[string]string{}
	for _, m := range d.Adds {
		next[m.Account] = "add"
		if d.HeldWhole {
			next[m.Account] = "held"
		}
	}
	for _, m := range d.Removes {
		next[m.Account] = "remove"
		if d.Held {
			next[m.Account] = "held"
		}
	}
	persons, accounts := map[string]string{}, map[string]string{}
	for _, account := range w.in.Accounts {
		id := strings.ToLower(account.ID)
		if account.Person != "" {
			persons[id], accounts[account.Person] = account.Person, id
		}
	}
	atSource := map[string]bool{}
	for _, person := range w.in.Memberships[d.Group].People {
		atSource[person] = true
	}
	seen := map[string]bool{}
	for _, id := range w.in.Members[d.Target].Accounts {
		id = strings.ToLower(id)
		m := shownMember{User: persons[id], Account: id, InTarget: true, InSource: atSource[persons[id]], Whose: others, Next: next[id]}
		if m.User != "" {
			m.Whose = ours
			seen[m.User] = true
		}
		s.Members = append(s.Members, m)
	}
	for _, person := range w.in.Memberships[d.Group].People {
		if seen[person] {
			continue
		}
		m := shownMember{User: person, Account: accounts[person], InSource: true, Whose: ours, Next: next[accounts[person]]}
		if m.Account == "" {
			m.Whose = noAccount
		}
		s.Members = append(s.Members, m)
	}
	slices.SortStableFunc(s.Members, func(a, b shownMember) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Account, b.Account))
	})
	return s
}

func (s shown) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "group %s of rule %s, connection %s\n\n", terminal.Printable(cliplan.Named(s.Next)), s.Rule, s.Connection)
	facts := terminal.Table{Indent: "  "}
	facts.Row("in the tenant", cmp.Or(s.Next.Target, "none yet"))
	facts.Row("next", string(s.Next.Action))
	facts.Row("outcome", string(s.Next.Outcome))
	if s.Next.Reason != "" {
		facts.Row("reason", string(s.Next.Reason)+": "+s.Next.Reason.Sentence())
	}
	if s.Next.Held {
		facts.Row("held", string(s.Next.HoldReason)+": "+s.Next.HoldReason.Sentence())
	}
	facts.Row("workflow", s.WorkflowID)
	b.WriteString(facts.String() + "\n")
	table := terminal.Table{Header: []string{"USER", "ACCOUNT", "SOURCE", "TENANT", "WHOSE", "NEXT"}, Indent: "  "}
	yes := map[bool]string{true: "in", false: "out"}
	for _, m := range s.Members {
		table.Row(m.User, m.Account, yes[m.InSource], yes[m.InTarget], m.Whose, m.Next)
	}
	if len(table.Rows) == 0 {
		return b.String() + "nobody is in it\n"
	}
	return b.String() + table.String()
}
