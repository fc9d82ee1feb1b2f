package user

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/terminal"
)

func (a command) userProvisionCommand() *cobra.Command {
	var samePerson, dryRun bool
	c := a.personCommand(&cobra.Command{
		Use:   "provision [CONNECTION] ID",
		Short: "Bring one person up to date now",
		Long: `provision goes five steps and says what each has found: connection, read (the person at the source), scope (which rule
includes the person), match (which account it is), act. It stops at the first that ends it, with the reason. The first four
are taken in this process; the fifth is the person's workflow, which looks for itself. Where that runs already it is asked
to look again. All runs about a person stand under one id in the Web UI.

Exit status 1 if the person failed, 2 if nothing was done because nobody is to be provisioned.`,
		Example: `  go run ./starter user provision contoso E10001
  go run ./starter user provision contoso E10001 --dry-run
  go run ./starter user provision contoso E10001 --same-person`,
	}, func(ctx context.Context, t *session.Link, connection, id string) error {
		return a.provision(ctx, t, api.UserInput{Connection: connection, User: id, SamePerson: samePerson}, dryRun)
	})
	c.Flags().BoolVar(&samePerson, "same-person", false, "vouch that the id still means the person of the account, where source_id_reused or linked_from_another_source was reported")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "stop before acting")
	return c
}

// Verdicts of a step.
const (
	stepOK   = "ok"
	stepWait = "wait"
	stepStop = "stop"
)

// personStep is one of the five steps.
type personStep struct {
	Step string `json:"step"`
	// Verdict is ok; wait, where what is in the way passes by itself; or stop.
	Verdict string       `json:"verdict"`
	Found   string       `json:"found"`
	Reason  fault.Reason `json:"reason,omitempty"`
}

func (a command) provision(ctx context.Context, t *session.Link, in api.UserInput, dryRun bool) error {
	found, err := a.inspect(ctx, t, provision.InspectInput{Connection: in.Connection, User: in.User, SamePerson: in.SamePerson})
	if err != nil {
		return err
	}
	r := personResult{WorkflowID: api.UserID(in.Connection, in.User)}
	steps, end := found.steps()
	if end == nil && !dryRun {
		stop := a.Waiting("waiting for " + r.WorkflowID)
		r, err = runPerson(ctx, t, api.ProvisionUserType, in)
		stop()
		if err != nil {
			return err
		}
		act := personStep{Step: "act", Verdict: stepOK, Found: r.Message, Reason: r.Reason}
		if r.Outcome == plan.Failed {
			act.Verdict = stepStop
		}
		r.Steps = append(steps, act)
	} else {
		r.UserResult = api.UserResult{Connection: in.Connection, Rule: found.Rule, User: in.User, Action: plan.None, Outcome: plan.Unsynced}
		r.Steps = append(steps, found.wouldAct(end)...)
		found.expect(&r.UserResult, end)
	}
	if err := a.Print(r, stepsText(r.Steps)+personText(r, found.licenses)); err != nil {
		return err
	}
	switch {
	case end != nil:
		return ending(in.User, end)
	case r.Outcome == plan.Failed && !dryRun:
		return session.Incomplete(session.Hint(&fault.Error{Reason: r.Reason}), "%s could not be provisioned: %s", in.User, r.Reason)
	}
	return nil
}

// ending is the failure of a provision that a step ended before anything was done.
func ending(user string, why *fault.Error) error {
	cause, fix := why.Reason.Parts()
	f := &session.Failure{Status: session.StatusIncomplete, What: fmt.Sprintf("%s was not provisioned: %s (%s)", user, cause, why.Reason), Next: cmp.Or(session.Hint(why), fix), Printed: true}
	switch why.Reason {
	case fault.PersonNotFound, fault.PersonOutOfScope, fault.RuleDisabled, fault.ConnectionDisabled, fault.ConnectionInvalid:
		f.Status = session.StatusWrongUse
	}
	return f
}

// steps are the first four, up to the one that ends it.
func (i inspected) steps() (steps []personStep, end *fault.Error) {
	for _, s := range []struct {
		name string
		take func() (string, *fault.Error)
	}{{"connection", i.stepConnection}, {"read", i.stepRead}, {"scope", i.stepScope}, {"match", i.stepMatch}} {
		found, why := s.take()
		step := personStep{Step: s.name, Verdict: stepOK, Found: found}
		if why != nil {
			step.Verdict, step.Reason = stepStop, why.Reason
			if step.Found != "" {
				step.Found += "; "
			}
			step.Found += whyText(why)
			if why.Kind.Retryable() {
				// The workflow waits until it has passed.
				step.Verdict = stepWait
			}
		}
		steps = append(steps, step)
		if step.Verdict == stepStop {
			return steps, why
		}
	}
	return steps, nil
}

