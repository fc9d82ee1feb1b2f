// Package group holds the commands about groups.
package group

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/cli/simulation"
	"github.com/entraflow/entraflow/internal/membership"
)

// command is one run of the commands below.
type command struct{ *session.Session }

// Command is `starter group`.
func Command(s *session.Session) *cobra.Command {
	a := command{s}
	return a.Group("group", "Look at groups", `  go run ./starter group list --connection contoso
  go run ./starter group show contoso Sales`, a.listCommand(), a.showCommand())
}

// world is what source and tenant show of the groups of one rule, and what a sync would do about them.
type world struct {
	rule string
	in   membership.Input
	plan *membership.Plan
}

// read looks at the groups of a connection's rules in this process; nothing is written. With a rule it looks at that one only.
func (a command) read(ctx context.Context, connection, rule string) (d api.Description, worlds []world, err error) {
	err = a.WithTemporal(ctx, func(ctx context.Context, t *session.Link) error {
		if connection, err = t.Only(ctx, connection); err != nil {
			return err
		}
		if d, err = t.Describe(ctx, connection); err != nil {
			return err
		}
		simulator, giveBack, err := simulation.Lend(ctx, a.Session, "", &d.Config)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, giveBack()) }()
		e, err := a.Engine(t, simulator, nil)
		if err != nil {
			return err
		}
		for _, r := range d.EnabledRules() {
			if len(r.Groups) == 0 || rule != "" && r.Name != rule {
				continue
			}
			w := world{rule: r.Name}
			if w.in, w.plan, err = e.Groups(ctx, d.Settings, r.Name, func(text string) { a.Notes.Progress("rule " + r.Name + ": " + text) }); err != nil {
				return err
			}
			worlds = append(worlds, w)
		}
		return err
	})
	if err == nil && len(worlds) == 0 {
		err = session.WrongUse("name groups below rules[].groups in the configuration file, and apply it", "no enabled rule of connection %s has groups", d.Config.Name)
	}
	return d, worlds, err
}
