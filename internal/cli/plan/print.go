package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/terminal"
)

// planned is the JSON of `plan`.
type planned struct {
	Connection string        `json:"connection"`
	Rules      []plannedRule `json:"rules"`
}

// plannedRule is what a sync of one rule would do.
type plannedRule struct {
	Rule string `json:"rule"`
	// People in scope, and accounts linked to the rule.
	People int `json:"people"`
	Linked int `json:"linked"`
	// Guard is the verdict on removals.
	Guard plan.Guard `json:"guard"`
	Held  int        `json:"held"`
	// Writes is how many people something would be written for.
	Writes int `json:"writes"`
	// Actions counts people by what would be done, without what is held, and Outcomes by how they would end if all of it worked.
	Actions map[plan.Action]int `json:"actions"`
	// ManagersLater is how many of them the sync comes back to, to set the manager whom it has given an account meanwhile: its result counts
	// these as updates once more.
	ManagersLater int                  `json:"managersLater,omitempty"`
	Outcomes      map[plan.Outcome]int `json:"outcomes"`
	// Changes are the people; those for whom all is well only if they were asked for.
	Changes []PlannedPerson `json:"changes"`
	// Leavers left the source or the filter.
	Leavers []PlannedPerson `json:"leavers"`
	// Groups are those of the rule; absent where it has none.
	Groups *PlannedGroups `json:"groups,omitempty"`
}

// PlannedPerson is what would be done about one person. It names attributes and never says their values.
type PlannedPerson struct {
	User       string      `json:"user"`
	Action     plan.Action `json:"action"`
	Held       bool        `json:"held,omitempty"`
	AccountID  string      `json:"accountId,omitempty"`
	Attributes []string    `json:"attributes,omitempty"`
	// Overwrites are those attributes of an adopted account that have a value and get another.
	Overwrites     []string     `json:"overwrites,omitempty"`
	AddLicenses    []string     `json:"addLicenses,omitempty"`
	RemoveLicenses []string     `json:"removeLicenses,omitempty"`
	Outcome        plan.Outcome `json:"outcome"`
	Reason         fault.Reason `json:"reason,omitempty"`
	Subject        string       `json:"subject,omitempty"`
	// Withheld is what the rule's policy keeps from being done.
	Withheld plan.Action `json:"withheld,omitempty"`
	// Removal is what deprovisioning would do to the account: delete, disable, or note where it is disabled already.
	Removal string `json:"removal,omitempty"`
}

// printPlans prints plans. The error names the rules whose removals would be held.
func (a command) printPlans(connection string, plans []made, licenses map[string]string, all bool) error {
	result := planned{Connection: connection}
	var held []string
	approve := ""
	var b strings.Builder
	for i, p := range plans {
		r := summarize(p.people, licenses, all)
		r.Groups = SummarizeGroups(p.groups, all)
		result.Rules = append(result.Rules, r)
		if report.IsHeld(r.Guard) {
			held, approve = append(held, r.Rule), report.ApproveCommand(connection, r.Rule, r.Guard)
		} else if p.groups != nil && api.HoldsMemberships(&p.groups.Guard) {
			held, approve = append(held, r.Rule), report.ApproveHash(connection, r.Rule, p.groups.Guard.Hash)
		}
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(planText(connection, r))
	}
	if err := a.Print(result, b.String()); err != nil {
		return err
	}
	if unknown := unknownGroups(result.Rules); unknown != "" && len(held) == 0 {
		return session.Incomplete("correct the groups of the rule, or the source; nobody is removed meanwhile", "groups that cannot be found: %s", unknown)
	}
	if len(held) > 0 {
		return session.Incomplete("look at the people marked as held; if all of them are right, sync, and then: "+approve,
			"removals would be held: rule %s", session.Listed(held))
	}
	return nil
}

