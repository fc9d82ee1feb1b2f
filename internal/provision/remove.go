package provision

import (
	"context"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
)

// Remove deprovisions one person: it disables the account or puts it into the recycle bin, as the preferences say.
//
// Whatever a plan said, it finds out for itself before it acts: settings from the connection's workflow and no cache;
// the person from every enabled rule's source, where only a complete read that is no older than the plan's can show that
// somebody is gone; the account by id, with exactly this person's link. In doubt it does nothing.
//
// Somebody whom a sync planned to remove and who is back in scope is PersonReturned, and nothing is done; without a plan
// that is an error.
//
// Without a plan the sources are read whole, and it refuses what a sync would hold or doubt: SourceIDChanged, LinkedFromOtherSource,
// SourceEmpty, SourceEndUnknown, EverybodyLeft.
//
// Errors: fault.PersonInScope, LinkChanged, LinkDuplicate (Refused), SourceOlder (Transient, after some attempts Refused),
// RevisionChanged (Stale), and those of sources and Graph.
func (p *Provisioner) Remove(ctx context.Context, in api.RemoveInput, attempt Attempt) (api.ProvisionResult, error) {
	r := &removal{Provisioner: p, in: in, attempt: attempt}
	return r.run(ctx)
}

// removal is one attempt at removing one person.
type removal struct {
	*Provisioner
	in      api.RemoveInput
	attempt Attempt

	settings api.Settings
	tenant   Tenant
	why      fault.Reason
}

func (r *removal) run(ctx context.Context) (api.ProvisionResult, error) {
	if err := r.readSettings(ctx); err != nil {
		return api.ProvisionResult{}, err
	}
	if done, err := r.checkPerson(ctx); done != nil || err != nil {
		return orZero(done), err
	}
	account, rule, err := r.find(ctx)
	if err != nil {
		return api.ProvisionResult{}, err
	}
	if account == nil {
		return api.ProvisionResult{Rule: r.in.Rule, Revision: r.settings.Revision, Action: plan.None, Outcome: plan.Success, Reason: fault.AccountNotFound}, nil
	}
	return r.act(ctx, account, rule)
}

func orZero(r *api.ProvisionResult) api.ProvisionResult {
	if r == nil {
		return api.ProvisionResult{}
	}
	return *r
}

// readSettings asks the connection's workflow, and refuses under other settings than those planned with.
func (r *removal) readSettings(ctx context.Context) (err error) {
	if r.settings, err = r.options.Settings.Fresh(ctx, r.in.Connection); err != nil {
		return err
	}
	if err = r.settings.Usable(); err != nil {
		return err
	}
	if r.in.Revision != 0 && r.settings.Revision != r.in.Revision && !r.in.RuleDeletion {
		return fault.New("remove", fault.Stale, fault.RevisionChanged, "")
	}
	if r.in.RuleDeletion && r.in.Rule == "" {
		return fault.New("remove", fault.Invalid, fault.SettingsInvalid, "ruleDeletion needs the rule in the input")
	}
	if r.in.Rule != "" {
		state, ok := r.settings.Rule(r.in.Rule)
		switch {
		case !ok:
			return refuse("remove", fault.RuleUnknown, r.in.Rule)
		case r.in.RuleDeletion && !r.settings.Config.Preferences.DeprovisionOnRuleDeletion:
			return refuse("remove", fault.DeprovisionNotAllowed, "deprovisionOnRuleDeletion")
		case r.in.RuleDeletion && !state.Deleting:
			return refuse("remove", fault.RuleDisabled, r.in.Rule+" is not being deleted")
		case !r.in.RuleDeletion && !state.Enabled:
			return refuse("remove", fault.RuleDisabled, r.in.Rule)
		}
	}
	r.tenant, err = r.options.Tenant(r.settings, graph.Attempt(r.attempt.Number))
	return err
}

// checkPerson makes sure that no enabled rule claims the person. done is set when that settles the matter.
func (r *removal) checkPerson(ctx context.Context) (done *api.ProvisionResult, err error) {
	if err := r.checkSnapshot(ctx); err != nil {
		return nil, err
	}
	claimed, why, err := r.claimed(ctx)
	if err != nil {
		return nil, err
	}
	r.why = why
	switch {
	case !claimed && !r.in.RuleDeletion && len(r.settings.EnabledRules()) == 0:
		// Without an enabled rule there is no source that could show that somebody is gone.
		return nil, refuse("remove", fault.RuleDisabled, "")
	case !claimed:
		return nil, nil
	case r.in.RuleDeletion:
		// Another rule provisions the person and takes the link over at its next sync.
		return &api.ProvisionResult{Rule: r.in.Rule, Revision: r.settings.Revision, Action: plan.None, Outcome: plan.Success, Reason: fault.PersonClaimedByOther}, nil
	}
	if r.in.Planned != nil {
		return &api.ProvisionResult{Rule: r.in.Rule, Revision: r.settings.Revision, AccountID: r.in.Planned.AccountID,
			Action: plan.None, Outcome: plan.PartiallySynced, Reason: fault.PersonReturned}, nil
	}
	if r.in.Event {
		// The source changed between two reads of one run. It is read again, and the person provisioned.
		return nil, fault.New("remove", fault.Stale, fault.PersonReturned, "")
	}
	return nil, refuse("remove", fault.PersonInScope, "")
}

