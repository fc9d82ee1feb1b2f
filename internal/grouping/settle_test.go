package grouping_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/membership"
	"github.com/entraflow/entraflow/internal/simulator"
)

func TestSettleCreates(t *testing.T) {
	t.Parallel()
	w := simulate(t, 30, simulator.Options{})
	d := decision(membership.Create, "", w.people...)
	done, err := w.settle(d)
	require.NoError(t, err)
	require.True(t, done.Created)
	require.Equal(t, 20, done.Members)
	g := w.read(done.Target)
	require.Equal(t, "Sales", g.DisplayName)
	require.Equal(t, "contoso/staff/g1", g.Link)
	require.Equal(t, "1;created", g.Mark)
	require.Equal(t, membership.UniqueName("contoso", "g1"), g.UniqueName)
	require.Equal(t, w.people[:20], w.members(done.Target))
	require.Equal(t, 1, w.Stats().Writes)

	// Once more, as after an answer that was lost, makes no second one and writes nothing.
	again, err := w.settle(d)
	require.NoError(t, err)
	require.Equal(t, done.Target, again.Target)
	require.False(t, again.Created)
	require.Len(t, w.groups(), 1)
	require.Equal(t, 1, w.Stats().Writes)
}

// An answer that is lost, or never came.
func TestSettleCreatesOnce(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]simulator.Fault{
		"lost":    {Reset: true, Commit: true},
		"timeout": {Status: 504, Commit: true},
		"refused": {Status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := simulate(t, 3, simulator.Options{})
			w.FailNext(func(r *http.Request) bool { return r.Method == http.MethodPatch }, f)
			_, err := w.settle(decision(membership.Create, "", w.people...))
			require.True(t, fault.KindOf(err).Retryable(), "%v", err)
			done, err := w.settle(decision(membership.Create, "", w.people...))
			require.NoError(t, err)
			require.Len(t, w.groups(), 1)
			require.Equal(t, "contoso/staff/g1", w.read(done.Target).Link)
		})
	}
}

// Somebody among the first twenty who is gone keeps nobody from having the group.
func TestSettleCreatesWithoutWhoIsGone(t *testing.T) {
	t.Parallel()
	w := simulate(t, 3, simulator.Options{})
	w.Mutate(func(tenant *simulator.Tenant) { require.NoError(t, tenant.DeleteUser(w.people[1])) })
	done, err := w.settle(decision(membership.Create, "", w.people...))
	require.NoError(t, err)
	require.Zero(t, done.Members)
	require.Empty(t, w.members(done.Target))
}

func TestSettleAdopts(t *testing.T) {
	t.Parallel()
	w := simulate(t, 0, simulator.Options{})
	id := w.foreign(nil)
	d := decision(membership.Adopt, id)
	d.Mark.Origin = directory.Adopted
	done, err := w.settle(d)
	require.NoError(t, err)
	require.Equal(t, []string{"description", "link", "mark"}, done.Attributes)
	require.Equal(t, "1;adopted", w.read(id).Mark)
	// Again there is nothing to write.
	done, err = w.settle(d)
	require.NoError(t, err)
	require.Equal(t, membership.None, done.Action)
	require.Equal(t, 1, w.Stats().Writes)
}

// What has changed since the plan was made.
func TestSettleLooksAgain(t *testing.T) {
	t.Parallel()
	linked := func(link string) func(w *world) string {
		return func(w *world) string {
			return w.foreign(map[string]any{w.sel.LinkProperty: link, w.sel.MarkProperty: "1;created"})
		}
	}
	for name, c := range map[string]struct {
		action membership.Action
		group  func(w *world) string
		want   fault.Reason
	}{
		"adopted by somebody else":     {membership.Adopt, linked("fabrikam/staff/g1"), fault.GroupLinkedElsewhere},
		"linked to another group":      {membership.Update, linked("contoso/staff/g2"), fault.GroupLinkedElsewhere},
		"members of another's":         {membership.Members, linked("contoso/staff/g2"), fault.GroupLinkedElsewhere},
		"the link is gone":             {membership.Members, func(w *world) string { return w.foreign(nil) }, fault.GroupLinkedElsewhere},
		"emptied but taken over":       {membership.Empty, linked("contoso/other/g1"), fault.GroupLinkedElsewhere},
		"deleted but taken over":       {membership.Delete, linked("contoso/other/g1"), fault.GroupLinkedElsewhere},
		"gone":                         {membership.Update, func(*world) string { return "00000000-0000-4000-8000-00000000dead" }, fault.TargetGroupNotFound},
		"restored, and not in the bin": {membership.Restore, func(*world) string { return "00000000-0000-4000-8000-00000000dead" }, fault.ReplicationPending},
		"made dynamic": {membership.Adopt, func(w *world) string {
			return w.foreign(map[string]any{"groupTypes": []any{"DynamicMembership"}, "membershipRule": "true", "membershipRuleProcessingState": "On"})
		}, fault.GroupDynamic},
		"created, but somebody has given it another link": {membership.Create, func(w *world) string {
			return w.foreign(map[string]any{"uniqueName": membership.UniqueName("contoso", "g1"), w.sel.LinkProperty: "fabrikam/staff/g1", w.sel.MarkProperty: "1;created"})
		}, fault.GroupLinkedElsewhere},
		"created, but made dynamic, and the link is gone": {membership.Create, func(w *world) string {
			return w.foreign(map[string]any{"uniqueName": membership.UniqueName("contoso", "g1"), "groupTypes": []any{"DynamicMembership"}, "membershipRule": "true"})
		}, fault.GroupDynamic},
		"synchronized": {membership.Adopt, func(w *world) string { return w.foreign(map[string]any{"onPremisesSyncEnabled": true}) }, fault.GroupSynced},
		"deleted although not made here": {membership.Delete, func(w *world) string {
			return w.foreign(map[string]any{w.sel.LinkProperty: "contoso/staff/g1", w.sel.MarkProperty: "1;adopted"})
		}, fault.GroupNotCreatedHere},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := simulate(t, 0, simulator.Options{})
			_, err := w.settle(decision(c.action, c.group(w)))
			require.True(t, fault.Is(err, c.want), "%v", err)
			require.Zero(t, w.Stats().Writes, "nothing is written")
		})
	}
}

