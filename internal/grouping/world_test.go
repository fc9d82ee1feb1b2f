package grouping_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/grouping"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source"
)

// world is a simulated tenant with people, and a client of it. At its end it checks that nothing went over the wire that no correct client sends.
type world struct {
	*simulator.Server
	t      *testing.T
	client *graph.Client
	sel    directory.Selection
	people []string
	waited []time.Duration
	// broken: connections break, after which the simulator may have the request still under way when the next one comes.
	broken bool
}

func simulate(t *testing.T, people int, o simulator.Options) *world {
	t.Helper()
	w := &world{t: t, sel: directory.Selection{
		LinkProperty: graph.ExtensionName(simulator.DefaultClientID, graph.LinkProperty),
		MarkProperty: graph.ExtensionName(simulator.DefaultClientID, graph.MarkProperty),
	}}
	o.Seed = simulator.DefaultSeed()
	for i := range people {
		id := fmt.Sprintf("cccccccc-0000-4000-8000-%012d", i)
		o.Seed.Tenants[0].Users = append(o.Seed.Tenants[0].Users, simulator.UserSeed{"id": id, "userPrincipalName": fmt.Sprintf("u%05d@contoso.com", i)})
		w.people = append(w.people, id)
	}
	s, err := simulator.Start(o)
	require.NoError(t, err)
	endpoints, _ := graph.CloudEndpoints("simulator")
	endpoints.Graph, endpoints.Login, endpoints.CAPEM = s.URL(), s.URL(), s.CAPEM()
	policy := backoff.Default().Scaled(0.001)
	client, err := graph.NewPool(graph.Options{Waits: &policy}).Client(graph.ClientConfig{
		TenantID: simulator.DefaultTenantID, ClientID: simulator.DefaultClientID, Endpoints: endpoints,
		Secret: func(context.Context) (string, error) { return simulator.DefaultClientSecret, nil },
	})
	require.NoError(t, err)
	w.Server, w.client = s, client
	for _, short := range []string{graph.LinkProperty, graph.MarkProperty} {
		_, err := client.RegisterExtensionProperty(context.Background(), short)
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		stats := s.Stats()
		require.NoError(t, s.Close())
		require.Empty(t, stats.ProtocolFaults)
		require.True(t, w.broken || stats.OverlappingWrites == 0, "overlapping writes: %d", stats.OverlappingWrites)
	})
	s.ResetStats()
	return w
}

// accounts are people as members of a decision.
func accounts(ids ...string) (out []membership.Member) {
	for _, id := range ids {
		out = append(out, membership.Member{Person: id, Account: id})
	}
	return out
}

// decision is about group g1, which the rule wants as Sales.
func decision(action membership.Action, target string, adds ...string) membership.Decision {
	return membership.Decision{
		Group: "g1", Target: target, Action: action, Adds: accounts(adds...), Mark: directory.GroupMark{Origin: directory.Created},
		Wanted: &membership.Wanted{
			Group: source.Group{ID: "g1", Name: "Sales"}, Name: "Sales", Description: "Who sells", MailNickname: "sales", Type: config.GroupSecurity,
			Existing: config.ExistingMerge, WhenRemoved: config.RemovedLeave,
		},
	}
}

func (w *world) settle(d membership.Decision) (grouping.Settled, error) {
	return grouping.Settle(context.Background(), w.client, grouping.SettleInput{
		Connection: "contoso", Rule: "staff", Decision: d, Selection: w.sel, FirstMembers: true,
	})
}

// write writes members, and waits by noting it.
func (w *world) write(in grouping.MembersInput) (grouping.Written, error) {
	in.Wait = func(_ context.Context, d time.Duration) error { w.waited = append(w.waited, d); return nil }
	return grouping.WriteMembers(context.Background(), w.client, in, nil)
}

func (w *world) read(id string) directory.Group {
	w.t.Helper()
	g, err := w.client.GroupByID(context.Background(), id, w.sel)
	require.NoError(w.t, err)
	return *g
}

func (w *world) members(id string) []string {
	w.t.Helper()
	ids := []string{}
	require.NoError(w.t, w.client.GroupMembers(context.Background(), id, func(page []string) error { ids = append(ids, page...); return nil }))
	slices.Sort(ids)
	return ids
}

// created is group g1 with its first members.
func (w *world) created(members ...string) string {
	w.t.Helper()
	done, err := w.settle(decision(membership.Create, "", members[:min(20, len(members))]...))
	require.NoError(w.t, err)
	for chunk := range slices.Chunk(members[min(20, len(members)):], 20) {
		require.NoError(w.t, w.client.AddMembers(context.Background(), done.Target, chunk))
	}
	return done.Target
}

// foreign is a group that somebody else made.
func (w *world) foreign(props map[string]any) (id string) {
	w.t.Helper()
	seed := simulator.GroupSeed{"displayName": "Sales", "mailNickname": "sales", "mailEnabled": false, "securityEnabled": true}
	for k, v := range props {
		seed[k] = v
	}
	w.Mutate(func(tenant *simulator.Tenant) {
		var err error
		id, err = tenant.AddGroup(seed)
		require.NoError(w.t, err)
	})
	return id
}

// adding matches requests that add members: by twenty, or one.
func adding(r *http.Request) bool {
	return r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/groups/") || r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/members/$ref")
}

func ptr(s string) *string { return &s }

// groups are those of the tenant that are not deleted.
func (w *world) groups() []simulator.GroupState {
	state := w.State()
	return state.Tenant("").Groups
}
