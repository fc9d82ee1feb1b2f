package activities

import (
	"context"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// AssignLicenses adds and removes a person's licences with one request and then, where something was taken away, cleans
// the mark.
//
// Before it takes anything away it asks the connection's workflow whether that may be, and reads the account (same link)
// and the person once more; what the person should have by now is not taken. A repeated attempt reads first and writes
// only what is missing.
//
// Errors: fault.LicensesExhausted, UsageLocationMissing, LicenseUnknown, LicenseDependency, LicenseConflict,
// LicenseInherited (Invalid: the person is then only partly synced); fault.Stale when the plan no longer holds.
func (a *Activities) AssignLicenses(ctx context.Context, in api.LicenseInput) (api.LicenseResult, error) {
	s, err := a.settings.get(ctx, in.Connection, in.Revision)
	if err != nil {
		return api.LicenseResult{}, err
	}
	if err := s.Usable(); err != nil {
		return api.LicenseResult{}, err
	}
	client, err := a.client(s)
	if err != nil {
		return api.LicenseResult{}, err
	}
	defer heartbeat(ctx)()
	ctx = a.justRead(ctx, in.Young)
	add, remove, mark := in.Add, in.Remove, in.FinalMark
	var account *directory.Account
	if len(remove) > 0 || activity.GetInfo(ctx).Attempt > 1 {
		if account, err = client.UserByID(ctx, in.AccountID, s.Selection()); err != nil {
			return api.LicenseResult{}, err
		}
	}
	if len(remove) > 0 {
		if err := a.recheckRemoval(ctx, s, client, in, account); err != nil {
			return api.LicenseResult{}, err
		}
	}
	if activity.GetInfo(ctx).Attempt > 1 {
		add, remove = remaining(account, in)
		if account.Mark == mark {
			mark = ""
		}
	}
	if len(add)+len(remove) > 0 {
		if err := client.AssignLicenses(ctx, in.AccountID, add, remove); err != nil {
			return api.LicenseResult{}, err
		}
	}
	if mark != "" {
		if err := client.UpdateUser(ctx, in.AccountID, graph.Patch{Mark: &mark}, s.Selection()); err != nil {
			return api.LicenseResult{}, err
		}
	}
	return api.LicenseResult{Added: skuIDs(in.Add), Removed: in.Remove}, nil
}

// missesBelieved is from which attempt on a 404 for an account that was read shortly before is believed to mean that it is
// gone, and not that a server does not know it yet.
const missesBelieved = 5

// justRead is the context of a call about an account that the activity before has read, or created (young). One that was
// created is waited for as long as reads may take to show it, and not for ever: somebody may have deleted it since.
func (a *Activities) justRead(ctx context.Context, young bool) context.Context {
	info := activity.GetInfo(ctx)
	young = young && a.options.Now().Sub(info.ScheduledTime) <= a.options.Settle
	if young || info.Attempt < missesBelieved {
		return graph.Young(ctx)
	}
	return ctx
}

// recheckRemoval makes sure that the removal is still right: settings uncached, account as just read by id with the same
// link, person read again.
func (a *Activities) recheckRemoval(ctx context.Context, s api.Settings, client *graph.Client, in api.LicenseInput, account *directory.Account) error {
	if err := a.mayRemove(ctx, in.Connection, in.Rule, in.Revision); err != nil {
		return err
	}
	if account.Link != directory.NewLink(in.Connection, in.Rule, in.User).String() {
		return refuse("remove licences", fault.LinkChanged, "")
	}
	claims, _, err := a.claims(ctx, s, in.User)
	if err != nil {
		return err
	}
	if len(claims) == 0 {
		return fault.New("remove licences", fault.Stale, fault.PlanChanged, "")
	}
	c := owner(claims, []*directory.Account{account})
	if c.filterErr != nil {
		return c.filterErr
	}
	desired, err := c.program.Evaluate(c.record)
	if err != nil {
		return err
	}
	skus, err := a.skus(ctx, client, s.Config)
	if err != nil {
		return err
	}
	change := plan.Decide(plan.Settings{
		Connection: in.Connection, Rule: c.rule.Name, Preferences: s.Config.Preferences, Selection: s.Selection(), SKUs: skus,
		SourceTag: c.rule.Source.Tag(), SamePerson: true,
	}, plan.Person{ID: in.User, Enabled: c.record.Enabled, Desired: desired}, plan.Match{Linked: []*directory.Account{account}})
	for _, sku := range in.Remove {
		held := slices.ContainsFunc(account.Licenses, func(l directory.AssignedLicense) bool { return l.Direct() && l.SKU == sku })
		if held && !slices.Contains(change.RemoveLicenses, sku) {
			return fault.New("remove licences", fault.Stale, fault.PlanChanged, "")
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

// skuAge is how long a worker believes what it read of the tenant's subscriptions. What people are given in the meantime
// is Graph's to refuse.
const skuAge = time.Minute

// skuCache spares Graph a read of the subscriptions for every person.
type skuCache struct {
	mu      sync.Mutex
	entries map[string]cachedSKUs // :: tenant/client -> subscriptions
}

type cachedSKUs struct {
	skus []directory.SKU
	at   time.Time
}

// skus gives the tenant's subscriptions, at most skuAge old.
func (a *Activities) skus(ctx context.Context, client *graph.Client, c config.Connection) ([]directory.SKU, error) {
	key := strings.ToLower(c.TenantID + "/" + c.ClientID)
	// The lock is held while reading, so that the first of many people reads for all.
	a.skuCache.mu.Lock()
	defer a.skuCache.mu.Unlock()
	if e, ok := a.skuCache.entries[key]; ok && a.options.Now().Sub(e.at) < skuAge {
		return e.skus, nil
	}
	return a.readSKUs(ctx, client, key)
}

// freshSKUs reads the subscriptions for a plan and fills the cache for the people of the plan.
func (a *Activities) freshSKUs(ctx context.Context, client *graph.Client, c config.Connection) ([]directory.SKU, error) {
	a.skuCache.mu.Lock()
	defer a.skuCache.mu.Unlock()
	return a.readSKUs(ctx, client, strings.ToLower(c.TenantID+"/"+c.ClientID))
}

func (a *Activities) readSKUs(ctx context.Context, client *graph.Client, key string) ([]directory.SKU, error) {
	skus, err := client.SubscribedSKUs(ctx)
	if err != nil {
		return nil, err
	}
	if a.skuCache.entries == nil {
		a.skuCache.entries = map[string]cachedSKUs{}
	}
	a.skuCache.entries[key] = cachedSKUs{skus: skus, at: a.options.Now()}
	return skus, nil
}

// LicenseNames gives the part number of each of the tenant's SKUs by id.
func (a *Activities) LicenseNames(ctx context.Context, c config.Connection) (map[string]string, error) {
	client, err := a.graph(c)
	if err != nil {
		return nil, err
	}
	skus, err := a.skus(ctx, client, c)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(skus))
	for _, s := range skus {
		names[strings.ToLower(s.ID)] = s.PartNumber
	}
	return names, nil
}
