package user

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	cliplan "github.com/entraflow/entraflow/internal/cli/plan"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/terminal"
)

func (a command) userShowCommand() *cobra.Command {
	return a.personCommand(&cobra.Command{
		Use:   "show [CONNECTION] ID",
		Short: "Show one person: source, account, licenses, what a run would do, and the last runs",
		Long: `show reads the person at the source and in the tenant, in this process, and writes nothing. It prints the person's values;
they go to this terminal and nowhere else.`,
		Example: `  go run ./starter user show contoso E10001
  go run ./starter user show E10001 -o json`,
	}, a.userShow)
}

// shownPerson is the JSON of `user show`. It holds values of the person.
type shownPerson struct {
	Connection string         `json:"connection"`
	User       string         `json:"user"`
	WorkflowID string         `json:"workflowId"`
	URL        string         `json:"url,omitempty"`
	Source     []shownRule    `json:"source"`
	Accounts   []shownAccount `json:"accounts"`
	// Unread is why the tenant could not be asked for all of the person's accounts; nobody knows then which there are.
	Unread *unreadTenant `json:"accountsUnread,omitempty"`
	// Next is what a run would do now.
	Next cliplan.PlannedPerson `json:"next"`
	// NextText is the same in words.
	NextText string `json:"nextText"`
	// Groups are those that a run would have the person join or leave; absent where the rule has none, or where they cannot be read.
	Groups *api.PersonGroupsResult `json:"groups,omitempty"`
	Runs   []personRun             `json:"runs"`
}

// unreadTenant is why accounts are not known.
type unreadTenant struct {
	Reason  fault.Reason `json:"reason"`
	Message string       `json:"message"`
}

// shownRule is what one rule sees of a person.
type shownRule struct {
	Rule        string `json:"rule"`
	RuleEnabled bool   `json:"ruleEnabled"`
	Source      string `json:"source"`
	// Person and Filter are yes, no, or unknown: the source could not be read, or the filter not be evaluated.
	Person answer `json:"person"`
	Filter answer `json:"filter"`
	// Found is Person: yes, and InScope Filter: yes.
	Found   bool `json:"found"`
	InScope bool `json:"inScope"`
	// Provisions: of the rules that include the person, this one provisions.
	Provisions bool `json:"provisions"`
	// Enabled at the source; nobody knows where EnabledUnreadable.
	Enabled           bool           `json:"enabled"`
	EnabledUnreadable bool           `json:"enabledUnreadable,omitempty"`
	Reason            fault.Reason   `json:"reason,omitempty"`
	Record            map[string]any `json:"record,omitempty"`
}

// answer is what is known of a question.
type answer string

const (
	yes     answer = "yes"
	no      answer = "no"
	unknown answer = "unknown"
)

// answers tells whether a source has the person, and whether the filter includes them.
func answers(v provision.RuleView) (person, filter answer) {
	switch {
	case v.InScope:
		return yes, yes
	case v.Record != nil && v.Why != nil && v.Why.Reason == fault.PersonOutOfScope:
		return yes, no
	case v.Record != nil:
		return yes, unknown
	case v.Why != nil && v.Why.Reason == fault.PersonNotFound:
		return no, no
	}
	return unknown, unknown
}

// shownAccount is one account that may be the person's.
type shownAccount struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
	Enabled           bool   `json:"enabled"`
	// Found is link, name or recycleBin: how the account came to be here.
	Found    string         `json:"found"`
	Link     string         `json:"link"`
	Mark     string         `json:"mark"`
	MarkText string         `json:"markText"`
	Licenses []shownLicense `json:"licenses"`
}

// shownLicense is a license of an account.
type shownLicense struct {
	PartNumber string `json:"skuPartNumber"`
	SKU        string `json:"skuId"`
	Direct     bool   `json:"direct"`
	// Group is the id of the group that gives the license.
	Group string `json:"group,omitempty"`
	State string `json:"state"`
}

func (a command) userShow(ctx context.Context, t *session.Link, connection, id string) error {
	found, err := a.inspect(ctx, t, provision.InspectInput{Connection: connection, User: id})
	if err != nil {
		return err
	}
	shown := found.shown()
	shown.User, shown.WorkflowID = id, api.UserID(connection, id)
	if shown.Runs, err = personRuns(ctx, t, connection, id); err != nil {
		return err
	}
	// Somebody about whom nothing ever ran has no page.
	if len(shown.Runs) > 0 {
		shown.URL = t.WorkflowURL(shown.WorkflowID)
	}
	return a.Print(shown, shown.text())
}

