package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// marker stands in everything that names a person and in nothing else, so that one search finds any leak.
const marker = "zqxvk"

// person is one line of people.csv, and what must come of it.
type person struct {
	id, username, given, family, license, department string
	enabled                                          bool
	// refused: the account that has the person's name may not be adopted, so the person must fail.
	refused bool
	// adopted: the person's account existed before.
	adopted bool
}

func (p person) line() string {
	return fmt.Sprintf("%s,%s,%s,%s,US,%s,%t,%s", p.id, p.username, p.given, p.family, p.license, p.enabled, p.department)
}

func (p person) upn() string { return p.username + "@contoso.com" }

// population are the people of a run and the accounts that are there before it.
type population struct {
	people []person
	// before are the accounts of others, and those that may not be adopted, by id, as they were at the start.
	before map[string]simulator.UserState
	// names counts the names made, so that no two are alike.
	names int
}

var licenses = []string{"SPE_E3", "SPE_E3", "SPE_E3", "SPE_E5", "ENTERPRISEPACK", ""}

// newPopulation makes the people. One in twenty is disabled, one in twenty has an account already, and two have an account that
// is synced from on-premises or a guest's.
func newPopulation(n int, rng *rand.Rand) *population {
	c := &population{}
	for i := range n {
		p := person{
			id: fmt.Sprintf("e%05d", i), license: licenses[rng.IntN(len(licenses))], enabled: rng.IntN(20) > 0,
			department: []string{"Sales", "Research", "Operations"}[rng.IntN(3)],
			refused:    i == 1 || i == 2, adopted: i > 2 && rng.IntN(20) == 0,
		}
		c.name(&p)
		c.people = append(c.people, p)
	}
	return c
}

// name gives a person new names.
func (c *population) name(p *person) {
	c.names++
	p.username = fmt.Sprintf("%su%05d", marker, c.names)
	p.given = fmt.Sprintf("G%s%05d", marker, c.names)
	p.family = fmt.Sprintf("F%s%05d", marker, c.names)
}

func (c *population) lines() []string {
	var out []string
	for _, p := range c.people {
		out = append(out, p.line())
	}
	return out
}

// existing are the accounts of the tenant at the start: those of people (to be adopted, or not), and those of others, one
// of them linked by another connection.
func (c *population) existing() []simulator.UserSeed {
	var out []simulator.UserSeed
	add := func(upn, name string, more ...func(simulator.UserSeed)) {
		u := simulator.UserSeed{"userPrincipalName": upn, "displayName": name, "mailNickname": strings.Split(upn, "@")[0],
			"accountEnabled": true, "usageLocation": "DE", "jobTitle": "Before"}
		for _, m := range more {
			m(u)
		}
		out = append(out, u)
	}
	for i, p := range c.people {
		switch {
		case p.adopted:
			add(p.upn(), "Old "+p.family)
		case p.refused && i == 1:
			add(p.upn(), "Synced "+p.family, func(u simulator.UserSeed) { u["onPremisesSyncEnabled"] = true })
		case p.refused:
			add(p.upn(), "Guest "+p.family, func(u simulator.UserSeed) { u["userType"] = "Guest" })
		}
	}
	for i := range max(len(c.people)/10, 3) {
		var other person
		c.name(&other)
		add(other.upn(), other.given+" "+other.family, func(u simulator.UserSeed) {
			if i%2 == 0 {
				u["licenses"] = []string{"SPE_E3"}
			}
			if i == 1 {
				u[linkProperty] = directory.NewLink("fabrikam", lab.RuleName, c.people[0].id).String()
			}
		})
	}
	return out
}

var linkProperty = graph.ExtensionName(simulator.DefaultClientID, graph.LinkProperty)

// remember keeps the accounts that must not change.
func (c *population) remember(s simulator.State) {
	theirs := map[string]bool{}
	for _, p := range c.people {
		if p.adopted {
			theirs[p.upn()] = true
		}
	}
	c.before = map[string]simulator.UserState{}
	for _, u := range s.Tenant("").Users {
		if !theirs[u.UserPrincipalName] {
			c.before[u.ID] = u
		}
	}
}

// rename changes half of the people: the names but for the given name (an id of which everything changes is taken for
// somebody else's), and of some the license; a few are disabled. Those whose name has an account already keep theirs. certain are names of people to be among them.
func (c *population) rename(rng *rand.Rand, certain map[string]bool) (changed int) {
	for i := range c.people {
		p := &c.people[i]
		if p.refused || p.adopted || rng.IntN(2) > 0 && !certain[p.upn()] {
			continue
		}
		given := p.given
		c.name(p)
		p.given = given
		changed++
		switch rng.IntN(10) {
		case 0, 1:
			if p.license != "" {
				p.license = "SPE_E5"
			}
		case 2:
			p.enabled = false
		}
	}
	return changed
}
