package provision

import (
	"context"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// locate does what Locate asks for until it knows what there is of the person, and evaluates the mappings of the rule that
// provisions the person.
func (p *provisioning) locate(ctx context.Context) (plan.Match, error) {
	for {
		step := Locate(p.evidence)
		switch step.Do {
		case Found, Absent:
			return step.Match, p.found(ctx, step)
		case Stop:
			return plan.Match{}, p.stopped(step)
		case Wait:
			return plan.Match{}, p.waiting(step)
		}
		if err := p.look(ctx, step); err != nil {
			return plan.Match{}, err
		}
	}
}

// look carries a step out and adds what it shows to the evidence.
func (p *provisioning) look(ctx context.Context, step Step) (err error) {
	e := &p.evidence
	switch step.Do {
	case ReadByID:
		e.ByID[step.Account], err = orNone(p.tenant.UserByID(ctx, step.Account, p.settings.Selection()))
	case ReadByLink:
		var linked []*directory.Account
		if linked, err = p.byLink(ctx, p.in.User, p.settings.Selection()); err == nil {
			e.ByLink = &linked
		}
	case ReadByName:
		var account *directory.Account
		if account, err = orNone(p.tenant.UserByUPN(ctx, e.Name, p.settings.Selection())); err == nil {
			e.ByName = &Reading{account}
		}
	case ReadBin:
		e.Bin, err = p.readBin(ctx)
	case AskEarlierRuns:
		e.Earlier, err = p.earlier(ctx, p.in.User)
	case Evaluate:
		if err = p.evaluate(nil); err == nil {
			err = p.person.Err
			e.Name = p.person.Desired.UserPrincipalName
		}
	}
	return err
}

// orNone takes an account that cannot be seen for what it is: something that was learned.
func orNone(account *directory.Account, err error) (*directory.Account, error) {
	if fault.Is(err, fault.AccountNotFound) {
		return nil, nil
	}
	return account, err
}

// found evaluates the mappings for what was found.
func (p *provisioning) found(ctx context.Context, step Step) error {
	p.restored = p.restored || step.Restored
	linked := step.Match.Linked
	if p.evidence.Conflict && len(linked) == 1 {
		p.remember(linked[0].ID)
	}
	if p.evidence.Conflict && len(linked) == 0 {
		// The name is somebody else's, so the creation made nothing.
		p.nothingCreated(ctx)
	}
	return p.evaluate(linked)
}

// stopped and waiting are the errors of an attempt that ends before anything is known.
func (p *provisioning) stopped(step Step) error {
	f := fault.Of(step.Err)
	return fault.Wrap(f.Op, f.Kind, f.Reason, f.Subject, p.conflict)
}

func (p *provisioning) waiting(step Step) error {
	f := fault.Wrap("match", fault.NotReady, fault.ReplicationPending, "", p.conflict)
	f.RetryAfter = p.options.Waits.Unseen
	if step.Conflict {
		f.RetryAfter = p.options.Waits.Conflict
	}
	return f
}

// byLink finds the accounts with a person's link under any rule that the connection has or had: one read for each.
func (p *provisioning) byLink(ctx context.Context, user string, sel directory.Selection) ([]*directory.Account, error) {
	if sel.LinkProperty == "" {
		// The policy has been observe from the start: no property was registered, and nobody has a link.
		return nil, nil
	}
	var linked []*directory.Account
	for _, rule := range p.settings.LinkRules() {
		accounts, err := p.tenant.UsersByLink(ctx, directory.NewLink(p.in.Connection, rule, user).String(), sel)
		if err != nil {
			return nil, err
		}
		for i := range accounts {
			linked = append(linked, &accounts[i])
		}
	}
	return linked, nil
}

// readBin reads the recycle bin with all attributes: an account that may be somebody else's is not restored.
func (p *provisioning) readBin(ctx context.Context) (*Bin, error) {
	bin := &Bin{IDs: map[string]bool{}}
	err := eachInBin(ctx, p.tenant, p.settings.Selection(), func(a directory.Account) {
		bin.IDs[strings.ToLower(a.ID)] = true
		if p.evidence.isOurs(&a) {
			bin.Linked = append(bin.Linked, &a)
		}
	})
	if err != nil {
		return nil, err
	}
	return bin, nil
}

// LinkedInBin reads the accounts with a link in the recycle bin, with the names that they had before.
func LinkedInBin(ctx context.Context, tenant Tenant, sel directory.Selection) ([]directory.Account, error) {
	var linked []directory.Account
	err := eachInBin(ctx, tenant, sel, func(a directory.Account) {
		if a.Link != "" {
			linked = append(linked, a)
		}
	})
	return linked, err
}

func eachInBin(ctx context.Context, tenant Tenant, sel directory.Selection, each func(directory.Account)) error {
	return tenant.DeletedUsers(ctx, sel, func(page []directory.Account) error {
		for _, a := range page {
			a.UserPrincipalName = graph.NameBeforeBin(a)
			each(a)
		}
		return nil
	})
}

// earlier tells what earlier runs of a person did: this worker's memory answers at once, what other workers did, or this one
// before it was killed, EarlierRuns know.
func (p *provisioning) earlier(ctx context.Context, user string) (*Earlier, error) {
	if account := p.Recent(p.in.Connection, user); account != "" || p.options.EarlierRuns == nil {
		return &Earlier{Account: account}, nil
	}
	// Since before this attempt's reads: whatever ended earlier is sure to be in them.
	found, err := p.options.EarlierRuns.Of(ctx, p.in.Connection, user, p.evidence.Now.Add(-p.options.Waits.Settle))
	return &found, err
}

// Recent is the account that this worker gave a person so lately that lists and filters may not show it yet; "" when there
// is none.
func (p *Provisioner) Recent(connection, user string) string {
	account, _ := p.given.Get(connection + "/" + user)
	return account
}

// remember keeps for the settling time which account the person got.
func (p *provisioning) remember(account string) { p.given.Put(p.in.Connection+"/"+p.in.User, account) }