// olderPatience is how many attempts wait for a worker whose copy of the source is as new as the plan's: half a minute. A
// sync must not wait for hours for one file.
const olderPatience = 6

// claimed reads the person from the sources of all enabled rules. A person of whom only the hash of the id is known is
// looked for in a whole reading.
func (r *removal) claimed(ctx context.Context) (bool, fault.Reason, error) {
	if !directory.IsHashedID(r.in.User) {
		claims, why, err := r.claims(ctx, r.settings, r.in.User)
		return len(claims) > 0, why, err
	}
	why := fault.PersonNotFound
	rules, err := r.Rules(ctx, r.settings, nil)
	if err != nil {
		return false, "", err
	}
	found := false
	for _, rule := range rules {
		_, err := rule.People.List(ctx, func(record source.Record) error {
			if !directory.SameID(r.in.User, record.ID) {
				return nil
			}
			why = fault.PersonOutOfScope
			if in, err := rule.Program.InScope(record); in || err != nil {
				found = true
			}
			return nil
		})
		if err != nil {
			return false, "", err
		}
	}
	return found, why, nil
}

// checkSnapshot refuses a copy of the rule's source that is older than the one planned from: another worker's file may
// not have been brought up to date, and who joined since would look as if he had left.
func (r *removal) checkSnapshot(ctx context.Context) error {
	if r.in.Planned == nil || r.in.Planned.Snapshot == 0 || r.in.RuleDeletion {
		return nil
	}
	rule, ok := r.settings.Config.Rule(r.in.Rule)
	if !ok {
		return refuse("remove", fault.RuleUnknown, r.in.Rule)
	}
	src, err := r.options.Sources(r.SourceOf(r.settings, rule))
	if err != nil {
		return err
	}
	snapshot, err := src.Snapshot(ctx)
	if err != nil {
		return err
	}
	if snapshot.Older(r.in.Planned.Snapshot) {
		kind := fault.Transient
		if r.attempt.Number >= olderPatience {
			kind = fault.Refused
		}
		return fault.New("remove", kind, fault.SourceOlder, "rule "+r.in.Rule)
	}
	return nil
}

// find reads the account: by the plan's object id, or by link. nil means that there is none.
func (r *removal) find(ctx context.Context) (account *directory.Account, rule string, err error) {
	if r.in.Planned != nil && r.in.Planned.AccountID != "" {
		account, err = r.tenant.UserByID(ctx, r.in.Planned.AccountID, r.settings.Selection())
		if fault.Is(err, fault.AccountNotFound) {
			return nil, "", nil
		}
		if err != nil {
			return nil, "", err
		}
		if !r.linkedHere(account, r.in.Rule) {
			return nil, "", refuse("remove", fault.LinkChanged, "")
		}
		return account, r.in.Rule, nil
	}
	for _, candidate := range r.settings.LinkRules() {
		if r.in.Rule != "" && candidate != r.in.Rule {
			continue
		}
		link := directory.NewLink(r.in.Connection, candidate, r.in.User).String()
		found, err := r.tenant.UsersByLink(ctx, link, r.settings.Selection())
		if err != nil {
			return nil, "", err
		}
		if len(found) > 1 || len(found) == 1 && account != nil {
			return nil, "", refuse("remove", fault.LinkDuplicate, "")
		}
		if len(found) == 1 {
			account, rule = &found[0], candidate
		}
	}
	if account != nil && !r.in.RuleDeletion {
		if err := r.settings.Runs(rule); err != nil {
			return nil, "", err
		}
	}
	return account, rule, nil
}

// linkedHere: the link must be exactly this person's under exactly this rule.
func (r *removal) linkedHere(account *directory.Account, rule string) bool {
	l, _ := directory.ParseLink(account.Link)
	return l.Rule == rule && isLinkOf(account, r.in.Connection, r.in.User)
}

