package activities

import (
	"context"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// match finds the person's account with as few reads as are safe, and evaluates the mappings of the rule that owns the
// person on the way.
func (p *provisioning) match(ctx context.Context) (plan.Match, error) {
	if p.taken != nil {
		return p.matchTaken(ctx)
	}
	if p.in.Planned != nil && p.in.Planned.Action == plan.Restore {
		return p.matchAfresh(ctx)
	}
	if id := p.knownAccount(); id != "" {
		return p.matchKnown(ctx, id)
	}
	if p.in.Planned != nil && p.in.Planned.Action == plan.Create && !p.in.Planned.Missed && p.attempt == 1 {
		return p.matchPlannedCreation(ctx)
	}
	return p.matchAfresh(ctx)
}

// knownAccount is the object id that an earlier pass or the plan found; "" when there is none.
func (p *provisioning) knownAccount() string {
	switch {
	case p.in.AccountID != "":
		return p.in.AccountID
	case p.in.Planned != nil:
		return p.in.Planned.AccountID
	}
	return ""
}

// matchPlannedCreation: the plan's complete read showed no account. Only a creation so recent that the read could have
// missed it is looked for; anything else the creation itself will meet as a conflict.
//
// Temporal's list of runs is costly to ask for every person, and the plan has asked for all of them. Who was not on that
// list and has been created since was created under the name that the plan saw, as long as the source is the same: that,
// too, the creation meets as a conflict.
func (p *provisioning) matchPlannedCreation(ctx context.Context) (plan.Match, error) {
	before := earlier{account: p.a.recent.recall(p.in.Connection + "/" + p.in.User)}
	if before.account == "" && (p.in.Planned.Recent || !p.sourceAsPlanned()) {
		var err error
		if before, err = p.a.recentAccount(ctx, p.in.Connection, p.in.User); err != nil {
			return plan.Match{}, err
		}
	}
	switch {
	case before.account != "":
		return p.matchKnown(ctx, before.account)
	case !before.cutOff.IsZero():
		return p.matchAfresh(ctx)
	}
	return plan.Match{}, p.evaluate(nil)
}

// sourceAsPlanned reports whether the person was read from the very state of the source that the plan was made from.
func (p *provisioning) sourceAsPlanned() bool {
	for _, c := range p.claims {
		if c.rule.Name == p.in.Rule {
			return c.snapshot.Same(p.in.Planned.Snapshot)
		}
	}
	return false
}

// matchKnown reads the account by id, which of all reads is the freshest.
func (p *provisioning) matchKnown(ctx context.Context, id string) (plan.Match, error) {
	account, err := p.client.UserByID(p.young(ctx), id, p.settings.Selection())
	if fault.Is(err, fault.AccountNotFound) {
		return p.matchAfresh(ctx)
	}
	if err != nil {
		return plan.Match{}, err
	}
	if p.isOurs(account) {
		m := plan.Match{Linked: []*directory.Account{account}}
		return m, p.evaluate(m.Linked)
	}
	if p.in.Planned == nil || p.in.Planned.Action != plan.Adopt {
		return plan.Match{}, fault.New("match", fault.Stale, fault.LinkChanged, "")
	}
	if err := p.evaluate(nil); err != nil {
		return plan.Match{}, err
	}
	// It was the person's by its name alone.
	if !strings.EqualFold(account.UserPrincipalName, p.person.Desired.UserPrincipalName) {
		return plan.Match{}, fault.New("match", fault.Stale, fault.PlanChanged, "")
	}
	return plan.Match{SameName: account}, nil
}

// matchAfresh looks for the link and, where an earlier attempt may have created the account, for the name.
func (p *provisioning) matchAfresh(ctx context.Context) (plan.Match, error) {
	linked, err := p.byLink(ctx)
	if err != nil {
		return plan.Match{}, err
	}
	if len(linked) > 0 {
		return plan.Match{Linked: linked}, p.evaluate(linked)
	}
	if m, found, err := p.byRecentCreation(ctx); found || err != nil {
		return m, err
	}
	if err := p.evaluate(nil); err != nil {
		return plan.Match{}, err
	}
	if err := p.awaitEarlierName(); err != nil {
		return plan.Match{}, err
	}
	if m, found, err := p.inBin(ctx); found || err != nil {
		return m, err
	}
	// With nothing uncertain behind us, creating tells as surely as reading whether the name is taken, and in the usual
	// case saves the read.
	if p.attempt == 1 && p.posted == nil && p.settings.Config.Preferences.AllowCreate {
		return plan.Match{}, nil
	}
	account, err := p.client.UserByUPN(ctx, p.person.Desired.UserPrincipalName, p.settings.Selection())
	switch {
	case fault.Is(err, fault.AccountNotFound):
		return plan.Match{}, nil
	case err != nil:
		return plan.Match{}, err
	case p.isOurs(account):
		return plan.Match{Linked: []*directory.Account{account}, SameName: account}, nil
	}
	return plan.Match{SameName: account}, nil
}

// byLink finds the accounts with this person's link under any rule that the connection has or had: one read for each.
func (p *provisioning) byLink(ctx context.Context) ([]*directory.Account, error) {
	var out []*directory.Account
	for _, rule := range p.settings.LinkRules() {
		link := directory.NewLink(p.in.Connection, rule, p.in.User).String()
		accounts, err := p.client.UsersByLink(ctx, link, p.settings.Selection())
		if err != nil {
			return nil, err
		}
		for i := range accounts {
			out = append(out, &accounts[i])
		}
	}
	return out, nil
}

// inBin looks for the person's account in the recycle bin, where the plan saw one or nobody has looked yet.
func (p *provisioning) inBin(ctx context.Context) (m plan.Match, found bool, err error) {
	planned := p.in.Planned != nil && p.in.Planned.Action != plan.Restore
	if p.taken == nil && (p.posted != nil || planned) {
		return plan.Match{}, false, nil
	}
	bin, err := readBin(ctx, p.client, p.settings.Selection())
	if err != nil {
		return plan.Match{}, false, err
	}
	return p.binned(bin)
}

// binned finds the person's account among those in the recycle bin.
func (p *provisioning) binned(bin []directory.Account) (m plan.Match, found bool, err error) {
	for i := range bin {
		if !p.isOurs(&bin[i]) {
			continue
		}
		if found {
			return plan.Match{}, false, refuse("match", fault.LinkDuplicate, "")
		}
		m, found = plan.Match{Binned: &bin[i]}, true
	}
	return m, found, nil
}

// byRecentCreation finds an account that was created so lately that filters do not show it yet.
func (p *provisioning) byRecentCreation(ctx context.Context) (m plan.Match, found bool, err error) {
	before, err := p.a.recentAccount(ctx, p.in.Connection, p.in.User)
	p.cutOff = before.cutOff
	if err != nil || before.account == "" {
		return plan.Match{}, false, err
	}
	account, err := p.client.UserByID(ctx, before.account, p.settings.Selection())
	if fault.Is(err, fault.AccountNotFound) {
		return p.byRecentDeletion(ctx, before.account)
	}
	if err != nil || !p.isOurs(account) {
		return plan.Match{}, false, err
	}
	m = plan.Match{Linked: []*directory.Account{account}}
	return m, true, p.evaluate(m.Linked)
}

// byRecentDeletion: an account that was created lately cannot be read. It has been deleted since, or cannot be seen yet: the
// bin tells of the one, and only time of the other.
func (p *provisioning) byRecentDeletion(ctx context.Context, account string) (m plan.Match, found bool, err error) {
	deleted := false
	var bin []directory.Account
	// With all attributes: an account that may be somebody else's is not restored.
	err = p.client.DeletedUsers(ctx, p.settings.Selection(), func(page []directory.Account) error {
		for _, a := range page {
			deleted = deleted || strings.EqualFold(a.ID, account)
			a.UserPrincipalName = graph.NameBeforeBin(a)
			bin = append(bin, a)
		}
		return nil
	})
	switch {
	case err != nil:
		return plan.Match{}, false, err
	case !deleted:
		e := fault.New("match", fault.NotReady, fault.ReplicationPending, "")
		e.RetryAfter = p.a.pace(15 * time.Second)
		return plan.Match{}, false, e
	}
	// The bin may keep the link to itself; the account is then not to be restored, and not in the way either.
	if m, found, err = p.binned(bin); found {
		err = p.evaluate(nil)
	}
	return m, found, err
}

// awaitEarlierName: an earlier attempt, or an earlier run that somebody ended in the middle of it, may have created the
// account under another name than the person has now. Until reads are sure to show it, nothing is created: two accounts for
// one person are worse than a late one.
func (p *provisioning) awaitEarlierName() error {
	otherName := p.posted != nil && p.posted.Name != nameKey(p.in.Connection, p.person.Desired.UserPrincipalName) && !p.settled()
	cutOff := !p.cutOff.IsZero() && p.a.options.Now().Sub(p.cutOff) <= p.a.options.Settle
	if !otherName && !cutOff {
		return nil
	}
	e := fault.New("match", fault.NotReady, fault.ReplicationPending, "")
	e.RetryAfter = p.a.pace(15 * time.Second)
	return e
}
