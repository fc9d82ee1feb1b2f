package simulator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/simulator"
)

// Reads go to replicas of different age; uniqueness is the master's.
func TestReplicaLag(t *testing.T) {
	t.Parallel()
	c := newClock()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].ExtensionProperties = []simulator.ExtensionSeed{{Name: "link"}}
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "old@contoso.com", "jobTitle": "A", linkName: "old"}}
	w := start(t, simulator.Options{Seed: seed, ReplicaLag: 10 * time.Second, Now: c.now})
	tally := func(path string) map[int]int {
		n := map[int]int{}
		for range 60 {
			n[w.get(path).status]++
		}
		return n
	}
	require.Equal(t, map[int]int{200: 60}, tally("/users/old@contoso.com"), "the seed is known everywhere")

	id := w.do("POST", "/users", person("ann@contoso.com", map[string]any{linkName: "new"})).is(201).id()
	w.do("POST", "/users", person("ann@contoso.com", nil)).refused(400, "Request_BadRequest", "already exists")
	c.advance(time.Millisecond)
	n := tally("/users/ann@contoso.com")
	require.NotZero(t, n[200])
	require.NotZero(t, n[404])
	hits := map[int]int{}
	for range 60 {
		hits[len(w.get("/users?$filter="+q(linkName+" eq 'new'")).values())]++
	}
	require.NotZero(t, hits[0])
	require.NotZero(t, hits[1])
	misses := 0
	for range 60 {
		if w.do("POST", "/users/"+id+"/assignLicense", order(nil, simulator.SKUM365E3)).status == 404 {
			misses++
		}
	}
	require.NotZero(t, misses)
	require.Less(t, misses, 60)

	// An update shows late, and the old value is found by a filter meanwhile.
	for w.do("PATCH", "/users/old@contoso.com", map[string]any{linkName: "changed"}).status != 204 {
		continue
	}
	c.advance(time.Millisecond)
	values := map[any]int{}
	found := map[int]int{}
	for range 60 {
		values[w.get("/users/old@contoso.com?$select=" + linkName).body[linkName]]++
		found[len(w.get("/users?$filter="+q(linkName+" eq 'old'")).values())]++
	}
	require.NotZero(t, values["old"])
	require.NotZero(t, values["changed"])
	require.NotZero(t, found[0])
	require.NotZero(t, found[1])

	w.do("DELETE", "/users/old@contoso.com", nil).is(204)
	c.advance(time.Millisecond)
	n = tally("/users/old@contoso.com")
	require.NotZero(t, n[200])
	require.NotZero(t, n[404])

	c.advance(10 * time.Second)
	require.Equal(t, map[int]int{200: 60}, tally("/users/ann@contoso.com"))
	require.Equal(t, map[int]int{404: 60}, tally("/users/old@contoso.com"))
	w.do("POST", "/users", person("late@contoso.com", nil)).is(201)
	c.advance(10 * time.Second)
	require.Len(t, w.get("/users").values(), 2)
}

func TestYoungGroup(t *testing.T) {
	t.Parallel()
	c := newClock()
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Users = []simulator.UserSeed{{"userPrincipalName": "ann@contoso.com"}}
	w := start(t, simulator.Options{Seed: seed, ReplicaLag: 10 * time.Second, Now: c.now})
	ann := map[string]any{"@odata.id": w.s.URL() + "/v1.0/directoryObjects/" + w.state().Users[0].ID}
	g := w.do("POST", "/groups", security("G", nil)).is(201).id()
	c.advance(time.Millisecond)
	for {
		a := w.do("POST", "/groups/"+g+"/members/$ref", ann)
		if a.status == 204 {
			continue // a replica that knows the group, or a membership that is there already
		}
		if a.message() != "One or more added object references already exist for the following modified properties: 'members'." {
			a.refused(400, "Request_BadRequest", "The source resource object or one of the objects being referenced don't exist.")
			return
		}
	}
}
