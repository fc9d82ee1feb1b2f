package activities

import (
	"context"

	"github.com/entraflow/entraflow/internal/api"
)

// RevokeSessions makes every sign-in of a disabled account invalid. Repeating it does no harm.
//
// Errors: those of Graph. A failure leaves the account disabled, with sessions that end by themselves within the hour.
func (a *Activities) RevokeSessions(ctx context.Context, in api.RevokeInput) error {
	s, err := a.settings.get(ctx, in.Connection, 0)
	if err != nil {
		return err
	}
	client, err := a.client(s)
	if err != nil {
		return err
	}
	defer heartbeat(ctx)()
	return client.RevokeSessions(a.justRead(ctx, false), in.AccountID)
}