func TestSettleRestores(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("the plan found it in the bin", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, simulator.Options{})
		id := w.created(w.people...)
		require.NoError(t, w.client.DeleteGroup(ctx, id))
		d := decision(membership.Restore, id)
		d.Wanted.Name = "Sales EMEA"
		done, err := w.settle(d)
		require.NoError(t, err)
		require.Equal(t, []string{"displayName"}, done.Attributes)
		require.True(t, done.Created)
		require.Equal(t, "Sales EMEA", w.read(id).DisplayName)
		require.Equal(t, w.people, w.members(id))
		_, err = w.settle(d)
		require.NoError(t, err, "again, after an answer that was lost")
	})
	t.Run("only the creation met it", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 0, simulator.Options{})
		id := w.created()
		require.NoError(t, w.client.DeleteGroup(ctx, id))
		done, err := w.settle(decision(membership.Create, ""))
		require.NoError(t, err)
		require.Equal(t, id, done.Target)
		require.Equal(t, membership.Restore, done.Action)
	})
	t.Run("its link is another's", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 0, simulator.Options{})
		id := w.created()
		require.NoError(t, w.client.UpdateGroup(ctx, id, graph.GroupPatch{Link: ptr("contoso/staff/g2")}, w.sel))
		require.NoError(t, w.client.DeleteGroup(ctx, id))
		for _, d := range []membership.Decision{decision(membership.Create, ""), decision(membership.Restore, id)} {
			_, err := w.settle(d)
			require.True(t, fault.Is(err, fault.GroupInBin), "%v", err)
			require.Contains(t, err.Error(), id)
		}
		require.Empty(t, w.groups())
	})
}

// A creation that meets a group of our unique name which has lost link and mark takes it up, and never again for one that was created here.
func TestSettleCreatesWhatIsThere(t *testing.T) {
	t.Parallel()
	w := simulate(t, 0, simulator.Options{})
	id := w.foreign(map[string]any{"uniqueName": membership.UniqueName("contoso", "g1")})
	done, err := w.settle(decision(membership.Create, ""))
	require.NoError(t, err)
	require.Equal(t, id, done.Target)
	require.Zero(t, done.Members)
	g := w.read(id)
	require.Equal(t, "contoso/staff/g1", g.Link)
	require.Equal(t, "1;adopted", g.Mark)
}

func TestSettleDeletes(t *testing.T) {
	t.Parallel()
	w := simulate(t, 3, simulator.Options{})
	id := w.created(w.people...)
	d := decision(membership.Delete, id)
	d.Removes = accounts(w.people[:2]...)
	_, err := w.settle(d)
	require.True(t, fault.Is(err, fault.PlanChanged), "somebody joined whom the guard has not counted: %v", err)
	d.Removes = accounts(w.people...)
	done, err := w.settle(d)
	require.NoError(t, err)
	require.Equal(t, membership.Delete, done.Action)
	require.Empty(t, w.groups())
	_, err = w.settle(d)
	require.NoError(t, err, "again, after an answer that was lost")
}

// Of a group that the rule names by object id nothing is written but members.
func TestSettleLeavesTargets(t *testing.T) {
	t.Parallel()
	w := simulate(t, 0, simulator.Options{})
	id := w.foreign(map[string]any{"displayName": "Licensed"})
	d := decision(membership.Members, id)
	d.Wanted.Target = strings.ToUpper(id)
	done, err := w.settle(d)
	require.NoError(t, err)
	require.Equal(t, id, done.Target)
	require.Zero(t, w.Stats().Writes)
}
