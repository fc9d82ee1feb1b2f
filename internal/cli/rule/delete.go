package rule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/cli/report"
	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// ruleDeletion is what the flags of `rule delete` say.
type ruleDeletion struct {
	connection, rule, confirm string
	retryNow, noWait          bool
	// seen is the pass of the deletion that had ended before this command asked for another.
	seen int
}

func (a command) ruleDeleteCommand(connection *string) *cobra.Command {
	var d ruleDeletion
	c := &cobra.Command{
		Use:   "delete [CONNECTION] RULE --confirm RULE",
		Short: "Delete a rule; whether its people are deprovisioned is a preference of the connection",
		Long: `delete disables the rule for good, ends its sync and settles the accounts that carry its link: with the preference
deprovisionOnRuleDeletion each of them is deprovisioned as removeAction says, without it they stay as they are. Without
--confirm nothing is done; the command says what would happen. Called again it shows how far the deletion is.

The rule stays until everybody is settled. When only people are left who cannot be settled now, or when allowDeprovision is
off, the command says who, why and what to do, and ends with exit status 1; the deletion goes on by itself and tries again.`,
		Example: `  go run ./starter rule delete staff --confirm staff
  go run ./starter rule delete contoso staff --confirm staff --no-wait
  go run ./starter rule delete contoso staff --retry-now`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if d.connection, d.rule, err = session.ConnectionAndName(*connection, args); err != nil {
				return err
			}
			if d.confirm != "" {
				if err := session.Confirmed(d.rule, d.confirm); err != nil {
					return err
				}
			}
			return a.deleteRule(cmd.Context(), d)
		},
	}
	c.Flags().StringVar(&d.confirm, "confirm", "", "the rule's name once more")
	c.Flags().BoolVar(&d.retryNow, "retry-now", false, "try those who failed again at once; for a deletion that is under way")
	c.Flags().BoolVar(&d.noWait, "no-wait", false, "start only, do not wait for the end")
	return c
}

func (a command) deleteRule(ctx context.Context, d ruleDeletion) error {
	err := a.WithTemporal(ctx, func(ctx context.Context, t *session.Link) (err error) {
		if d.connection, err = t.Only(ctx, d.connection); err != nil {
			return err
		}
		if err := a.beginDeletion(ctx, t, &d); err != nil {
			return err
		}
		if d.noWait {
			return a.printDeletion(t, deletion(ctx, t, d.connection, d.rule), d)
		}
		return a.followDeletion(ctx, t, d)
	})
	if d.confirm == "" && !d.retryNow && !session.IsWrongUse(err) {
		// Nobody to ask what would happen. That it was not confirmed, and so not done, is true all the same.
		f := session.FailureOf(session.Confirmed(d.rule, ""))
		f.Why = err
		return f
	}
	return err
}

// beginDeletion starts the deletion or finds it running. Without a confirmation it says what would happen.
func (a command) beginDeletion(ctx context.Context, t *session.Link, d *ruleDeletion) error {
	state, err := t.Describe(ctx, d.connection)
	if err != nil {
		return err
	}
	rule, ok := state.Rule(d.rule)
	switch {
	case !ok:
		return fault.New("", fault.Refused, fault.RuleUnknown, d.rule)
	case d.confirm != "":
		var r api.StateResult
		in := api.RuleInput{Rule: d.rule, Confirm: d.confirm}
		if err := a.Update(ctx, t, d.connection, api.UpdateDeleteRule, &r, in); err != nil {
			return err
		}
		a.Notes.Sayf("%s", r.Message)
	case !rule.Deleting && d.retryNow:
		return session.WrongUse("delete it with --confirm "+d.rule, "rule %s is not being deleted, so there is nothing to retry", d.rule)
	case !d.retryNow:
		return unconfirmed(state, rule)
	}
	if !d.retryNow {
		return nil
	}
	if r := deletion(ctx, t, d.connection, d.rule); r.Waiting {
		d.seen = r.Pass
	}
	err = t.SignalWorkflow(ctx, api.DeleteRuleID(d.connection, d.rule), "", api.SignalAgain, nil)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return session.WrongUse("start it anew: starter rule delete "+d.connection+" "+d.rule+" --confirm "+d.rule,
			"the deletion of rule %s does not run", d.rule)
	}
	return t.Unanswered(err, d.connection)
}

// unconfirmed says what deleting the rule would do.
func unconfirmed(d api.Description, rule api.RuleSettings) error {
	name, p := d.Config.Name, d.Config.Preferences
	if rule.Deleting {
		return session.WrongUse(fmt.Sprintf("starter rule delete %s %s --confirm %s shows how far it is, with --retry-now it tries those who failed again at once", name, rule.Name, rule.Name),
			"rule %s is being deleted already", rule.Name)
	}
	accounts := "the accounts that carry its link (it has not synced yet, so their number is not known)"
	if s, ok := d.Syncs[rule.Name]; ok {
		accounts = fmt.Sprintf("the accounts that carry its link (about %d by its last sync)", s.Success+s.PartiallySynced)
	}
	would := fmt.Sprintf("%s would stay as they are, since deprovisionOnRuleDeletion is off", accounts)
	if p.DeprovisionOnRuleDeletion {
		action := "disabled"
		if p.RemoveAction == config.RemoveDelete {
			action = "deleted"
		}
		would = fmt.Sprintf("%s would be %s, since deprovisionOnRuleDeletion is on; those whom another rule provisions would be kept", accounts, action)
	}
	return session.WrongUse("add --confirm "+rule.Name,
		"deleting rule %s of connection %s needs a confirmation; nothing was done. The rule would be disabled for good, and %s", rule.Name, name, would)
}

