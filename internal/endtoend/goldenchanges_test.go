package endtoend_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/sourcetest"
)

// The paths between two syncs, for the golden histories like TestGoldenPaths: changes of people, the watch that hears of them, and the
// connection that allows what they take away; and an account that moves to another source id.
func TestGoldenPathsBetweenSyncs(t *testing.T) {
	k, people := watched(t, 30)
	g := &golden{t: t, k: k}
	all := sourcetest.People(30)
	tell := func(id string, action plan.Action) {
		people.Set(all)
		people.Tell(id)
		require.Equal(t, action, lastRun(t, k, id).Action, id)
	}
	all[0].Fields["department"] = "Moved"
	tell("E00001", plan.Update)
	g.keep("ProvisionUser-event", api.UserID("contoso", "E00001"))
	all[1].Enabled = sourcetest.Disabled
	tell("E00002", plan.Disable)
	g.keep("ProvisionUser-event-disable", api.UserID("contoso", "E00002"))
	last := all[29]
	all = all[:29]
	tell("E00030", plan.Remove)
	g.keep("ProvisionUser-event-leaver", api.UserID("contoso", "E00030"))

	last.ID = "E00777"
	people.Set(append(all, last))
	r, err := moveLink(t, k, "E00030", "E00777")
	require.NoError(t, err)
	require.Equal(t, plan.Success, r.Outcome, "%+v", r)
	g.keep("MoveLink-moved", api.MoveLinkID("contoso", "E00030"))
	g.keep("ProvisionUser-moved", api.UserID("contoso", "E00777"))
	for key, history := range k.Histories() {
		// The run before it has the same id, and moves the link.
		if id, run, _ := strings.Cut(key, "@"); id == api.UserID("contoso", "E00777") && strings.Contains(history, api.SignalLinkMoves) {
			g.keepRun("MoveLink-announced", id, run)
		}
	}

	require.NoError(t, k.Update(api.UpdateDisableRule, nil, api.RuleInput{Rule: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	var ended api.WatchResult
	require.NoError(t, k.Client.GetWorkflow(ctx, api.WatchID("contoso", "staff"), "").Get(ctx, &ended))
	require.True(t, ended.Over || ended.Runs >= 3, "%+v", ended)
	g.keep("WatchSource-people", api.WatchID("contoso", "staff"))
	g.keep("Connection-changes", api.ConnectionID("contoso"))
}

// More people than are under way at a time, and somebody who left: the sync looks how long they take.
func TestGoldenPathsOfManyPeople(t *testing.T) {
	k := testkit.Start(t, testkit.Options{Simulator: simulator.Options{}})
	g := &golden{t: t, k: k}
	people := func(n int, given string) {
		lines := []string{testkit.Header}
		for i := range n {
			lines = append(lines, testkit.Person(fmt.Sprintf("e%02d", i), fmt.Sprintf("u%02d", i), given, fmt.Sprintf("Family%02d", i), ""))
		}
		k.WritePeople(lines...)
	}
	people(70, "Given")
	synced(t, k, k.Config())
	people(69, "Moved")
	r := k.MustSync("staff")
	require.Equal(t, map[plan.Action]int{plan.Update: 69, plan.Remove: 1}, r.Actions)
	g.keep("SyncRule-lanes", api.SyncID("contoso", "staff"))
	k.ReplayAll()
}
