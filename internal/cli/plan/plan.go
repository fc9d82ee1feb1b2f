// Package plan shows what a sync would do.
package plan

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/mapping"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/cli/simulation"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/devserver"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
)

// command is one run of the commands below.
type command struct{ *session.Session }

// Command is `starter plan`.
func Command(s *session.Session) *cobra.Command { return command{s}.planCommand() }

func (a command) planCommand() *cobra.Command {
	var path, connection, rule, values string
	var all bool
	c := &cobra.Command{
		Use:   "plan [-f FILE | --connection NAME] [--rule NAME]",
		Short: "Show what a sync would do, without doing it",
		Long: `plan reads source and tenant in this process and prints for each person what a sync would do and why. It names
attributes and licenses and prints no values; nothing is written anywhere. --values ID shows instead what filter and mappings
make of one person, values and all, on this terminal only. With -f it plans for the file as it is, even if
it has not been applied. Exit status 1 if removals would be held; the command that approves exactly these is named.`,
		Example: `  go run ./starter plan -f examples/contoso/contoso.yaml
  go run ./starter plan --connection contoso --rule staff -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path != "" && connection != "" {
				return session.WrongUse("give one of the two", "-f and --connection exclude each other")
			}
			if values != "" {
				return a.values(cmd.Context(), planRequest{path: path, connection: connection, rule: rule}, values)
			}
			return a.plan(cmd.Context(), planRequest{path: path, connection: connection, rule: rule, all: all})
		},
	}
	c.Flags().StringVarP(&path, "file", "f", "", "plan for this configuration file")
	c.Flags().StringVar(&connection, "connection", "", "plan for this saved connection; may be left out where there is only one")
	c.Flags().StringVar(&rule, "rule", "", "rule; without it, all enabled rules")
	c.Flags().StringVar(&values, "values", "", "show what filter and mappings make of the person with this id, and plan nothing")
	c.Flags().BoolVar(&all, "all", false, "list people for whom there is nothing to do, too")
	return c
}

// made are the plans of one rule; groups is nil where it has none.
type made struct {
	people *plan.Plan
	groups *membership.Plan
}

// planRequest is what the flags say.
type planRequest struct {
	path, connection, rule string
	all                    bool
}

// values shows what the mappings make of one person; the tenant is not asked.
func (a command) values(ctx context.Context, r planRequest, id string) error {
	var cfg *config.Connection
	if r.path != "" {
		loaded, err := a.Load(ctx, r.path)
		if err != nil {
			return err
		}
		cfg = loaded
	} else {
		settings, err := a.savedSettings(ctx, r.connection)
		if err != nil {
			return err
		}
		cfg = &settings.Config
	}
	rules, err := mapping.Named(cfg, r.rule)
	if err != nil {
		return err
	}
	return mapping.Print(ctx, a.Session, rules, id)
}

func (a command) plan(ctx context.Context, r planRequest) (err error) {
	settings, err := a.planSettings(ctx, r)
	if err != nil {
		return err
	}
	rules, err := plannedRules(settings, r.rule)
	if err != nil {
		return err
	}
	simulator, giveBack, err := simulation.Lend(ctx, a.Session, r.path, &settings.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, giveBack()) }()
	e, err := a.Engine(nil, simulator, nil)
	if err != nil {
		return err
	}
	var plans []made
	for _, rule := range rules {
		progress := func(text string) { a.Notes.Progress("rule " + rule + ": " + text) }
		people, groups, err := e.PlanWithGroups(ctx, settings, rule, progress)
		if settings.Revision == 0 && (fault.Is(err, fault.ExtensionMissing) || fault.Is(err, fault.ExtensionNotReady)) {
			// Without usable properties nobody can be linked: a plan without links is the true one.
			a.Notes.Sayf("the tenant has no usable extension properties of this application yet, so no account is linked; the connection test registers them")
			settings.Pinned = api.Pinned{}
			people, groups, err = e.PlanWithGroups(ctx, settings, rule, progress)
		}
		if err != nil {
			return err
		}
		plans = append(plans, made{people, groups})
	}
	names, err := e.LicenseNames(ctx, settings.Config)
	if err != nil {
		return err
	}
	return a.printPlans(settings.Config.Name, plans, names, r.all)
}

// planSettings are those of the saved connection or, with a file, what they would be once it is applied.
func (a command) planSettings(ctx context.Context, r planRequest) (api.Settings, error) {
	if r.path == "" {
		return a.savedSettings(ctx, r.connection)
	}
	cfg, err := a.Load(ctx, r.path)
	if err != nil {
		return api.Settings{}, err
	}
	settings := a.knownSettings(ctx, *cfg)
	settings.Config, settings.Enabled, settings.Valid = *cfg, true, true
	known := settings
	settings.Rules = nil
	for _, rule := range cfg.Rules {
		state, _ := known.Rule(rule.Name)
		settings.Rules = append(settings.Rules, api.RuleSettings{
			Name: rule.Name, Enabled: rule.Enabled || rule.Name == r.rule, Synced: state.Synced, GroupsSynced: state.GroupsSynced, InFile: true,
		})
	}
	return settings, nil
}

func (a command) savedSettings(ctx context.Context, connection string) (s api.Settings, err error) {
	err = a.WithTemporal(ctx, func(ctx context.Context, t *session.Link) error {
		connection, err := t.Only(ctx, connection)
		if err != nil {
			return err
		}
		d, err := t.Describe(ctx, connection)
		s = d.Settings
		return err
	})
	return s, err
}

// lookTimeout is how long plan -f looks for the saved connection; it works without Temporal, too.
const lookTimeout = 5 * time.Second

// knownSettings are what is known of a file's connection, if it runs: pinned facts and which rules have synced. Otherwise
// the properties bear the names that the connection test would give them, and every sync is a rule's first.
func (a command) knownSettings(ctx context.Context, cfg config.Connection) api.Settings {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	_, named, _ := a.ClientOptions()
	_, running := devserver.Find(filepath.Join(a.Dir, session.StateDir))
	if named || running {
		var s api.Settings
		err := a.WithTemporal(ctx, func(ctx context.Context, t *session.Link) error {
			d, err := t.Describe(ctx, cfg.Name)
			s = d.Settings
			return err
		})
		if err == nil && s.Pinned.LinkProperty != "" {
			return s
		}
	}
	a.Notes.Sayf("connection %s was not found running; this plans its first sync", cfg.Name)
	return api.Settings{Pinned: api.Pinned{
		LinkProperty: graph.ExtensionName(cfg.ClientID, graph.LinkProperty),
		MarkProperty: graph.ExtensionName(cfg.ClientID, graph.MarkProperty),
	}}
}

// plannedRules are the one that was named or all enabled ones.
func plannedRules(s api.Settings, rule string) ([]string, error) {
	if rule != "" {
		if _, ok := s.Rule(rule); !ok {
			return nil, fault.New("", fault.Refused, fault.RuleUnknown, "connection "+s.Config.Name+", rule "+rule)
		}
		return []string{rule}, nil
	}
	var names []string
	for _, r := range s.EnabledRules() {
		names = append(names, r.Name)
	}
	if len(names) == 0 {
		return nil, session.WrongUse("enable one, or name one with --rule", "connection %s has no enabled rule", s.Config.Name)
	}
	return names, nil
}
