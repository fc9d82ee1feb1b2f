package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// nameCount says how many people of a connection want each user principal name. A plan knows that of everybody; a run on
// demand sees one person only, and would give a name to whoever asks first.
type nameCount struct {
	// state is that of settings and sources at the time of counting.
	state string
	plan.Names
}

// checkName refuses to give a person a user principal name that somebody else of the connection's people wants, too. The
// plan of a sync gives it to neither; a run on demand counts for itself.
//
// Errors: fault.UPNConflict (Refused); those of sources.
func (p *provisioning) checkName(ctx context.Context, c plan.Change) error {
	renamed := slices.Contains(c.Attributes, directory.UserPrincipalName)
	takesName := c.Action == plan.Create || c.Action == plan.Adopt || renamed
	switch {
	case !takesName || p.person.Err != nil:
		return nil
	case p.in.Planned != nil && renamed && p.sourceAsPlanned() && p.in.Planned.Disable && !slices.Contains(p.in.Planned.Attributes, directory.UserPrincipalName):
		return refuse("match", fault.UPNConflict, directory.UserPrincipalName)
	case p.in.Planned != nil:
		return nil
	}
	wanted, err := p.wanted(ctx, p.settings, p.person.Desired.UserPrincipalName)
	if err != nil {
		return err
	}
	if wanted > 1 {
		return refuse("match", fault.UPNConflict, directory.UserPrincipalName)
	}
	return nil
}

// wanted is how many people want a name. All sources are read once, until settings or a source change.
func (p *Provisioner) wanted(ctx context.Context, s api.Settings, upn string) (int, error) {
	rules, err := p.Rules(ctx, s, nil)
	if err != nil {
		return 0, err
	}
	state, err := p.sourcesState(ctx, s, rules)
	if err != nil {
		return 0, err
	}
	count, err := p.names.Load(ctx, s.Config.Name, func(c nameCount) bool { return c.state == state }, func(ctx context.Context) (nameCount, error) {
		names, err := countNames(ctx, rules)
		return nameCount{state, names}, err
	})
	if err != nil {
		return 0, err
	}
	return count.Wanted(upn), nil
}

// livePatience is for how long the names of a live directory are taken for the present ones.
const livePatience = 5 * time.Minute

// sourcesState identifies settings and sources.
func (p *Provisioner) sourcesState(ctx context.Context, s api.Settings, rules []Rule) (string, error) {
	state := fmt.Sprint(s.Revision)
	for _, rule := range rules {
		snapshot, err := rule.People.Snapshot(ctx)
		if err != nil {
			return "", err
		}
		if snapshot.ID == "" {
			// A live directory does not say whether it has changed.
			snapshot.ID = p.options.Now().Truncate(livePatience).Format(time.RFC3339)
		}
		state += "/" + snapshot.ID
	}
	return state, nil
}

// countNames counts the names of everybody in scope. One person counts once, whatever rules claim them, as only one of them
// provisions; whose mapping fails wants no name.
func countNames(ctx context.Context, rules []Rule) (plan.Names, error) {
	names := plan.NewNames()
	claimed := map[string]bool{}
	for _, rule := range rules {
		_, err := rule.People.List(ctx, func(r source.Record) error {
			// For whom the filter fails is reported by the rule's own sync, and gets no account there.
			if in, err := rule.Program.InScope(r); err != nil || !in || claimed[r.ID] {
				return nil
			}
			if len(rules) > 1 {
				claimed[r.ID] = true
			}
			names.Want(rule.Program, r)
			return nil
		})
		if err != nil {
			return plan.Names{}, err
		}
	}
	return names, nil
}