// deletion asks how far a deletion is; the zero value says that it could not be learned.
func deletion(ctx context.Context, t *session.Link, connection, rule string) api.DeleteRuleResult {
	var r api.DeleteRuleResult
	query, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	value, err := t.QueryWorkflow(query, api.DeleteRuleID(connection, rule), "", api.QueryProgress)
	if err != nil || value.Get(&r) != nil {
		return api.DeleteRuleResult{Connection: connection, Rule: rule}
	}
	return r
}

// followDeletion shows how far the deletion is until it ends, or until only those are left who cannot be settled now.
func (a command) followDeletion(ctx context.Context, t *session.Link, d ruleDeletion) error {
	var result api.DeleteRuleResult
	ended := make(chan error, 1)
	go func() {
		ended <- t.GetWorkflow(ctx, api.DeleteRuleID(d.connection, d.rule), "").Get(ctx, &result)
	}()
	tick := time.NewTicker(a.Poll)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			a.Notes.Clear()
			return a.deletionEnded(ctx, t, d, result, err)
		case <-tick.C:
		}
		r := deletion(ctx, t, d.connection, d.rule)
		if r.Waiting && r.Pass > d.seen {
			a.Notes.Clear()
			return a.deletionWaits(t, r, d)
		}
		a.Notes.Progress("rule " + d.rule + ": " + deletionProgress(r))
	}
}

// deletionWaits tells of a deletion that cannot go on for now. It may be days until somebody has mended the cause.
func (a command) deletionWaits(t *session.Link, r api.DeleteRuleResult, d ruleDeletion) error {
	if err := a.printDeletion(t, r, d); err != nil {
		return err
	}
	look := fmt.Sprintf("starter rule delete %s %s --confirm %s shows how far it is", d.connection, d.rule, d.rule)
	if r.Blocked != "" {
		return session.Incomplete(look, "the deletion of rule %s waits for a setting to change (%s), and then goes on by itself", d.rule, r.Blocked)
	}
	return session.Incomplete("mend what is named above; "+look,
		"%d of %s of rule %s could not be settled; the deletion goes on by itself and tries again", r.Failed, plan.People(r.Linked), d.rule)
}

// deletionEnded tells of the end, or that only the waiting has ended.
func (a command) deletionEnded(ctx context.Context, t *session.Link, d ruleDeletion, r api.DeleteRuleResult, err error) error {
	var failed *temporal.ApplicationError
	switch {
	case err == nil:
		return a.printDeletion(t, r, d)
	case ctx.Err() != nil:
		return &session.Failure{Status: session.StatusIncomplete, What: "stopped waiting; the deletion of rule " + d.rule + " goes on",
			Next: fmt.Sprintf("starter rule delete %s %s --confirm %s shows how far it is", d.connection, d.rule, d.rule)}
	case errors.As(err, &failed):
		f := wire.FaultOf(err)
		return &session.Failure{Status: session.StatusIncomplete, What: fmt.Sprintf("the deletion of rule %s failed, and the rule stays disabled: %s (%s)", d.rule, f.Message(), f.Reason),
			Next: fmt.Sprintf("mend the cause, then start it anew: starter rule delete %s %s --confirm %s", d.connection, d.rule, d.rule)}
	}
	return t.Unanswered(err, d.connection)
}

// deletionProgress words how far a deletion is.
func deletionProgress(r api.DeleteRuleResult) string {
	if r.Linked == 0 {
		return strings.ToLower(strings.TrimSuffix(cmp.Or(r.Phase, "Starting."), "."))
	}
	text := fmt.Sprintf("%d of %d accounts settled", r.Deprovisioned+r.Before+r.Kept+r.Left, r.Linked)
	if r.Failed > 0 {
		text += fmt.Sprintf(", %d failed so far", r.Failed)
	}
	return text
}

// troubleText names those who could not be settled, and says that they are tried again.
func troubleText(r api.DeleteRuleResult, d ruleDeletion) string {
	if r.Failed == 0 {
		return ""
	}
	return fmt.Sprintf("%s could not be settled:\n%s  they are tried again by and by; at once with: starter rule delete %s %s --retry-now\n",
		plan.People(r.Failed), report.NotesText(r.Problems, r.Failed), d.connection, d.rule)
}

// deletionResult is the JSON of `rule delete`.
type deletionResult struct {
	api.DeleteRuleResult
	WorkflowID string `json:"workflowId"`
	URL        string `json:"url,omitempty"`
}

func (a command) printDeletion(t *session.Link, r api.DeleteRuleResult, d ruleDeletion) error {
	id := api.DeleteRuleID(d.connection, d.rule)
	result := deletionResult{DeleteRuleResult: r, WorkflowID: id, URL: t.WorkflowURL(id)}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", cmp.Or(r.Message, "rule "+d.rule+" is being deleted: "+deletionProgress(r)))
	if r.Blocked != "" {
		fmt.Fprintf(&b, "  %s\n", r.Phase)
	}
	b.WriteString(troubleText(r, d))
	if result.URL != "" {
		fmt.Fprintf(&b, "  %s\n", result.URL)
	}
	return a.Print(result, b.String())
}