func (i inspected) shown() shownPerson {
	s := shownPerson{Connection: i.Settings.Config.Name, Source: []shownRule{}, Accounts: []shownAccount{}}
	for _, v := range i.Rules {
		r := shownRule{Rule: v.State.Name, RuleEnabled: v.State.Enabled, Source: v.File, Found: v.Record != nil,
			InScope: v.InScope, Provisions: i.Rule != "" && i.Rule == v.State.Name && i.Scope == nil}
		r.Person, r.Filter = answers(v)
		if v.Record != nil {
			r.Enabled, r.Record = v.Record.Enabled && v.Record.EnabledErr == nil, v.Record.Fields
			r.EnabledUnreadable = v.Record.EnabledErr != nil
		}
		if v.Why != nil {
			r.Reason = v.Why.Reason
		}
		s.Source = append(s.Source, r)
	}
	for _, account := range i.Match.Linked {
		s.Accounts = append(s.Accounts, i.shownAccount(account, "link"))
	}
	if other := i.Match.SameName; other != nil && other.ID != "" && !slices.ContainsFunc(s.Accounts, func(a shownAccount) bool { return a.ID == other.ID }) {
		s.Accounts = append(s.Accounts, i.shownAccount(other, "name"))
	}
	if i.Match.Deleted != nil {
		s.Accounts = append(s.Accounts, i.shownAccount(i.Match.Deleted, "recycleBin"))
	}
	if i.Unread != nil {
		s.Unread = &unreadTenant{Reason: i.Unread.Reason, Message: whyText(i.Unread)}
	}
	s.Next, s.NextText = i.next()
	s.Groups = i.groups
	return s
}

func (i inspected) shownAccount(a *directory.Account, found string) shownAccount {
	s := shownAccount{ID: a.ID, UserPrincipalName: a.UserPrincipalName, Enabled: a.Enabled, Found: found,
		Link: a.Link, Mark: a.Mark, MarkText: i.markText(a.Mark), Licenses: []shownLicense{}}
	for _, l := range a.Licenses {
		s.Licenses = append(s.Licenses, shownLicense{PartNumber: cliplan.PartNumber(i.licenses, l.SKU), SKU: l.SKU, Direct: l.Direct(), Group: l.Group, State: l.State})
	}
	for _, sku := range a.Unexplained {
		s.Licenses = append(s.Licenses, shownLicense{PartNumber: cliplan.PartNumber(i.licenses, sku), SKU: sku, State: "origin not told"})
	}
	slices.SortStableFunc(s.Licenses, func(x, y shownLicense) int {
		return cmp.Or(cmp.Compare(x.PartNumber, y.PartNumber), cmp.Compare(x.Group, y.Group))
	})
	return s
}

// next is what a run would do now, or why it would do nothing.
func (i inspected) next() (cliplan.PlannedPerson, string) {
	person := cliplan.PlannedPerson{Action: plan.None, Outcome: plan.Failed}
	if c := i.Change; c != nil {
		entry := plan.Entry{Change: c, Outcome: c.Outcome, Reason: c.Reason, Subject: c.Subject}
		if person = cliplan.DescribeEntry(entry, i.licenses); i.Leaving && c.Action == plan.Remove {
			person.Removal = cliplan.DescribeLeaver(entry, plan.Guard{}).Removal
		}
	}
	for _, why := range []*fault.Error{i.Connection, i.Matching, i.Deciding} {
		if why != nil {
			person.Outcome, person.Reason, person.Subject = plan.Failed, why.Reason, why.Subject
			return person, "nothing: " + whyText(why)
		}
	}
	switch c := i.Change; {
	case i.Leaving && c != nil && c.Action == plan.Remove:
		return person, "deprovision: " + changeText(c, i.licenses) + "; " + whyText(i.Scope)
	case i.Leaving && c != nil && c.Reason == "":
		return person, "nothing: the person left and is deprovisioned"
	case c != nil && c.Reason != "":
		return person, changeText(c, i.licenses) + "; " + string(c.Outcome) + ": " + reasonText(c.Reason, c.Subject)
	case c != nil && c.Action == plan.None:
		return person, "nothing: everything is right"
	case c != nil:
		return person, changeText(c, i.licenses)
	}
	why := i.scope()
	person.Reason, person.Subject = why.Reason, why.Subject
	if i.Leaving {
		person.Outcome = plan.Unsynced
	}
	return person, "nothing: " + whyText(why)
}

