package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/terminal"
)

// PlannedGroups is what a sync would do about the groups of a rule.
type PlannedGroups struct {
	// Guard is the verdict on memberships.
	Guard membership.Guard `json:"guard"`
	// Counters tell how the groups would stand, and how many members would come and go.
	membership.Counters
	// Problems are entries of the rule that pick no group, or of which it cannot be told what their group is to be.
	Problems []GroupProblem `json:"problems,omitempty"`
	// Changes are the groups; those about which all is well only if they were asked for.
	Changes []PlannedGroup `json:"changes"`
}

// GroupProblem is an entry of a rule's groups that does not work.
type GroupProblem struct {
	// Setting is the entry's place in the rule, Name what it or the store calls the group.
	Setting string       `json:"setting"`
	Name    string       `json:"name,omitempty"`
	Reason  fault.Reason `json:"reason"`
	// Near are names that the store has, Detail says more where the reason alone does not.
	Near   []string `json:"near,omitempty"`
	Detail string   `json:"detail,omitempty"`
}

// PlannedGroup is what would be done about one group.
type PlannedGroup struct {
	// Group is its id at the store, Name what it is called there, TargetName what at the target.
	Group      string            `json:"group"`
	Name       string            `json:"name,omitempty"`
	TargetName string            `json:"targetName,omitempty"`
	Target     string            `json:"targetId,omitempty"`
	Action     membership.Action `json:"action"`
	Attributes []string          `json:"attributes,omitempty"`
	// Adds come to the group and Removes leave it, or would if nothing were held. HeldWhole: nobody comes, either.
	Adds    []PlannedMember `json:"adds,omitempty"`
	Removes []PlannedMember `json:"removes,omitempty"`
	// Waiting is how many belong into the group and have no account yet: those whom the same sync gives one join in it.
	Waiting    int          `json:"waiting,omitempty"`
	Held       bool         `json:"held,omitempty"`
	HeldWhole  bool         `json:"heldWhole,omitempty"`
	HoldReason fault.Reason `json:"holdReason,omitempty"`
	Outcome    plan.Outcome `json:"outcome"`
	Reason     fault.Reason `json:"reason,omitempty"`
	Subject    string       `json:"subject,omitempty"`
}

// PlannedMember is somebody who comes to a group or leaves it.
type PlannedMember struct {
	// User is the source id; "" for an account that entraflow has not linked.
	User    string `json:"user,omitempty"`
	Account string `json:"accountId"`
}

// DescribeGroup says what would be done about one group.
func DescribeGroup(d *membership.Decision) PlannedGroup {
	g := PlannedGroup{
		Group: d.Group, Target: d.Target, Action: d.Action, Attributes: d.Attributes, Waiting: d.Waiting, Held: d.Held, HeldWhole: d.HeldWhole, HoldReason: d.HoldReason,
		Outcome: d.Outcome, Reason: d.Reason, Subject: d.Subject,
	}
	if d.Wanted != nil {
		g.Name, g.TargetName = d.Wanted.Group.Name, d.Wanted.Name
	}
	for _, list := range []struct {
		from []membership.Member
		to   *[]PlannedMember
	}{{d.Adds, &g.Adds}, {d.Removes, &g.Removes}} {
		for _, m := range list.from {
			*list.to = append(*list.to, PlannedMember{User: m.Person, Account: m.Account})
		}
		slices.SortStableFunc(*list.to, func(a, b PlannedMember) int { return strings.Compare(a.User, b.User) })
	}
	return g
}

// SummarizeGroups says what a sync would do about the groups.
func SummarizeGroups(p *membership.Plan, all bool) *PlannedGroups {
	if p == nil {
		return nil
	}
	r := &PlannedGroups{Guard: p.Guard, Changes: []PlannedGroup{}}
	for _, problem := range p.Problems {
		r.Count(plan.Failed)
		r.Problems = append(r.Problems, GroupProblem{Setting: problem.Setting, Name: problem.Name, Reason: problem.Reason, Near: problem.Near, Detail: problem.Detail})
	}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		if d.Wanted == nil && !d.Writes() && d.Outcome == plan.Success && !all {
			continue
		}
		r.Count(d.Outcome)
		r.MembersAdded += len(d.Joining())
		r.MembersRemoved += len(d.Losing())
		if all || d.Writes() || d.Held || d.Outcome != plan.Success || d.Waiting > 0 {
			r.Changes = append(r.Changes, DescribeGroup(d))
		}
	}
	return r
}

