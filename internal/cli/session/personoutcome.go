package session

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/plan"
)

// PersonOutcome reads the result of a person who failed out of the error that the run ended with; any other error is kept.
func PersonOutcome(err error, r *api.UserResult) error {
	var failed *temporal.ApplicationError
	var details wire.ErrorDetails
	if errors.As(err, &failed) && failed.HasDetails() && failed.Details(&details, r) == nil && r.Outcome == plan.Failed {
		return nil
	}
	return err
}
