// Package link holds the commands about the links between people and accounts.
package link

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/plan"
)

// command is one run of the commands below.
type command struct{ *session.Session }

// Command is `starter link`.
func Command(s *session.Session) *cobra.Command {
	a := command{s}
	return a.Group("link", "Say whose account it is", `  go run ./starter link move contoso E10001 E20417 --confirm E20417`, a.moveCommand())
}

func (a command) moveCommand() *cobra.Command {
	var confirm string
	c := &cobra.Command{
		Use:   "move CONNECTION OLD-ID NEW-ID --confirm NEW-ID",
		Short: "Give a person's account to the person's new source id",
		Long: `move is for one human under a new source id, such as a contractor who became an employee: the account that is linked to the old
id is linked to the new one, with its mark, and then brought up to date. What entraflow disabled or assigned under the old id stays its
own, so the account is enabled again and gets the licenses of the new id.

The old id must have left the source or the filter, the new one must be in scope and have no account. Without --confirm nothing is done.`,
		Example: `  go run ./starter link move contoso E10001 E20417 --confirm E20417`,
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := api.MoveLinkInput{Connection: args[0], User: args[1], To: args[2]}
			if err := confirmed(in, confirm); err != nil {
				return err
			}
			return a.WithTemporal(cmd.Context(), func(ctx context.Context, t *session.Link) error { return a.move(ctx, t, in) })
		},
	}
	c.Flags().StringVar(&confirm, "confirm", "", "the new id once more")
	return c
}

func confirmed(in api.MoveLinkInput, confirm string) error {
	switch {
	case in.User == in.To:
		return session.WrongUse("give the old id and then the new one", "%s is both the old and the new id", in.User)
	case confirm == "":
		return session.WrongUse("add --confirm "+in.To, "giving the account of %s to %s needs a confirmation; nothing was done", in.User, in.To)
	}
	return session.Confirmed(in.To, confirm)
}

// result is the JSON of `link move`.
type result struct {
	api.UserResult
	WorkflowID string `json:"workflowId"`
	URL        string `json:"url,omitempty"`
}

func (a command) move(ctx context.Context, t *session.Link, in api.MoveLinkInput) error {
	var begun api.StateResult
	if err := a.Update(ctx, t, in.Connection, api.UpdateMoveLink, &begun, in); err != nil {
		return err
	}
	id := api.MoveLinkID(in.Connection, in.User)
	stop := a.Waiting("waiting for " + id)
	r := result{WorkflowID: api.UserID(in.Connection, in.To)}
	r.URL = t.WorkflowURL(r.WorkflowID)
	err := session.PersonOutcome(t.GetWorkflow(ctx, id, "").Get(ctx, &r.UserResult), &r.UserResult)
	stop()
	if err != nil {
		return t.Unanswered(wire.Received(err), in.Connection)
	}
	text := fmt.Sprintf("The account %s belongs to %s now. %s\n", r.AccountID, in.To, r.Message)
	if err := a.Print(r, text); err != nil {
		return err
	}
	if r.Outcome == plan.Failed {
		cause, fix := r.Reason.Parts()
		return session.Incomplete(fix, "the link was moved, and %s was not brought up to date: %s (%s)", in.To, cause, r.Reason)
	}
	return nil
}