func (s shownPerson) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "person %s of connection %s\n\nat the source\n", terminal.Printable(s.User), s.Connection)
	rules := terminal.Table{Header: []string{"RULE", "SOURCE", "PERSON", "FILTER", "PROVISIONS", "REASON"}, Indent: "  "}
	for _, r := range s.Source {
		rules.Row(r.Rule+either(!r.RuleEnabled, " (not enabled)", ""), r.Source,
			r.personText(), map[answer]string{yes: "in", no: either(r.Found, "out", ""), unknown: "unknown"}[r.Filter],
			either(r.Provisions, "yes", ""), string(r.Reason))
	}
	b.WriteString(rules.String())
	b.WriteString(recordsText(s.Source))
	switch {
	case s.Unread != nil && len(s.Accounts) == 0:
		b.WriteString("\naccount: unknown, since the tenant could not be read: " + terminal.Printable(s.Unread.Message) + "\n")
	case s.Unread != nil:
		b.WriteString("\nthere may be more accounts than these, since the tenant could not be read: " + terminal.Printable(s.Unread.Message) + "\n")
	case len(s.Accounts) == 0:
		b.WriteString("\naccount: none\n")
	}
	for _, a := range s.Accounts {
		b.WriteString("\naccount, found by " + map[string]string{"link": "its link", "name": "its name; it has no link to the person", "recycleBin": "its link in the recycle bin"}[a.Found] + "\n")
		table := terminal.Table{Indent: "  "}
		table.Row("id", a.ID)
		table.Row("userPrincipalName", a.UserPrincipalName)
		table.Row("enabled", either(a.Enabled, "yes", "no"))
		table.Row("link", linkText(a.Link))
		table.Row("mark", a.MarkText)
		for _, l := range a.Licenses {
			origin := "direct"
			switch {
			case l.Group != "":
				origin = "inherited from group " + l.Group
			case !l.Direct:
				origin = ""
			}
			table.Row("license", strings.TrimRight(l.PartNumber+", "+origin, ", ")+", "+l.State)
		}
		b.WriteString(table.String())
	}
	fmt.Fprintf(&b, "\na run now would do: %s\n", terminal.Printable(s.NextText))
	b.WriteString(groupsText(s.Groups))
	b.WriteString("\nlast runs")
	if len(s.Runs) == 0 {
		b.WriteString(": none is kept")
	}
	b.WriteString("\n")
	runs := terminal.Table{Header: []string{"STARTED", "TYPE", "STATUS", "ACTION", "OUTCOME", "REASON"}, Indent: "  "}
	for _, r := range s.Runs {
		runs.Row(r.StartedAt.UTC().Format(time.DateTime), r.Type, r.Status, string(r.Action), string(r.Outcome), string(r.Reason))
	}
	if len(s.Runs) > 0 {
		b.WriteString(runs.String())
	}
	if s.URL != "" {
		fmt.Fprintf(&b, "  %s\n", s.URL)
	}
	return b.String()
}

// groupsText says what a run would do about the person's groups.
func groupsText(g *api.PersonGroupsResult) string {
	if g == nil {
		return ""
	}
	var parts []string
	for _, change := range g.Groups {
		if change.Leave {
			parts = append(parts, "leave "+change.Group)
		} else {
			parts = append(parts, "join "+change.Group)
		}
	}
	if g.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d wait for a sync that makes them", g.Waiting))
	}
	if g.Held > 0 {
		parts = append(parts, fmt.Sprintf("%d are left by a sync only (%s)", g.Held, g.Reason))
	}
	if len(parts) == 0 {
		return "groups: everything is right\n"
	}
	return "groups: " + terminal.Printable(strings.Join(parts, "; ")) + "\n"
}

// recordsText is the person's record of each source, once.
func recordsText(rules []shownRule) string {
	var b strings.Builder
	var seen []string
	for _, r := range rules {
		if r.Record == nil || slices.Contains(seen, r.Source) {
			continue
		}
		seen = append(seen, r.Source)
		fmt.Fprintf(&b, "  values in %s\n", r.Source)
		table := terminal.Table{Indent: "    "}
		for _, column := range slices.Sorted(maps.Keys(r.Record)) {
			table.Row(column, valueText(r.Record[column]))
		}
		b.WriteString(table.String())
	}
	return b.String()
}

// valueText shows a value as its source writes it: a text as it is, all else as JSON.
func valueText(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(b)
}

// personText says whether the source has the person and what its column enabled says.
func (r shownRule) personText() string {
	switch {
	case r.Person == unknown:
		return "unknown"
	case !r.Found:
		return "not found"
	case r.EnabledUnreadable:
		return "enabled?"
	case r.Enabled:
		return "enabled"
	}
	return "disabled"
}

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
