package user

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	cliplan "github.com/entraflow/entraflow/internal/cli/plan"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/cli/simulation"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
)

// inspected is a person as source and tenant show them, and the names of the tenant's licenses by id.
type inspected struct {
	provision.Inspection
	licenses map[string]string
	// groups are what a run would do about the person's groups; nil where that is not known.
	groups *api.PersonGroupsResult
}

// inspect looks at one person in this process: what it finds goes to the terminal and nowhere else.
func (a command) inspect(ctx context.Context, t *session.Link, in provision.InspectInput) (found inspected, err error) {
	d, err := t.Describe(ctx, in.Connection)
	if err != nil {
		return found, err
	}
	simulator, giveBack, err := simulation.Lend(ctx, a.Session, "", &d.Config)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, giveBack()) }()
	e, err := a.Engine(t, simulator, nil)
	if err != nil {
		return found, err
	}
	defer a.Waiting("looking at source and tenant")()
	if found.Inspection, err = e.Inspect(ctx, in); err != nil {
		return found, err
	}
	// Without the names licenses are shown by their ids; what keeps the tenant from answering is in the inspection.
	if names, err := e.LicenseNames(ctx, d.Config); err == nil {
		found.licenses = names
	}
	found.groups = groupsOf(ctx, e, d, in, found.Inspection)
	return found, ctx.Err()
}

// groupsOf asks what a run would do about the groups of somebody who has an account; nil where the rule has no groups, or they cannot be read.
func groupsOf(ctx context.Context, e *engine.Engine, d api.Description, in provision.InspectInput, i provision.Inspection) *api.PersonGroupsResult {
	c := i.Change
	if c == nil || c.AccountID == "" || c.Action == plan.Restore {
		return nil
	}
	if rule, _ := d.Config.Rule(c.Rule); len(rule.Groups) == 0 {
		return nil
	}
	found, err := e.PersonGroups(ctx, api.PersonGroupsInput{Connection: in.Connection, Rule: c.Rule, User: in.User, AccountID: c.AccountID, Left: i.Leaving})
	if err != nil {
		return nil
	}
	return &found
}

// scope is why no enabled rule provisions the person. Where a disabled rule would, it is that: the rule's own source has the person.
func (i inspected) scope() *fault.Error {
	if i.Scope == nil || i.Scope.Reason != fault.PersonNotFound && i.Scope.Reason != fault.PersonOutOfScope {
		return i.Scope
	}
	for _, v := range i.Rules {
		if !v.State.Enabled && v.InScope {
			return fault.New("claim", fault.Refused, fault.RuleDisabled, "rule "+v.State.Name)
		}
	}
	return i.Scope
}

// account is the one account that the person has or would get; nil when there is none or more than one.
func (i inspected) account() *directory.Account {
	switch {
	case len(i.Match.Linked) == 1:
		return i.Match.Linked[0]
	case len(i.Match.Linked) > 1:
		return nil
	case i.Match.SameName != nil:
		return i.Match.SameName
	}
	return i.Match.Deleted
}

// markText puts a mark into words.
func (i inspected) markText(stored string) string {
	if stored == "" {
		return "none"
	}
	mark, ok := directory.ParseMark(stored)
	if !ok {
		return "unreadable, so it counts as adopted, with nothing of ours on it"
	}
	words := []string{"created by entraflow"}
	if mark.Origin == directory.Adopted {
		words[0] = "existed before and was adopted"
	}
	switch mark.Disabled {
	case directory.DisabledAtSource:
		words = append(words, "disabled by entraflow because the person is disabled at the source")
	case directory.DisabledDeprovisioned:
		words = append(words, "disabled by entraflow because the person left: deprovisioned")
	case directory.DisabledElsewhere:
		words = append(words, "deprovisioned; somebody else had disabled it before")
	}
	if len(mark.Licenses) > 0 {
		words = append(words, "licenses assigned by entraflow: "+strings.Join(i.shortNames(mark.Licenses), ", "))
	}
	return strings.Join(words, "; ")
}

// shortNames names licenses of which a mark holds the beginning of the id.
func (i inspected) shortNames(short []string) []string {
	names := slices.Clone(short)
	for n, s := range names {
		for id, name := range i.licenses {
			if directory.ShortSKU(id) == s {
				names[n] = name
			}
		}
	}
	return names
}

// linkText puts a link into words.
func linkText(stored string) string {
	if stored == "" {
		return "none"
	}
	l, ok := directory.ParseLink(stored)
	if !ok {
		return stored + " (not one of entraflow's)"
	}
	id := l.SourceID
	if l.Hashed {
		id = "an id that is too long to be stored, by its hash"
	}
	return fmt.Sprintf("%s (connection %s, rule %s, person %s)", stored, l.Connection, l.Rule, id)
}

// changeText says what a change does, with attribute and license names and no values.
func changeText(c *plan.Change, licenses map[string]string) string {
	person := cliplan.DescribeEntry(plan.Entry{Change: c}, licenses)
	words := map[plan.Action]string{
		plan.None: "nothing", plan.Create: "create the account", plan.Restore: "restore the account from the recycle bin",
		plan.Adopt: "adopt the existing account", plan.Update: "update the account", plan.Disable: "disable the account and revoke its sessions",
		plan.Enable: "enable the account again", plan.License: "change licenses",
	}
	text := words[c.Action]
	if c.Action == plan.Remove {
		text = cliplan.RemovalWords[cliplan.DescribeLeaver(plan.Entry{Change: c}, plan.Guard{}).Removal]
	}
	if len(c.Attributes) > 0 && c.Action != plan.Create {
		text += " (" + strings.Join(c.Attributes, ", ") + ")"
	}
	if len(c.Overwrites) > 0 {
		text += ", overwriting " + strings.Join(c.Overwrites, ", ")
	}
	if licenses := cliplan.LicensesText(person); licenses != "" {
		text += "; licenses " + licenses
	}
	return text
}

// whyText is a reason's sentence with what it is about and its code.
func whyText(f *fault.Error) string {
	return reasonText(f.Reason, f.Subject)
}

func reasonText(r fault.Reason, subject string) string {
	text := r.Sentence() + " (" + string(r) + ")"
	if subject != "" {
		text = subject + ": " + text
	}
	return text
}

// sourceName is how a rule's source is called where its whole path does not matter.
func sourceName(v provision.RuleView) string { return filepath.Base(v.File) }
