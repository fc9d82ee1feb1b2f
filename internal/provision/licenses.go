package provision

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// AssignLicenses adds and removes a person's licenses with one request and then, where something was taken away, cleans
// the mark. The account must be the person's.
//
// Before it takes anything away it asks the connection whether that may be, and reads the account (same link) and the
// person once more; what the person should have by now is not taken. A repeated attempt reads first and writes only what is
// missing.
//
// Errors: fault.LicensesExhausted, UsageLocationMissing, LicenseUnknown, LicenseDependency, LicenseConflict,
// LicenseInherited (Invalid: the person is then only partly synced); ReplicationPending (NotReady) for some minutes after
// the usage location was written; fault.Stale when the plan no longer holds.
func (p *Provisioner) AssignLicenses(ctx context.Context, in api.LicenseInput, attempt Attempt) (api.LicenseResult, error) {
	s, tenant, err := p.usable(ctx, in.Connection, in.Revision, attempt)
	if err != nil {
		return api.LicenseResult{}, err
	}
	known := p.justRead(in.RecentlyWritten, attempt)
	if in.LocationWritten {
		known = append(known, graph.LocationWritten())
	}
	add, remove, mark := in.Add, in.Remove, in.FinalMark
	var account *directory.Account
	if len(remove) > 0 || attempt.Number > 1 {
		if account, err = tenant.UserByID(ctx, in.AccountID, s.Selection(), known...); err != nil {
			return api.LicenseResult{}, err
		}
	}
	if err := p.own(ctx, s, tenant, in.User, in.AccountID, in.RecentlyWritten, attempt); err != nil {
		return api.LicenseResult{}, err
	}
	if len(remove) > 0 {
		if err := p.recheckRemoval(ctx, s, tenant, in, account); err != nil {
			return api.LicenseResult{}, err
		}
	}
	if attempt.Number > 1 {
		add, remove = remaining(account, in)
		if account.Mark == mark {
			mark = ""
		}
	}
	if len(add)+len(remove) > 0 {
		if err := tenant.AssignLicenses(ctx, in.AccountID, add, remove, known...); err != nil {
			return api.LicenseResult{}, err
		}
	}
	if mark != "" {
		if err := tenant.UpdateUser(ctx, in.AccountID, graph.Patch{Mark: &mark}, s.Selection(), known...); err != nil {
			return api.LicenseResult{}, err
		}
	}
	return api.LicenseResult{Added: skuIDs(in.Add), Removed: in.Remove}, nil
}

// recheckRemoval makes sure that the removal is still right: settings uncached, account as just read by id with the same
// link, person read again.
func (p *Provisioner) recheckRemoval(ctx context.Context, s api.Settings, tenant Tenant, in api.LicenseInput, account *directory.Account) error {
	if err := p.mayRemove(ctx, in.Connection, in.Rule, in.Revision); err != nil {
		return err
	}
	if account.Link != directory.NewLink(in.Connection, in.Rule, in.User).String() {
		return refuse("remove licenses", fault.LinkChanged, "")
	}
	claims, _, err := p.claims(ctx, s, in.User)
	if err != nil {
		return err
	}
	if len(claims) == 0 {
		return fault.New("remove licenses", fault.Stale, fault.PlanChanged, "")
	}
	linked := []*directory.Account{account}
	c := owner(claims, linked)
	person, err := c.judge()
	if err = cmp.Or(err, person.Err); err != nil {
		return err
	}
	skus, err := p.Subscriptions(ctx, tenant, s.Config)
	if err != nil {
		return err
	}
	change := plan.Decide(plan.Policy{
		Connection: in.Connection, Rule: c.Name, Preferences: s.Config.Preferences, Selection: s.Selection(), SKUs: skus,
		SourceTag: c.Source.Tag(), SamePerson: true,
	}, person, plan.Match{Linked: linked})
	for _, sku := range in.Remove {
		held := slices.ContainsFunc(account.Licenses, func(l directory.AssignedLicense) bool { return l.Direct() && l.SKU == sku })
		if held && !slices.Contains(change.RemoveLicenses, sku) {
			return fault.New("remove licenses", fault.Stale, fault.PlanChanged, "")
		}
	}
	return nil
}

// remaining is what an earlier attempt left to do about an account.
func remaining(account *directory.Account, in api.LicenseInput) (add []directory.License, remove []string) {
	direct := map[string]directory.AssignedLicense{}
	for _, l := range account.Licenses {
		if l.Direct() {
			direct[l.SKU] = l
		}
	}
	for _, l := range in.Add {
		if has, ok := direct[l.SKU]; !ok || !slices.Equal(has.DisabledPlans, l.DisabledPlans) {
			add = append(add, l)
		}
	}
	for _, sku := range in.Remove {
		if _, ok := direct[sku]; ok {
			remove = append(remove, sku)
		}
	}
	return add, remove
}

func skuIDs(licenses []directory.License) []string {
	var out []string
	for _, l := range licenses {
		out = append(out, l.SKU)
	}
	sort.Strings(out)
	return out
}

// Subscriptions gives the tenant's subscriptions, at most subscriptionsAge old. The first of many people reads them for all.
func (p *Provisioner) Subscriptions(ctx context.Context, tenant Tenant, c config.Connection) ([]directory.SKU, error) {
	return p.subscriptions.Load(ctx, subscriber(c), nil, tenant.SubscribedSKUs)
}

// FreshSubscriptions reads the subscriptions for a plan, and for the people of the plan.
func (p *Provisioner) FreshSubscriptions(ctx context.Context, tenant Tenant, c config.Connection) ([]directory.SKU, error) {
	return p.subscriptions.Fresh(ctx, subscriber(c), tenant.SubscribedSKUs)
}

func subscriber(c config.Connection) string { return strings.ToLower(c.TenantID + "/" + c.ClientID) }

// LicenseNames gives the part number of each of the tenant's SKUs by id.
func (p *Provisioner) LicenseNames(ctx context.Context, c config.Connection) (map[string]string, error) {
	tenant, err := p.options.Tenant(api.Settings{Config: c})
	if err != nil {
		return nil, err
	}
	skus, err := p.Subscriptions(ctx, tenant, c)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(skus))
	for _, s := range skus {
		names[strings.ToLower(s.ID)] = s.PartNumber
	}
	return names, nil
}