func (i inspected) stepConnection() (string, *fault.Error) {
	s := i.Settings
	return fmt.Sprintf("%s, tenant %s, settings revision %d", s.Config.Name, cmp.Or(s.Pinned.TenantID, s.Config.TenantID), s.Revision), i.Connection
}

// stepRead tells in which sources the person is. Which of the enabled rules' sources cannot be read, the scope knows.
func (i inspected) stepRead() (string, *fault.Error) {
	var found []string
	for _, v := range i.Rules {
		if v.Record == nil {
			continue
		}
		enabled := "enabled"
		if v.Record.EnabledErr != nil {
			enabled = "enabled is unreadable"
		} else if !v.Record.Enabled {
			enabled = "disabled at the source"
		}
		text := fmt.Sprintf("in %s, %d columns, %s", sourceName(v), len(v.Record.Fields), enabled)
		if !v.State.Enabled {
			text += " (rule " + v.State.Name + " is not enabled)"
		}
		if !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	if len(found) > 0 {
		return strings.Join(found, "; "), nil
	}
	if why := i.scope(); why != nil {
		return "", why
	}
	return "", fault.New("", fault.NotFound, fault.PersonNotFound, "")
}

// stepScope tells which rules include the person, and which of them provisions.
func (i inspected) stepScope() (string, *fault.Error) {
	var parts []string
	for _, v := range i.Rules {
		if !v.State.Enabled && !v.InScope {
			continue
		}
		text := "rule " + v.State.Name + ": "
		switch {
		case !v.State.Enabled:
			text += "would include the person, and is not enabled"
		case v.InScope && v.State.Name == i.Rule && i.Scope != nil:
			text += "includes the person"
		case v.InScope && v.State.Name == i.Rule:
			text += "includes the person and provisions them"
		case v.InScope:
			text += "includes the person, too"
		case v.Why != nil && v.Why.Reason == fault.PersonNotFound:
			text += "not in its source"
		case v.Why != nil && v.Why.Reason == fault.PersonOutOfScope:
			text += "outside its filter"
		case v.Why != nil:
			text += string(v.Why.Reason)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; "), i.scope()
}

// stepMatch tells which account was found, and by what.
func (i inspected) stepMatch() (string, *fault.Error) {
	m := i.Match
	found := "no account carries the person's link or has their name"
	switch account := i.account(); {
	case i.Unread != nil && account == nil:
		found = "whether there is an account is unknown: the tenant could not be read"
	case i.Matching != nil && account == nil:
		found = ""
	case len(m.Linked) > 1:
		found = fmt.Sprintf("%d accounts carry the person's link", len(m.Linked))
	case len(m.Linked) == 1:
		found = fmt.Sprintf("account %s (%s) carries the person's link", account.ID, account.UserPrincipalName)
	case m.SameName != nil:
		found = fmt.Sprintf("account %s (%s) has the person's name, and no link to them", account.ID, account.UserPrincipalName)
	case m.Deleted != nil:
		found = fmt.Sprintf("account %s with the person's link lies in the recycle bin", account.ID)
	}
	switch c := i.Change; {
	case i.Matching != nil:
		return found, i.Matching
	case i.Deciding != nil:
		return found, i.Deciding
	case c != nil && c.Outcome == plan.Failed:
		return found, fault.New("", fault.Refused, c.Reason, c.Subject)
	}
	return found, nil
}

// wouldAct is the fifth step of a dry run; none where an earlier one ended it.
func (i inspected) wouldAct(end *fault.Error) []personStep {
	if end != nil {
		return nil
	}
	step := personStep{Step: "act", Verdict: stepOK, Found: "a run decides when what is in the way has passed; this was a dry run"}
	if c := i.Change; c != nil {
		step.Found, step.Reason = "would do: "+changeText(c, i.licenses)+"; this was a dry run", c.Reason
		if c.Reason != "" {
			step.Found += "; " + string(c.Outcome) + ": " + reasonText(c.Reason, c.Subject)
		}
	}
	return []personStep{step}
}

// expect fills in how a run would end.
func (i inspected) expect(r *api.UserResult, end *fault.Error) {
	if c := i.Change; c != nil && !i.Leaving {
		r.Action, r.AccountID, r.Attributes = c.Action, c.AccountID, c.Attributes
		r.Outcome, r.Reason, r.Subject = c.Outcome, c.Reason, c.Subject
	}
	if end != nil {
		r.Action, r.Reason, r.Subject = plan.None, end.Reason, end.Subject
		if r.Outcome = plan.Failed; ending(r.User, end).(*session.Failure).Status == session.StatusWrongUse {
			r.Outcome = plan.Unsynced
		}
	}
	r.Message = "Nothing was written."
}

// stepsText is the numbered list of steps.
func stepsText(steps []personStep) string {
	table := terminal.Table{}
	for n, s := range steps {
		table.Row(strconv.Itoa(n+1), s.Step, s.Verdict, s.Found)
	}
	return table.String()
}
