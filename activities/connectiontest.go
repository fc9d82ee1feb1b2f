package activities

import (
	"context"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/check"
	"github.com/entraflow/entraflow/internal/graph"
)

// TestConnection proves that a connection can work and registers its extension properties where they are missing. It
// waits for a new property to become usable. Then it looks at the sources of the rules that are enabled, and for
// the groups that they name.
//
// What goes wrong is in the report; there is an error only when no client can be made at all.
func (a *Activities) TestConnection(ctx context.Context, in api.TestInput) (api.TestReport, error) {
	stop := heartbeat(ctx)
	defer stop()
	return Check(ctx, a, in, nil), nil
}

// Check is TestConnection without Temporal, for a connection that is not saved yet.
func Check(ctx context.Context, a *Activities, in api.TestInput, progress func(string)) api.TestReport {
	if err := a.allowed(in.Config); err != nil {
		return check.Unreachable(err, a.options.Now())
	}
	client, err := a.graph(in.Config)
	if err != nil {
		return check.Unreachable(err, a.options.Now())
	}
	client = client.With(nth(ctx))
	if in.Config.Preferences.Policy.Observes() {
		client = client.With(graph.ReadOnly())
	}
	report := check.Run(ctx, client, check.Options{
		Config:       in.Config,
		PinnedTenant: in.Pinned.TenantID,
		Secret:       func(ctx context.Context) (string, error) { return in.Config.Credential().Read(ctx, a.options.Secrets) },
		Now:          a.options.Now,
		Waits:        a.options.Waits,
		Progress:     progress,
	})
	if err := a.renewToken(ctx, in.Config, report.TenantID); report.OK && err != nil {
		return check.Unreachable(err, a.options.Now())
	}
	report.Sources = check.Sources(ctx, in.Config.Rules, a.options.Sources)
	a.testGroups(ctx, in.Config, client.With(nth(ctx)), &report)
	return report
}
