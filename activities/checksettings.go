package activities

import (
	"context"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
)

// CheckSettings finds everything that is wrong with a configuration, its expressions compiled. The workflow of the connection
// does not do so itself: a hundred rules take longer than a workflow may think. It also finds what this worker may not do for
// anybody: read such a secret, or provision such a tenant.
//
// Errors: fault.SettingsInvalid (Invalid) with all problems; those of allowed.
func (a *Activities) CheckSettings(_ context.Context, in api.ApplyInput) error {
	if problems := in.Config.Validate(); len(problems) > 0 {
		return fault.New("check settings", fault.Invalid, fault.SettingsInvalid, problems.Error())
	}
	return a.allowed(in.Config)
}