func summarize(p *plan.Plan, licenses map[string]string, all bool) plannedRule {
	r := plannedRule{
		Rule: p.Rule, People: len(p.Entries), Linked: p.Linked, Guard: p.Guard, Held: p.HeldCount(), Writes: p.Planned(),
		Actions: map[plan.Action]int{}, Outcomes: map[plan.Outcome]int{}, Changes: []PlannedPerson{}, Leavers: []PlannedPerson{},
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		person := DescribeEntry(*e, licenses)
		person.Outcome, person.Reason, person.Subject = p.Forecast(e)
		if e.Change != nil && e.Change.Removes() && p.Guard.Held {
			person.Held, person.Reason, person.Subject = true, p.Guard.Reason, ""
		}
		action, removes := plan.None, false
		if c := p.CarriedOut(e); c != nil {
			action, removes = c.Action, c.Removes()
		}
		switch {
		case !e.ManagerLater():
		case action == plan.None:
			action = plan.Update
		case !removes:
			// Who loses something comes after the managers, and gets theirs with it.
			r.ManagersLater++
		}
		if e.ManagerLater() {
			person.setsManager()
		}
		r.Actions[action]++
		r.Outcomes[person.Outcome]++
		if all || person.Action != plan.None || e.Outcome != plan.Success {
			r.Changes = append(r.Changes, person)
		}
	}
	for _, e := range p.Leavers {
		r.Leavers = append(r.Leavers, DescribeLeaver(e, p.Guard))
	}
	return r
}

// DescribeEntry says what would be done about one person.
func DescribeEntry(e plan.Entry, licenses map[string]string) PlannedPerson {
	person := PlannedPerson{User: e.SourceID, Action: plan.None, Outcome: e.Outcome, Reason: e.Reason, Subject: e.Subject}
	if e.Withheld != nil {
		person.Withheld = e.Withheld.Action
	}
	if c := e.Change; c != nil {
		person.Action, person.AccountID, person.Attributes = c.Action, c.AccountID, c.Attributes
		person.Overwrites = c.Overwrites
		for _, l := range c.AddLicenses {
			person.AddLicenses = append(person.AddLicenses, PartNumber(licenses, l.SKU))
		}
		for _, sku := range c.RemoveLicenses {
			person.RemoveLicenses = append(person.RemoveLicenses, PartNumber(licenses, sku))
		}
	}
	return person
}

// setsManager adds the manager to what is written: the sync sets it once the manager has an account.
func (p *PlannedPerson) setsManager() {
	if p.Action == plan.None {
		p.Action = plan.Update
	}
	if !slices.Contains(p.Attributes, directory.Manager) {
		p.Attributes = append(slices.Clone(p.Attributes), directory.Manager)
		slices.Sort(p.Attributes)
	}
}

// PartNumber names a license as administrators do; one that the tenant does not list keeps its id.
func PartNumber(licenses map[string]string, sku string) string {
	return cmp.Or(licenses[strings.ToLower(sku)], sku)
}

// DescribeLeaver says what would be done about somebody who left; with no action, why nothing would.
func DescribeLeaver(e plan.Entry, g plan.Guard) PlannedPerson {
	person := DescribeEntry(e, nil)
	if c := e.Change; c != nil {
		person.Held = g.Held
		switch {
		case c.Delete:
			person.Removal = "delete"
		case c.Disable:
			person.Removal = "disable"
		default:
			person.Removal = "note"
		}
	}
	return person
}