// decide says what is to be done, and by which settings.
func (r *removal) decide(account *directory.Account, rule string) (plan.Policy, plan.Change) {
	s := plan.Policy{
		Connection: r.in.Connection, Rule: rule, Preferences: r.settings.Config.Preferences, Selection: r.settings.Selection(),
		Limit: r.settings.Config.PeoplePolicy(rule),
	}
	return s, plan.DecideLeaving(s, r.in.User, account, r.why)
}

// act decides and carries the decision out with one write.
func (r *removal) act(ctx context.Context, account *directory.Account, rule string) (api.ProvisionResult, error) {
	r.seen.Put(r.in.Connection+"/"+r.in.User, account.ID)
	s, change := r.decide(account, rule)
	result := api.ProvisionResult{
		Rule: rule, Revision: r.settings.Revision, Action: change.Action, AccountID: account.ID, Attributes: change.Attributes,
		Outcome: change.Outcome, Reason: change.Reason, Subject: change.Subject, Revoke: change.Disable, Deleted: change.Delete,
	}
	if mark, _ := directory.ParseMark(account.Mark); change.Action == plan.None && r.attempt.Number > 1 && mark.Disabled == directory.DisabledDeprovisioned {
		// An earlier attempt disabled the account and its answer was lost; the sessions are still to be revoked.
		result.Action, result.Revoke, result.Reason = plan.Remove, true, r.why
		return result, nil
	}
	if r.in.Planned == nil && !r.in.RuleDeletion && change.Action != plan.None {
		doubt, err := r.inDoubt(ctx, account, rule)
		switch {
		case err != nil:
			return api.ProvisionResult{}, err
		case doubt != "" && !r.in.Event:
			return api.ProvisionResult{}, refuse("remove", doubt, "")
		case doubt != "":
			return api.ProvisionResult{Rule: rule, Revision: r.settings.Revision, AccountID: account.ID, Action: plan.None, Outcome: plan.PartiallySynced, Reason: doubt}, nil
		}
	}
	if r.in.Event && change.Action != plan.None {
		allowed, err := r.eventRemoval(ctx, r.in.Connection, rule, r.in.User)
		if err != nil {
			return api.ProvisionResult{}, err
		}
		if !allowed {
			return api.ProvisionResult{Rule: rule, Revision: r.settings.Revision, AccountID: account.ID, Action: plan.None, Outcome: plan.PartiallySynced, Reason: fault.EventRemovalsHeld}, nil
		}
	}
	// The account was read a moment ago: that a server does not know it is no proof that it is gone. The next attempt's read
	// tells.
	known := graph.RecentlyWritten()
	switch {
	case change.Action == plan.None:
		return result, nil
	case change.Delete:
		return result, r.tenant.DeleteUser(ctx, account.ID, known)
	}
	mark := change.Mark.String()
	patch := graph.Patch{Mark: &mark}
	if change.Disable {
		enabled := false
		patch.Enabled = &enabled
	}
	return result, r.tenant.UpdateUser(ctx, account.ID, patch, s.Selection, known)
}

// inDoubt is why without a plan nothing follows from the person not being at the source; "" where nothing keeps from it. A single read
// tells neither whether the source is whole, nor whether everybody left, nor whether the person is there under another id: the sources are
// read whole for that. Removals by events and by hand are few.
func (r *removal) inDoubt(ctx context.Context, account *directory.Account, rule string) (fault.Reason, error) {
	rules, err := r.Rules(ctx, r.settings, nil)
	if err != nil {
		return "", err
	}
	var doubt fault.Reason
	for _, from := range rules {
		staying := 0
		snapshot, err := from.People.List(ctx, func(record source.Record) error {
			if in, err := from.Program.InScope(record); err == nil && !in {
				return nil
			}
			staying++
			names, err := from.Program.SignInNames(record)
			if err == nil && slices.ContainsFunc(names, func(upn string) bool { return strings.EqualFold(upn, account.UserPrincipalName) }) {
				// Only the plan of a sync can tell another person from the same one.
				doubt = fault.SourceIDChanged
			}
			return nil
		})
		mark, _ := directory.ParseMark(account.Mark)
		switch {
		case err != nil:
			return "", err
		case from.Name != rule:
		case mark.OtherSource(from.Source.Tag()):
			doubt = fault.LinkedFromOtherSource
		case snapshot.Count == 0:
			doubt = fault.SourceEmpty
		case snapshot.Open && !from.EndsOpen:
			doubt = fault.SourceEndUnknown
		case staying == 0:
			doubt = fault.EverybodyLeft
		}
	}
	return doubt, nil
}