// unknownGroups names the entries of rules that pick no group.
func unknownGroups(rules []plannedRule) string {
	var names []string
	for _, r := range rules {
		if r.Groups == nil {
			continue
		}
		for _, p := range r.Groups.Problems {
			names = append(names, fmt.Sprintf("rule %s %s %q", r.Rule, p.Setting, p.Name))
		}
	}
	return strings.Join(names, ", ")
}

// maxMembers is how many people a line of members names.
const maxMembers = 20

func groupsText(connection, rule string, g *PlannedGroups) string {
	if g == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  groups: %d, %d as they should be once this is done; %d members would be added, %d removed\n",
		g.Impacted, g.Success, g.MembersAdded, g.MembersRemoved)
	for _, p := range g.Problems {
		fmt.Fprintf(&b, "    %s: %q: %s (%s)\n", p.Setting, p.Name, p.Reason.Sentence(), p.Reason)
		if len(p.Near) > 0 {
			fmt.Fprintf(&b, "      the source has: %s\n", strings.Join(p.Near, ", "))
		}
		if p.Detail != "" {
			fmt.Fprintf(&b, "      %s\n", p.Detail)
		}
	}
	b.WriteString(GroupTable(g.Changes))
	for _, c := range g.Changes {
		b.WriteString(membersText("+", c, c.Adds))
		b.WriteString(membersText("-", c, c.Removes))
	}
	switch guard := g.Guard; {
	case api.HoldsMemberships(&guard):
		fmt.Fprintf(&b, "  HELD: %d people would lose a membership, in %d groups; nobody would, all else would be done\n", guard.Held, guard.HeldGroups)
		fmt.Fprintf(&b, "    if all of them are right, once a sync has held them: %s\n", report.ApproveHash(connection, rule, guard.Hash))
	case guard.HeldGroups > 0:
		fmt.Fprintf(&b, "  memberships of %d groups: left for now: %s\n", guard.HeldGroups, guard.Reason.Sentence())
	case guard.Approved:
		fmt.Fprintf(&b, "  memberships: %d people lose one, approved by an administrator\n", guard.Removals)
	case guard.Removals > 0:
		fmt.Fprintf(&b, "  memberships: %d people lose one, of %d allowed\n", guard.Removals, guard.Allowed)
	}
	return b.String()
}

// GroupTable lists groups, one a line.
func GroupTable(groups []PlannedGroup) string {
	if len(groups) == 0 {
		return ""
	}
	table := terminal.Table{Header: []string{"GROUP", "ACTION", "ADD", "REMOVE", "WAITING", "OUTCOME", "REASON", "ATTRIBUTES"}, Right: []int{2, 3, 4}, Indent: "    "}
	for _, c := range groups {
		adds, removes := strconv.Itoa(len(c.Adds)), strconv.Itoa(len(c.Removes))
		if c.Held {
			removes += " (held)"
		}
		if c.HeldWhole {
			adds += " (held)"
		}
		reason := string(c.Reason)
		if c.Subject != "" {
			reason += " (" + c.Subject + ")"
		}
		table.Row(Named(c), string(c.Action), adds, removes, strconv.Itoa(c.Waiting), string(c.Outcome), reason, strings.Join(c.Attributes, " "))
	}
	return table.String()
}

// Named is what people call the group, with its id at the store where that is another.
func Named(g PlannedGroup) string {
	switch {
	case g.Name == "":
		return g.Group
	case g.Name == g.Group:
		return g.Name
	}
	return g.Name + " (" + g.Group + ")"
}

// membersText names the first people who come to a group or leave it.
func membersText(sign string, g PlannedGroup, members []PlannedMember) string {
	if len(members) == 0 {
		return ""
	}
	var names []string
	for _, m := range members[:min(len(members), maxMembers)] {
		if m.User == "" {
			names = append(names, "account "+m.Account)
			continue
		}
		names = append(names, m.User)
	}
	text := strings.Join(names, ", ")
	if more := len(members) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if sign == "-" && g.Held || sign == "+" && g.HeldWhole {
		text += " (held: " + string(g.HoldReason) + ")"
	}
	return fmt.Sprintf("      %s %s %s\n", Named(g), sign, text)
}
