package user

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
)

func (a command) userDeprovisionCommand() *cobra.Command {
	var confirm string
	c := a.personCommand(&cobra.Command{
		Use:   "deprovision [CONNECTION] ID --confirm ID",
		Short: "Deprovision one person who left the source or the filter",
		Long: `deprovision takes the access away from somebody whom no enabled rule includes any more, as removeAction says. It is refused
for somebody in scope: take the person out of the source or the filter first. The workflow looks for itself whether the
person really left. Without --confirm nothing is done; the command says what would happen.`,
		Example: `  go run ./starter user deprovision contoso E10001
  go run ./starter user deprovision contoso E10001 --confirm E10001`,
	}, func(ctx context.Context, t *session.Link, connection, id string) error {
		if confirm == "" {
			return a.unconfirmedPerson(ctx, t, connection, id)
		}
		if err := session.Confirmed(id, confirm); err != nil {
			return err
		}
		return a.deprovision(ctx, t, connection, id)
	})
	c.Flags().StringVar(&confirm, "confirm", "", "the person's id once more")
	return c
}

// unconfirmedPerson says what deprovisioning would do.
func (a command) unconfirmedPerson(ctx context.Context, t *session.Link, connection, id string) error {
	found, err := a.inspect(ctx, t, provision.InspectInput{Connection: connection, User: id})
	if err != nil {
		return err
	}
	would := ""
	switch c := found.Change; {
	case found.Connection != nil:
		return found.Connection
	case found.Scope == nil:
		return fault.New("", fault.Refused, fault.PersonInScope, id)
	case !found.Leaving:
		return found.Scope
	case found.Matching != nil:
		return found.Matching
	case found.Deciding != nil:
		return found.Deciding
	case c != nil && c.Action == plan.None && c.Reason == "":
		would = "the person is deprovisioned already"
	case c != nil && c.Action == plan.None:
		would = reasonText(c.Reason, c.Subject)
	case c != nil:
		would = "it would " + changeText(c, found.licenses) + ", because " + reasonText(c.Reason, "")
	default:
		return session.WrongUse("check the id", "%s cannot be deprovisioned: no account carries this person's link, so there is nothing to do", id)
	}
	return session.WrongUse("add --confirm "+id, "deprovisioning %s needs a confirmation; nothing was done: %s", id, would)
}

func (a command) deprovision(ctx context.Context, t *session.Link, connection, id string) error {
	d, err := t.Describe(ctx, connection)
	if err != nil {
		return err
	}
	if err := d.Usable(); err != nil {
		return err
	}
	stop := a.Waiting("waiting for " + api.UserID(connection, id))
	r, err := runPerson(ctx, t, api.DeprovisionUserType, api.UserInput{Connection: connection, User: id})
	stop()
	if err != nil {
		return err
	}
	if r.Reason == fault.PersonInScope {
		return fault.New("", fault.Refused, fault.PersonInScope, id)
	}
	if err := a.Print(r, r.Message+"\n"+personText(r, nil)); err != nil {
		return err
	}
	if r.Outcome == plan.Failed {
		cause, fix := r.Reason.Parts()
		return session.Incomplete(fix, "%s was not deprovisioned: %s (%s)", id, cause, r.Reason)
	}
	return nil
}
