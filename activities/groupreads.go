package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// groupReaders is how many groups of a tenant are read at a time.
const groupReaders = 6

// PreviewGroups plans the groups of a rule whose people were previewed, and ReadGroups gives what such a plan is made from. Both name groups:
// they are for the eyes of whoever asked.
func PreviewGroups(ctx context.Context, a *Activities, s api.Settings, rule string, people People, progress func(string)) (*membership.Plan, error) {
	return a.planGroups(ctx, s, rule, people.afterRemovals(), 0, true, progress)
}

// ReadGroups reads the groups of a rule, and their members, at the source and in the tenant.
func ReadGroups(ctx context.Context, a *Activities, s api.Settings, rule string, people People, progress func(string)) (membership.Input, error) {
	return a.readGroups(ctx, s, rule, people.afterRemovals(), 0, true, progress)
}

// afterRemovals are the people as a sync finds them when it comes to the groups: what its plan takes away is done.
func (p People) afterRemovals() People {
	if p.Guard.Held {
		return p
	}
	removed := map[string]bool{}
	for _, c := range p.Removals() {
		if c.Action == plan.Remove {
			removed[c.AccountID] = true
		}
	}
	accounts := slices.Clone(p.Accounts)
	for i := range accounts {
		accounts[i].Deprovisioned = accounts[i].Deprovisioned || removed[accounts[i].ID]
	}
	p.Accounts = accounts
	return p
}

// planGroups reads the groups of a rule at the source and in the tenant, and plans them. removed is how many people the running sync has
// taken something from; carriedOut tells that the plan of the people is being carried out, and not only looked at. progress is told in
// words what is being read.
//
// Errors: those of the lists of groups. What fails about one group stands in its decision.
func (a *Activities) planGroups(ctx context.Context, s api.Settings, rule string, people People, removed int, carriedOut bool, progress func(string)) (*membership.Plan, error) {
	in, err := a.readGroups(ctx, s, rule, people, removed, carriedOut, progress)
	if err != nil {
		return nil, err
	}
	return membership.Build(in), nil
}

// readGroups reads what planGroups plans from.
func (a *Activities) readGroups(ctx context.Context, s api.Settings, rule string, people People, removed int, carriedOut bool, progress func(string)) (membership.Input, error) {
	client, err := a.client(s, nth(ctx))
	if err != nil {
		return membership.Input{}, err
	}
	planned, _ := s.Config.Rule(rule)
	state, _ := s.Rule(rule)
	in := membership.Input{
		Connection: s.Config.Name, Rule: rule, Preferences: s.Config.Preferences, GroupMembers: planned.GroupMembers, People: people.Standings,
		Accounts: people.Accounts, Linked: people.Active, Removed: removed, FirstSync: !state.Synced || !state.GroupsSynced,
		Permit: plan.Permit{Hash: state.ApprovedGroups}, Limit: s.Config.GroupsPolicy(rule),
		Recent: func(sourceID string) string { return a.Provisioner.Recent(s.Config.Name, sourceID) },
		// A file that may be cut off lists some of each group's people.
		ListIncomplete: people.Snapshot.Open && !state.EndsOpen && !people.Guard.Approved,
	}
	if people.Guard.Held {
		in.PeopleHeld = people.Guard.Reason
	} else if carriedOut {
		in.Lost = map[string]bool{}
		for _, c := range people.Removals() {
			in.Lost[c.SourceID] = true
		}
	}
	progress("reading the groups of the source")
	if err := a.readSourceGroups(ctx, s, planned, state.EndsOpen || people.Guard.Approved, &in); err != nil {
		return in, err
	}
	progress("reading the groups of the tenant")
	return in, readTargetGroups(ctx, client, s, &in, progress)
}

