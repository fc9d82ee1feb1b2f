package activities

import (
	"context"
	"errors"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/provision"
)

// MoveLink gives the account of one source id to another, as provision.MoveLink tells.
func (a *Activities) MoveLink(ctx context.Context, in api.MoveLinkInput) (api.MoveLinkResult, error) {
	defer heartbeat(ctx)()
	moved, err := a.Provisioner.MoveLink(ctx, in, attempt(ctx))
	if open := new(provision.OpenEnded); errors.As(err, &open) {
		err = wire.OpenEnded(err)
	}
	return moved, err
}