func planText(connection string, r plannedRule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule %s: %s in scope, linked accounts: %d\n", r.Rule, plan.People(r.People), r.Linked)
	table := terminal.Table{Header: []string{"USER", "ACTION", "LICENSES", "OUTCOME", "REASON", "ATTRIBUTES"}, Indent: "  "}
	for _, c := range r.Changes {
		action := string(c.Action)
		if c.Held {
			action += " (held)"
		}
		if c.Withheld != "" {
			action += " (withheld: " + string(c.Withheld) + ")"
		}
		reason := string(c.Reason)
		if c.Subject != "" {
			reason += " (" + c.Subject + ")"
		}
		table.Row(c.User, action, LicensesText(c), string(c.Outcome), reason, attributesText(c))
	}
	if len(r.Changes) > 0 {
		b.WriteString(table.String())
	}
	b.WriteString(adoptionsText(r.Changes))
	b.WriteString(report.ReasonsText(r.reasons()))
	fmt.Fprintf(&b, "  would do: %s\n", report.Counted(r.Actions))
	if r.ManagersLater > 0 {
		fmt.Fprintf(&b, "  and then: set the manager of %s\n", plan.People(r.ManagersLater))
	}
	fmt.Fprintf(&b, "  would end: %s\n", report.Counted(r.Outcomes))
	switch {
	case r.Guard.Held && r.Guard.Reason == fault.FirstSyncHeld:
		fmt.Fprintf(&b, "  removals: %d, left for the next sync: %s\n", r.Guard.Removals, r.Guard.Reason.Sentence())
	case r.Guard.Held:
		fmt.Fprintf(&b, "  HELD: %d removals, %d are allowed with %d linked accounts; none would be carried out, all else would\n",
			r.Guard.Removals, r.Guard.Allowed, r.Guard.Linked)
		fmt.Fprintf(&b, "    %s\n", r.Guard.Reason.Sentence())
		fmt.Fprintf(&b, "    if all of them are right, once a sync has held them: %s\n", report.ApproveCommand(connection, r.Rule, r.Guard))
	case r.Guard.Approved:
		fmt.Fprintf(&b, "  removals: %d, approved by an administrator\n", r.Guard.Removals)
	case r.Guard.Removals > 0:
		fmt.Fprintf(&b, "  removals: %d of %d allowed\n", r.Guard.Removals, r.Guard.Allowed)
	}
	b.WriteString(leaversText(r.Leavers))
	b.WriteString(groupsText(connection, r.Rule, r.Groups))
	return b.String()
}

// adoptionsText lists the existing accounts that would be taken over, for somebody to look at before that is done.
func adoptionsText(changes []PlannedPerson) string {
	table := terminal.Table{Header: []string{"USER", "ACCOUNT", "OVERWRITES"}, Indent: "    "}
	for _, c := range changes {
		if c.Action == plan.Adopt {
			table.Row(c.User, c.AccountID, cmp.Or(strings.Join(c.Overwrites, " "), "nothing"))
		}
	}
	if len(table.Rows) == 0 {
		return ""
	}
	return "  existing accounts that would be adopted; make sure that each is the person's:\n" + table.String()
}

// reasons counts why people would not be Success. What is held is explained apart.
func (r plannedRule) reasons() map[fault.Reason]int {
	count := map[fault.Reason]int{}
	for _, c := range r.Changes {
		if c.Outcome != plan.Success && c.Reason != "" && !c.Held {
			count[c.Reason]++
		}
	}
	return count
}

// leaversText lists the people who left, and apart from them those about whom nothing would be done, with the reason.
func leaversText(leavers []PlannedPerson) string {
	leaving := terminal.Table{Header: []string{"USER", "WOULD", "REASON"}, Indent: "    "}
	doubtful := terminal.Table{Indent: "    "}
	for _, l := range leavers {
		would := RemovalWords[l.Removal]
		if l.Held {
			would += " (held)"
		}
		if l.Action == plan.Remove {
			leaving.Row(l.User, would, string(l.Reason))
		} else {
			doubtful.Row(l.User, string(l.Reason), l.Reason.Sentence())
		}
	}
	var b strings.Builder
	if len(leaving.Rows) > 0 {
		b.WriteString("  left the source or the filter:\n" + leaving.String())
	}
	if len(doubtful.Rows) > 0 {
		b.WriteString("  left, but nothing would be done about them:\n" + doubtful.String())
	}
	return b.String()
}

// RemovalWords say what deprovisioning does to an account.
var RemovalWords = map[string]string{
	"delete":  "delete the account (recycle bin)",
	"disable": "disable the account",
	"note":    "note it; the account is disabled already",
}

// attributesText names what is written; a new account gets everything, which need not be listed.
func attributesText(c PlannedPerson) string {
	if c.Action == plan.Create {
		return fmt.Sprintf("all %d", len(c.Attributes))
	}
	return strings.Join(c.Attributes, " ")
}

// LicensesText lists the licenses that are assigned (+) and taken away (-).
func LicensesText(c PlannedPerson) string {
	var parts []string
	for _, l := range c.AddLicenses {
		parts = append(parts, "+"+l)
	}
	for _, l := range c.RemoveLicenses {
		parts = append(parts, "-"+l)
	}
	return strings.Join(parts, " ")
}