// readSourceGroups reads which groups there are, who is in those that the rule wants, and what the other rules want. endsOpen: that nothing shows
// the source's end is accepted.
func (a *Activities) readSourceGroups(ctx context.Context, s api.Settings, rule config.Rule, endsOpen bool, in *membership.Input) error {
	in.NamesOnly = true
	var reader source.GroupReader
	var groups []source.Group
	if len(rule.Groups) > 0 {
		var err error
		if reader, err = a.groupReader(s, rule); err != nil {
			return err
		}
		if groups, err = reader.Groups(ctx); err != nil {
			return err
		}
	}
	for _, g := range groups {
		in.NamesOnly = in.NamesOnly && g.ID == g.Name
	}
	in.Selection = membership.Select(rule.Groups, groups, newGroupExpressions(rule))
	ids := make([]string, len(in.Selection.Wanted))
	for i, w := range in.Selection.Wanted {
		ids[i] = w.Group.ID
	}
	in.Memberships = make(map[string]source.Membership, len(ids))
	if len(ids) > 0 {
		err := reader.Memberships(ctx, ids, func(m source.Membership) error {
			if endsOpen && fault.Is(m.Err, fault.SourceEndUnknown) {
				// The plan of the people takes the same end for the end.
				m.Err = nil
			}
			in.Memberships[m.Group.ID] = m
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, other := range s.EnabledRules() {
		if other.Name != rule.Name && len(other.Groups) > 0 {
			in.Others = append(in.Others, a.otherRule(ctx, s, other, rule.Source.Key(), groups))
		}
	}
	return nil
}

// otherRule says which groups another rule wants. Where that cannot be read, any group may be its.
func (a *Activities) otherRule(ctx context.Context, s api.Settings, rule config.Rule, key string, groups []source.Group) membership.Other {
	other := membership.Other{Rule: rule.Name}
	if rule.Source.Key() != key || len(groups) == 0 {
		reader, err := a.groupReader(s, rule)
		if err == nil {
			groups, err = reader.Groups(ctx)
		}
		if err != nil {
			other.Unread = true
			return other
		}
	}
	other.Wanted = membership.Select(rule.Groups, groups, newGroupExpressions(rule)).Wanted
	return other
}

// groupReader opens the source of a rule for its groups.
//
// Errors: fault.SettingsInvalid (Invalid) for a store without groups; those of opening it.
func (a *Activities) groupReader(s api.Settings, rule config.Rule) (source.GroupReader, error) {
	opened, err := a.options.Sources(a.Provisioner.SourceOf(s, rule))
	if err != nil {
		return nil, err
	}
	reader, ok := opened.(source.GroupReader)
	if !ok {
		return nil, fault.New("read groups", fault.Invalid, fault.SettingsInvalid, "rule "+rule.Name+", groups")
	}
	return reader, nil
}

// readTargetGroups reads the tenant's groups, and whatever the plan needs beside: members, and the recycle bin.
func readTargetGroups(ctx context.Context, client *graph.Client, s api.Settings, in *membership.Input, progress func(string)) error {
	sel := linkOnly(s)
	err := client.ListGroups(ctx, sel, func(page []directory.Group) error {
		in.Groups = append(in.Groups, page...)
		return nil
	})
	if err != nil {
		return err
	}
	needed := membership.Needs(*in)
	if needed.Bin {
		err := client.DeletedGroups(ctx, sel, func(page []directory.Group) error {
			in.Bin = append(in.Bin, page...)
			return nil
		})
		if err != nil {
			return err
		}
	}
	in.Members = make(map[string]membership.Read, len(needed.Members))
	var mu sync.Mutex
	var reading errgroup.Group
	reading.SetLimit(groupReaders)
	for _, id := range needed.Members {
		reading.Go(func() error {
			var read membership.Read
			read.Err = client.GroupMembers(ctx, id, func(page []string) error {
				read.Accounts = append(read.Accounts, page...)
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			in.Members[id] = read
			progress(fmt.Sprintf("reading the members of groups: %d of %d", len(in.Members), len(needed.Members)))
			return ctx.Err()
		})
	}
	return reading.Wait()
}

// groupExpressions evaluate what a rule writes about groups. An expression is compiled once, for however many groups.
type groupExpressions struct {
	tables   expression.Tables
	compiled map[string]*expression.GroupExpression
}

func newGroupExpressions(rule config.Rule) groupExpressions {
	return groupExpressions{tables: rule.GroupTables(), compiled: map[string]*expression.GroupExpression{}}
}

func (g groupExpressions) compile(text string, result expression.Result) (*expression.GroupExpression, error) {
	if compiled := g.compiled[text]; compiled != nil {
		return compiled, nil
	}
	compiled, problems := expression.CompileGroup(text, result, g.tables)
	if len(problems) > 0 {
		return nil, errors.New(problems[0].Message)
	}
	g.compiled[text] = compiled
	return compiled, nil
}

// Matches implements membership.Expressions.
func (g groupExpressions) Matches(text string, of source.Group) (bool, error) {
	compiled, err := g.compile(text, expression.Condition)
	if err != nil {
		return false, err
	}
	return compiled.Bool(of)
}

// Text implements membership.Expressions.
func (g groupExpressions) Text(text string, of source.Group) (string, error) {
	compiled, err := g.compile(text, expression.Text)
	if err != nil {
		return "", err
	}
	return compiled.Text(of)
}
