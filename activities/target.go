package activities

import (
	"context"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/graph"
)

// client gives the client of a connection that has been tested. It signs in to the tenant that was pinned then: where the
// configuration names the tenant by a domain, that domain may have moved to another tenant since, and nobody is to be
// provisioned there.
func (a *Activities) client(s api.Settings) (*graph.Client, error) {
	return a.graph(pinned(s.Config, s.Pinned.TenantID))
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
