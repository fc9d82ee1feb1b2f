package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// groupTestPatience is how long the groups of one rule may take to be looked at.
const groupTestPatience = 2 * time.Minute

// testGroups looks for the groups that the enabled rules name, at the source and, where the tenant can be read, at the target, and adds what it
// finds to the report's sources: names that the source does not have, and groups that cannot be written.
func (a *Activities) testGroups(ctx context.Context, c config.Connection, client *graph.Client, report *api.TestReport) {
	s := api.Settings{Config: c, Pinned: api.Pinned{LinkProperty: report.LinkProperty, MarkProperty: report.MarkProperty}}
	for _, rule := range c.Rules {
		i := slices.IndexFunc(report.Sources, func(t api.SourceTest) bool { return slices.Contains(t.Rules, rule.Name) })
		if !rule.Enabled || len(rule.Groups) == 0 || i < 0 {
			continue
		}
		if _, failed := report.Sources[i].Failure(); failed {
			continue
		}
		if !report.OK {
			client = nil
		}
		report.Sources[i].Checks = append(report.Sources[i].Checks, a.testRuleGroups(ctx, s, rule, client)...)
	}
}

// testRuleGroups gives the checks of one rule's groups; client is nil where the tenant cannot be read.
func (a *Activities) testRuleGroups(ctx context.Context, s api.Settings, rule config.Rule, client *graph.Client) (checks []api.TestCheck) {
	ctx, cancel := context.WithTimeout(ctx, groupTestPatience)
	defer cancel()
	failed := func(reason fault.Reason, about string) {
		message, fix := reason.Parts()
		checks = append(checks, api.TestCheck{Name: "groups", Status: api.TestFailed, Reason: reason, Message: about + ": " + message, Fix: fix})
	}
	reader, err := a.groupReader(s, rule)
	var groups []source.Group
	if err == nil {
		groups, err = reader.Groups(ctx)
	}
	if err != nil {
		failed(fault.Of(err).Reason, "rule "+rule.Name)
		return checks
	}
	world := membership.Input{Connection: s.Config.Name, Rule: rule.Name, Preferences: s.Config.Preferences, Selection: membership.Select(rule.Groups, groups, newGroupExpressions(rule))}
	for _, p := range world.Selection.Problems {
		about := fmt.Sprintf("rule %s, %s: %q", rule.Name, p.Setting, p.Name)
		if len(p.Near) > 0 {
			about += " (the source has " + strings.Join(p.Near, ", ") + ")"
		}
		failed(p.Reason, about)
	}
	if client != nil {
		if err := testTargets(ctx, client, s, &world); err != nil {
			failed(fault.Of(err).Reason, "rule "+rule.Name+", groups of the tenant")
			return checks
		}
		for _, d := range membership.Build(world).Decisions {
			if d.Wanted != nil && d.Outcome == plan.Failed {
				failed(d.Reason, fmt.Sprintf("rule %s, group %q %s", rule.Name, d.Wanted.Group.Name, d.Subject))
			}
		}
	}
	if len(checks) == 0 {
		checks = append(checks, api.TestCheck{Name: "groups", Status: api.TestOK, Message: fmt.Sprintf("rule %s: %d groups", rule.Name, len(world.Selection.Wanted))})
	}
	return checks
}

// testTargets reads which groups the tenant has. Their members do not matter here.
func testTargets(ctx context.Context, client *graph.Client, s api.Settings, world *membership.Input) error {
	err := client.ListGroups(ctx, linkOnly(s), func(page []directory.Group) error {
		world.Groups = append(world.Groups, page...)
		return nil
	})
	if err != nil {
		return err
	}
	world.Members, world.Memberships = map[string]membership.Read{}, map[string]source.Membership{}
	for _, id := range membership.Needs(*world).Members {
		world.Members[id] = membership.Read{}
	}
	for _, w := range world.Selection.Wanted {
		world.Memberships[w.Group.ID] = source.Membership{Group: w.Group}
	}
	return nil
}
