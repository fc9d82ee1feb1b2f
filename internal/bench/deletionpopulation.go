package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/lab"
	"github.com/entraflow/entraflow/internal/simulator"
)

// The departments that decide which rule claims a person: lab.RuleName everybody but the board, keeperRule the board and those
// who belong to both.
const (
	keeperRule = "board"
	ofBoard    = "Board"
	ofBoth     = "Both"
)

// member is a person of the rule that is deleted, or of the one that stays.
type member struct {
	person
	// link is what the account carries after the syncs.
	link string
}

// leaving: the deletion deprovisions the person, since no other rule claims them.
func (m member) leaving() bool { return m.department != ofBoard && m.department != ofBoth }

// deletedWith: the account goes into the recycle bin. Adopted accounts are only disabled.
func (m member) deletedWith(action string) bool { return action == config.RemoveDelete && !m.adopted }

// revoked: the deletion disables the account, so that its sessions are to be revoked.
func (m member) revoked(action string) bool { return m.enabled && !m.deletedWith(action) }

// deletionPopulation are the people of both rules, and accounts that belong to neither.
type deletionPopulation struct {
	members []member
	others  []simulator.UserSeed
}

// newDeletionPopulation makes n people who leave with the rule, a few whom both rules claim, and a few of the other rule. One in
// twenty had an account before, one in twenty is disabled at the source.
func newDeletionPopulation(n int, name string, rng *rand.Rand) *deletionPopulation {
	c := &deletionPopulation{}
	add := func(count int, department, rule string) {
		for range count {
			i := len(c.members)
			m := member{person: person{
				id: fmt.Sprintf("p%05d", i), username: fmt.Sprintf("person%05d", i), given: fmt.Sprintf("Ann%05d", i),
				family: fmt.Sprintf("Lee%05d", i), license: "SPE_E3", department: department,
				enabled: rng.IntN(20) > 0, adopted: rng.IntN(20) == 0,
			}}
			// The first sync of a rule would not disable an account that was there before.
			m.enabled = m.enabled || m.adopted
			m.link = directory.NewLink(name, rule, m.id).String()
			c.members = append(c.members, m)
		}
	}
	few := max(n/100, 3)
	add(n, "Sales", lab.RuleName)
	add(few, ofBoth, lab.RuleName)
	add(few, ofBoard, keeperRule)
	// Whoever pages by id meets the three kinds mixed.
	rng.Shuffle(len(c.members), func(i, j int) { c.members[i], c.members[j] = c.members[j], c.members[i] })
	for i, m := range c.members {
		if m.adopted {
			c.account(m.upn())
		}
		if i < few {
			link := directory.NewLink("fabrikam", lab.RuleName, m.id)
			c.account(fmt.Sprintf("theirs%d@contoso.com", i), link.String())
			c.account(fmt.Sprintf("former%d@contoso.com", i), directory.NewLink(name, "former", fmt.Sprintf("f%05d", i)).String())
			c.account(fmt.Sprintf("nobodys%d@contoso.com", i))
		}
	}
	return c
}

// account adds one that exists before the syncs, with a link or without.
func (c *deletionPopulation) account(upn string, link ...string) {
	u := simulator.UserSeed{"userPrincipalName": upn, "displayName": "Before", "mailNickname": strings.Split(upn, "@")[0],
		"accountEnabled": true, "usageLocation": "US", "licenses": []string{"SPE_E5"}}
	for _, l := range link {
		u[linkProperty] = l
	}
	c.others = append(c.others, u)
}

// count is how many members fulfil a condition.
func (c *deletionPopulation) count(is func(member) bool) (n int) {
	for _, m := range c.members {
		if is(m) {
			n++
		}
	}
	return n
}

// writes is how many writes the deletion takes if none is repeated.
func (c *deletionPopulation) writes(action string) int {
	return c.count(member.leaving) + c.count(func(m member) bool { return m.leaving() && m.revoked(action) })
}

func (c *deletionPopulation) lines() []string {
	var out []string
	for _, m := range c.members {
		out = append(out, m.line())
	}
	return out
}

// deletionConfig is a connection with the two rules over one file.
func deletionConfig(name, dir, action string) config.Connection {
	c := lab.Connection(name, dir)
	c.Preferences.DeprovisionOnRuleDeletion, c.Preferences.RemoveAction = true, action
	keeper := c.Rules[0]
	keeper.Name = keeperRule
	c.Rules[0].Filter = fmt.Sprintf("user.department != %q", ofBoard)
	keeper.Filter = fmt.Sprintf("user.department in [%q, %q]", ofBoard, ofBoth)
	c.Rules = append(c.Rules, keeper)
	return c
}
