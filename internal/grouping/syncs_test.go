package grouping_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/grouping"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source"
)

// company syncs the groups of a store to the tenant, by plans as a sync makes them, over HTTP.
type company struct {
	*world
	groups  []source.Group
	members map[string][]string // :: group of the store -> people
	left    map[string]bool
	ours    int // how many of world.people are ours; all others are accounts of nobody
}

// sync plans from what the tenant says and carries it out. Whatever may be repeated is.
func (c *company) sync() *membership.Plan {
	ctx := context.Background()
	in := membership.Input{
		Connection: "contoso", Rule: "staff", Preferences: config.DefaultPreferences(), People: map[string]plan.Standing{}, Linked: c.ours,
		Memberships: map[string]source.Membership{}, Members: map[string]membership.Read{},
	}
	in.Preferences.RemovalGuard = config.RemovalGuard{Percent: 100, GroupPercent: 100}
	for i, id := range c.people {
		a := membership.Account{ID: id}
		if i < c.ours {
			a.Person, a.Rule = id, "staff"
			in.People[id] = plan.Provisioned
			if c.left[id] {
				in.People[id] = plan.Left
			}
		}
		in.Accounts = append(in.Accounts, a)
	}
	in.Selection = membership.Select([]config.Group{{Match: "all"}}, c.groups, all{})
	for _, g := range c.groups {
		in.Memberships[g.ID] = source.Membership{Group: g, People: c.members[g.ID]}
	}
	require.NoError(c.t, c.client.ListGroups(ctx, c.sel, func(page []directory.Group) error { in.Groups = append(in.Groups, page...); return nil }))
	for _, id := range membership.Needs(in).Members {
		in.Members[id] = membership.Read{Accounts: c.world.members(id)}
	}
	p := membership.Build(in)
	for i := range p.Decisions {
		if d := &p.Decisions[i]; d.Writes() {
			c.carryOut(d)
		}
	}
	return p
}

// carryOut settles one group and writes its members, as often as it takes.
func (c *company) carryOut(d *membership.Decision) {
	var done grouping.Settled
	c.patiently(func() (err error) { done, err = c.settle(*d); return err })
	from := done.Members
	c.patiently(func() error {
		page, begun := d.Members(from, 1<<20), from
		_, err := grouping.WriteMembers(context.Background(), c.client, grouping.MembersInput{Group: done.Target, Created: done.Created, Adds: page.Adds, Removes: page.Removes},
			func(_ grouping.Written, n int) { from = begun + n })
		return err
	})
}

func (c *company) patiently(do func() error) {
	for range 50 {
		err := do()
		if err == nil {
			return
		}
		require.True(c.t, fault.KindOf(err).Retryable(), "%v", err)
	}
	c.t.Fatal("it never ends")
}

type all struct{}

func (all) Matches(string, source.Group) (bool, error)    { return true, nil }
func (all) Text(_ string, g source.Group) (string, error) { return g.Name, nil }

// Half of the members of each group were added by hand. Whatever happens to the others, joiners, movers and leavers, and to requests, these stay, the
// others are exactly those of the store after each sync, and a second sync writes nothing.
func TestManySyncs(t *testing.T) {
	t.Parallel()
	const people, groups, size, syncs = 160, 8, 20, 25
	r := rand.New(rand.NewPCG(9, 9))
	c := &company{world: simulate(t, people, simulator.Options{RandomSeed: 9}), members: map[string][]string{}, left: map[string]bool{}, ours: people / 2}
	ours, others := c.people[:people/2], c.people[people/2:]
	some := func(of []string, n int) []string {
		picked := slices.Clone(of)
		r.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
		return picked[:n]
	}
	byHand, target := map[string][]string{}, map[string]string{}
	for i := range groups {
		g := source.Group{ID: fmt.Sprint("g", i), Name: fmt.Sprint("Group ", i)}
		c.groups = append(c.groups, g)
		c.members[g.ID] = some(ours, size)
	}
	c.sync()
	for _, d := range c.sync().Decisions {
		target[d.Group], byHand[d.Group] = d.Target, some(others, size)
		require.NoError(t, c.client.AddMembers(context.Background(), d.Target, byHand[d.Group]))
	}
	c.broken = true
	c.SetFaults(simulator.Faults{On: "writes", UnavailableCommitted: 0.03, ResetCommitted: 0.03, TimeoutCommitted: 0.03, InternalError: 0.03, Concurrency: 0.03, Reset: 0.03})
	for n := range syncs {
		for _, id := range some(ours, 3) {
			c.left[id] = !c.left[id]
		}
		for _, g := range c.groups {
			stay := c.members[g.ID][r.IntN(4):]
			for _, id := range some(ours, r.IntN(5)) {
				if !slices.Contains(stay, id) {
					stay = append(stay, id)
				}
			}
			c.members[g.ID] = slices.Clone(stay)
		}
		c.sync()
		for _, g := range c.groups {
			want := slices.Clone(byHand[g.ID])
			for _, id := range c.members[g.ID] {
				if !c.left[id] {
					want = append(want, id)
				}
			}
			slices.Sort(want)
			require.Equal(t, want, c.world.members(target[g.ID]), "sync %d, %s", n, g.ID)
		}
		before := c.Stats().Writes
		for _, d := range c.sync().Decisions {
			require.Equal(t, plan.Success, d.Outcome, "%+v", d)
		}
		require.Equal(t, before, c.Stats().Writes, "a second sync writes nothing")
	}
	require.Len(t, c.world.groups(), groups)
	require.Zero(t, c.Stats().Requests["DELETE /users/{id}"])
	for key := range c.Stats().Requests {
		require.False(t, strings.HasPrefix(key, "DELETE") && !strings.HasSuffix(key, "$ref"), key)
	}
}
