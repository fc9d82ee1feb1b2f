package activities

import (
	"context"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// allowed reports why this worker does not provision a connection, whatever its configuration says: its tenant, or where its secrets
// are kept, is outside what the worker's environment allows.
//
// Errors: TenantNotAllowed, SecretNotAllowed (Denied); an administrator of the worker acts on them.
func (a *Activities) allowed(c config.Connection) error {
	if err := a.tenantAllowed(c.TenantID); err != nil {
		return err
	}
	references := []string{c.Credential().Reference}
	for _, rule := range c.Rules {
		for _, m := range rule.Mappings {
			references = append(references, m.Secret)
		}
	}
	for _, ref := range references {
		if err := a.options.Secrets.Allowed(ref); err != nil {
			return err
		}
	}
	return nil
}

func (a *Activities) tenantAllowed(tenant string) error {
	if len(a.options.Tenants) == 0 || slices.ContainsFunc(a.options.Tenants, func(t string) bool { return strings.EqualFold(t, tenant) }) {
		return nil
	}
	return fault.New("check tenant", fault.Denied, fault.TenantNotAllowed, tenant)
}

// client gives the client of a connection that has been tested. It signs in to the tenant that was pinned then: where the
// configuration names the tenant by a domain, that domain may have moved to another tenant since, and nobody is to be
// provisioned there.
func (a *Activities) client(s api.Settings, o ...graph.Option) (*graph.Client, error) {
	if err := a.allowed(s.Config); err != nil {
		return nil, err
	}
	c, err := a.graph(pinned(s.Config, s.Pinned.TenantID))
	if err != nil {
		return nil, err
	}
	if s.Config.Preferences.Policy.Observes() {
		// The plan withholds everything; this keeps it so whatever else has a fault.
		o = append(o, graph.ReadOnly())
	}
	return c.With(o...), nil
}

// nth says which attempt at an activity the calls of a client belong to; outside activities nobody counts.
func nth(ctx context.Context) graph.Option {
	if !activity.IsActivity(ctx) {
		return graph.Attempt(0)
	}
	return graph.Attempt(int(activity.GetInfo(ctx).Attempt))
}

// pinned is the configuration with the tenant's id in place of its domain.
func pinned(c config.Connection, tenantID string) config.Connection {
	if tenantID != "" {
		c.TenantID = tenantID
	}
	return c
}

// renewToken lets the client that provisions see, after a test that passed, the permissions that the test has seen. They
// are two clients only where the configuration names the tenant by a domain.
func (a *Activities) renewToken(ctx context.Context, c config.Connection, tenantID string) error {
	if tenantID == "" || strings.EqualFold(c.TenantID, tenantID) {
		return nil
	}
	client, err := a.graph(pinned(c, tenantID))
	if err != nil {
		return err
	}
	_, err = client.FreshToken(ctx)
	return err
}
