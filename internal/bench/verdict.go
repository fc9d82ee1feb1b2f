package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// check compares the tenant with the people, and what was counted with what was promised.
func (c *chaos) check() {
	state := c.tenant.State()
	t := state.Tenant("")
	byLink, byName := map[string][]*simulator.UserState{}, map[string]*simulator.UserState{}
	known := map[string]bool{}
	for i := range t.Users {
		u := &t.Users[i]
		byName[strings.ToLower(u.UserPrincipalName)] = u
		if link, ok := u.Properties[linkProperty].(string); ok {
			byLink[link] = append(byLink[link], u)
		}
	}
	for _, p := range c.population.people {
		accounts := byLink[directory.NewLink(chaosConnection, lab.RuleName, p.id).String()]
		switch {
		case p.refused && len(accounts) > 0:
			c.violate("%s was given an account although the account of that name may not be adopted", p.id)
		case p.refused:
		case len(accounts) != 1:
			c.violate("%s has %d accounts: %s", p.id, len(accounts), names(accounts))
		case byName[p.upn()] != accounts[0]:
			c.violate("%s: the account's name is %s, not %s", p.id, accounts[0].UserPrincipalName, p.upn())
		default:
			c.checkAccount(p, accounts[0])
		}
		for _, a := range accounts {
			known[a.ID] = true
		}
	}
	c.checkOthers(t, known)
	c.checkStats()
	c.checkSyncs()
}

func names(accounts []*simulator.UserState) string {
	var out []string
	for _, a := range accounts {
		out = append(out, a.UserPrincipalName)
	}
	return strings.Join(out, ", ")
}

// checkAccount compares one account with what the file says.
func (c *chaos) checkAccount(p person, a *simulator.UserState) {
	for name, want := range map[string]any{
		"displayName": p.given + " " + p.family, "givenName": p.given, "surname": p.family,
		"mailNickname": p.username, "department": p.department, "usageLocation": "US", "accountEnabled": p.enabled,
	} {
		if have := a.Properties[name]; have != want {
			c.violate("%s: %s is %v, not %v", p.id, name, have, want)
		}
	}
	var held []string
	for _, l := range a.Licenses {
		held = append(held, l.SkuPartNumber)
	}
	if have := strings.Join(held, " "); have != p.license {
		c.violate("%s: has the licenses [%s], not [%s]", p.id, have, p.license)
	}
	if p.adopted && a.Properties["jobTitle"] != "Before" {
		c.violate("%s: an attribute that no mapping names was changed", p.id)
	}
}

// checkOthers makes sure that nobody else was touched and that nobody came into being or went.
func (c *chaos) checkOthers(t *simulator.TenantState, known map[string]bool) {
	seen := 0
	for _, u := range t.Users {
		before, other := c.population.before[u.ID]
		switch {
		case other && !reflect.DeepEqual(before, u):
			c.violate("an account of somebody else was changed: %s", u.UserPrincipalName)
		case !other && !known[u.ID]:
			c.violate("there is an account that belongs to nobody: %s, link %v", u.UserPrincipalName, u.Properties[linkProperty])
		}
		if other {
			seen++
		}
	}
	if seen != len(c.population.before) {
		c.violate("%d accounts of others are gone", len(c.population.before)-seen)
	}
	if n := len(t.DeletedUsers); n > 0 {
		c.violate("%d accounts are in the bin", n)
	}
}

// checkStats judges how the service was treated. Wasted writes are reported and no violation: after a lost answer a read
// from a server that lags can make one.
func (c *chaos) checkStats() {
	for _, s := range []simulator.Stats{c.result.Stats, c.result.Calm} {
		if s.OverlappingWrites > 0 {
			c.violate("%d writes overlapped another to the same object", s.OverlappingWrites)
		}
		for what, n := range s.ProtocolFaults {
			c.violate("protocol fault, %d times: %s", n, what)
		}
	}
	if early := c.result.Stats.EarlyRetries + c.result.Calm.EarlyRetries - c.result.AfterRestart; early > 0 {
		c.violate("%d retries came before a Retry-After had passed", early)
	}
}

// checkSyncs demands that nobody was lost on the way: whatever happened, only those fail who must, and in the end there is
// nothing left to write.
func (c *chaos) checkSyncs() {
	refused := 0
	for _, p := range c.population.people {
		if p.refused {
			refused++
		}
	}
	for i, s := range c.result.Syncs {
		if s.State != api.SyncCompleted {
			c.violate("sync %d ended as %s: %s %s", i+1, s.State, s.Reason, s.Message)
		}
		if s.Failed != refused || s.Reasons[fault.AccountSynced]+s.Reasons[fault.AccountGuest] != refused {
			c.violate("sync %d: %d people failed, not %d: %v", i+1, s.Failed, refused, s.Problems)
		}
		if s.Impacted != len(c.population.people) {
			c.violate("sync %d counted %d people, not %d", i+1, s.Impacted, len(c.population.people))
		}
	}
	if n := len(c.result.Syncs); n < 3 {
		return
	}
	last := c.result.Syncs[2]
	if last.State != api.SyncCompleted || last.Planned != 0 || last.Success != len(c.population.people)-refused {
		c.violate("the last sync was to find nothing to do: %+v", last)
	}
}

// search looks for secrets and people in everything that Temporal keeps: histories, the list of workflows, the server's
// files, and the workers' log.
func (c *chaos) search(ctx context.Context) error {
	needles := [][]byte{[]byte(secretValue), []byte(marker)}
	for _, p := range c.passwords.all() {
		needles = append(needles, []byte(p))
	}
	c.result.Needles = len(needles) - 1 + c.population.names
	found := 0
	look := func(place string, text []byte) {
		for _, where := range lab.Finds(text, needles) {
			if found++; found <= 10 {
				c.violate("%s contains %s", place, where)
			}
		}
	}
	var err error
	c.result.Histories, err = lab.EachHistory(ctx, c.client, func(x lab.History) error {
		look("the history of "+x.ID, x.Text)
		if c.o.Keep {
			return c.keep(x)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.worker.kill(); err != nil {
		return err
	}
	if err := c.stopServer(); err != nil {
		return fmt.Errorf("stop Temporal: %w", err)
	}
	return filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "tenant" {
			return orSkip(err)
		}
		if d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		look(d.Name(), text)
		return nil
	})
}

// keep writes a history down, one event a line.
func (c *chaos) keep(x lab.History) error {
	dir := filepath.Join(c.dir, "tenant", "histories")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, strings.ReplaceAll(x.ID, "/", "_")+"@"+x.Run+".jsonl"), x.Text, 0o600)
}

// orSkip leaves a directory out unless there is an error.
func orSkip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}
