package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
)

// MoveLink gives the account of one source id to another, where the same person has a new id, and then brings the account up to date
// as ProvisionUser does for the new id. Its result is that of ProvisionUser.
//
// Runs of one person never overlap, and this one is about two: it takes the id of the old one first, then, as a child, the id of
// the new one, which does the work and goes on as ProvisionUser. A run under any other id starts the one with the old id.
func MoveLink(ctx workflow.Context, in api.MoveLinkInput) (api.UserResult, error) {
	m := moveLink{in}
	return m.run(ctx)
}

type moveLink struct{ api.MoveLinkInput }

func (m moveLink) run(ctx workflow.Context) (result api.UserResult, err error) {
	if err := m.check(); err != nil {
		return result, err
	}
	from, to := api.UserID(m.Connection, m.User), api.UserID(m.Connection, m.To)
	switch id := workflow.GetInfo(ctx).WorkflowExecution.ID; {
	case id == to && m.Held:
		return result, m.move(ctx)
	case id == from:
		err = m.start(ctx, to, api.MoveLinkInput{Connection: m.Connection, User: m.User, To: m.To, Held: true}, &result)
	default:
		err = m.start(ctx, from, api.MoveLinkInput{Connection: m.Connection, User: m.User, To: m.To}, &result)
	}
	return result, err
}

// check is that of an input that may have been typed by hand.
func (m moveLink) check() error {
	for _, user := range []string{m.User, m.To} {
		if err := validUser(api.UserInput{Connection: m.Connection, User: user}); err != nil {
			return wire.Reported(err)
		}
	}
	if m.User == m.To {
		return wire.Reported(fault.New("", fault.Invalid, fault.SettingsInvalid, "user and to are the same source id"))
	}
	return nil
}

// start waits until nothing runs under the id, and starts a run of this type there. What runs there now is waited for whatever it is:
// its result is no answer.
func (m moveLink) start(ctx workflow.Context, id string, in api.MoveLinkInput, result any) error {
	attributes := userSearchAttributes(api.UserInput{Connection: m.Connection})
	return startOrJoin(ctx, id, "none but this run", result, func() error { return canonical(ctx, id, api.MoveLinkType, in, attributes, result) })
}

// move moves the link, and goes on as the new id's own run.
func (m moveLink) move(ctx workflow.Context) error {
	workflow.SetCurrentDetails(ctx, "Moving the link of "+code(m.User)+" to "+code(m.To)+" in connection "+code(m.Connection)+".")
	if err := m.announce(ctx); err != nil {
		return err
	}
	ctx = workflow.WithActivityOptions(ctx, accountOptions("Move the link of "+person(m.User)+" to "+person(m.To)))
	var moved api.MoveLinkResult
	if err := execute(ctx, acts.MoveLink, m.MoveLinkInput, &moved); err != nil {
		return wire.Reported(err)
	}
	// Whoever moves the link vouches for the person: the names may all have changed.
	return workflow.NewContinueAsNewError(ctx, api.ProvisionUserType,
		api.UserInput{Connection: m.Connection, User: m.To, SamePerson: true, AccountID: moved.AccountID})
}

// announce tells the connection that the link is about to move. A plan that was made before says that the new id has no account, and whoever
// carries it out asks the connection whether it still holds. What asks after this is sure to hear of it.
func (m moveLink) announce(ctx workflow.Context) error {
	if workflow.GetVersion(ctx, "announce-move", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil
	}
	err := workflow.SignalExternalWorkflow(ctx, api.ConnectionID(m.Connection), "", api.SignalLinkMoves, nil).Get(ctx, nil)
	if temporal.IsCanceledError(err) {
		return err
	}
	// A connection that is gone cannot be told; the activity, which asks it for its settings, says so.
	return nil
}

// linkMoves makes every plan of the connection out of date.
func (c *connection) linkMoves() {
	c.events++
	c.state.Settings.Revision++
}

// validateMoveLink refuses what cannot work whatever the source says.
func (c *connection) validateMoveLink(in api.MoveLinkInput) error {
	if err := c.acceptApplied(); err != nil {
		return err
	}
	in.Connection = c.name
	if err := (moveLink{in}).check(); err != nil {
		return err
	}
	return c.checkUsable()
}

// checkUsable refuses what needs a connection that may provision.
func (c *connection) checkUsable() error {
	if err := c.state.Settings.Usable(); err != nil {
		return wire.Reported(err)
	}
	return nil
}

// moveLink starts MoveLink; whoever asked waits for that workflow.
func (c *connection) moveLink(ctx workflow.Context, in api.MoveLinkInput) (api.StateResult, error) {
	if workflow.GetVersion(ctx, "announce-move", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		// Histories from before the move announced itself counted the revision here, and what they did later was about that one.
		c.state.Settings.Revision++
	}
	in.Connection, in.Held = c.name, false
	id := api.MoveLinkID(c.name, in.User)
	options := childOptions(id, "Move the link of "+person(in.User)+" to "+person(in.To), userSearchAttributes(api.UserInput{Connection: c.name}))
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), api.MoveLinkType, in)
	if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil && !alreadyStarted(err) {
		return api.StateResult{}, err
	}
	return c.unchanged("the link is being moved: " + id), nil
}
