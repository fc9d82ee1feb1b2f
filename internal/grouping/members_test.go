package grouping_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/grouping"
	"github.com/entraflow/entraflow/internal/simulator"
)

func TestWriteMembers(t *testing.T) {
	t.Parallel()
	w := simulate(t, 65, simulator.Options{})
	id := w.created(w.people[:20]...)
	w.ResetStats()
	var told []int
	done, err := grouping.WriteMembers(context.Background(), w.client, grouping.MembersInput{Group: id, Adds: w.people[20:], Removes: w.people[:2]},
		func(_ grouping.Written, n int) { told = append(told, n) })
	require.NoError(t, err)
	require.Equal(t, grouping.Written{Added: 45, Removed: 2}, done)
	require.Equal(t, []int{20, 40, 45, 46, 47, 47}, told)
	require.Equal(t, w.people[2:], w.members(id))
	require.Equal(t, 5, w.Stats().Requests["PATCH /groups/{id}"]+w.Stats().Requests["DELETE /groups/{id}/members/{member}/$ref"], "%v", w.Stats().Requests)
	for _, p := range w.people[:2] {
		_, err := w.client.UserByID(context.Background(), p, w.sel)
		require.NoError(t, err, "who leaves a group stays")
	}
}

// One of twenty never keeps the other nineteen out.
func TestOneOfTwenty(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o       simulator.Options
		prepare func(w *world, id string)
		missing int // of the people, is not a member in the end; -1 nobody
		want    fault.Reason
	}{
		"is a member already": {prepare: func(w *world, id string) {
			require.NoError(w.t, w.client.AddMember(context.Background(), id, w.people[7]))
		}, missing: -1},
		"is gone": {prepare: func(w *world, _ string) {
			w.Mutate(func(tenant *simulator.Tenant) { require.NoError(w.t, tenant.DeleteUser(w.people[7])) })
		}, missing: 7, want: fault.GroupMemberNotFound},
		"is a guest who may not join": {prepare: func(w *world, _ string) {
			refusal := simulator.GraphFault(403, "Authorization_RequestDenied", "Guests users are not allowed to join this group.")
			w.FailNext(func(r *http.Request) bool { return adding(r) && r.Method == http.MethodPatch }, refusal)
			n := 0
			w.FailNext(func(r *http.Request) bool {
				if adding(r) && r.Method == http.MethodPost {
					n++
				}
				return n == 8
			}, refusal)
		}, missing: 7, want: fault.GuestRefused},
		"is one too many": {o: simulator.Options{Behavior: simulator.Behavior{MemberQuota: 19}}, missing: 19, want: fault.GroupMembersQuota},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := simulate(t, 20, c.o)
			id := w.created()
			if c.prepare != nil {
				c.prepare(w, id)
			}
			done, err := w.write(grouping.MembersInput{Group: id, Adds: w.people})
			require.NoError(t, err)
			want := slices.Clone(w.people)
			if c.missing < 0 {
				require.Empty(t, done.Refused)
				require.Equal(t, 19, done.Added)
			} else {
				require.Len(t, done.Refused, 1)
				require.Equal(t, c.want, done.Refused[0].Reason)
				require.Equal(t, w.people[c.missing], done.Refused[0].Account)
				want = slices.Delete(want, c.missing, c.missing+1)
			}
			require.Equal(t, want, w.members(id))
		})
	}
}

// An account that cannot be seen yet is tried again, after everybody else, and after the removals.
func TestNotYetVisible(t *testing.T) {
	t.Parallel()
	w := simulate(t, 5, simulator.Options{})
	id := w.created(w.people[4])
	late := simulator.GraphFault(404, "Request_ResourceNotFound", "Resource '"+w.people[1]+"' does not exist or one of its queried reference-property objects are not present.")
	w.FailNext(func(r *http.Request) bool { return adding(r) && r.Method == http.MethodPatch }, late)
	n := 0
	w.FailNext(func(r *http.Request) bool {
		if adding(r) && r.Method == http.MethodPost {
			n++
		}
		return n == 2
	}, late)
	done, err := w.write(grouping.MembersInput{Group: id, Adds: w.people[:4], Removes: w.people[4:]})
	require.NoError(t, err)
	require.Equal(t, grouping.Written{Added: 4, Removed: 1}, done)
	require.Len(t, w.waited, 1)
	require.Equal(t, w.people[:4], w.members(id))
}

// A group that was made a moment ago is not seen yet by whoever takes the first request.
func TestNewGroupNotYetVisible(t *testing.T) {
	t.Parallel()
	w := simulate(t, 25, simulator.Options{})
	id := w.created()
	w.FailNext(adding, simulator.GraphFault(404, "Request_ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present."))
	w.ResetStats()
	done, err := w.write(grouping.MembersInput{Group: id, Created: true, Adds: w.people})
	require.NoError(t, err)
	require.Equal(t, 25, done.Added)
	require.Len(t, w.waited, 1)
	require.Zero(t, w.Stats().Requests["POST /groups/{id}/members/$ref"])
}

// Graph says the same of a member that is gone, of somebody who is no member, and of a group that is gone.
func TestRemoveWhoIsNotThere(t *testing.T) {
	t.Parallel()
	t.Run("no member", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 3, simulator.Options{})
		id := w.created(w.people[0])
		done, err := w.write(grouping.MembersInput{Group: id, Removes: w.people})
		require.NoError(t, err)
		require.Equal(t, grouping.Written{Removed: 1}, done)
		require.Empty(t, w.members(id))
	})
	t.Run("a member after all", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, simulator.Options{})
		id := w.created(w.people...)
		w.FailNext(func(r *http.Request) bool { return r.Method == http.MethodDelete },
			simulator.GraphFault(404, "Request_ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present."))
		done, err := w.write(grouping.MembersInput{Group: id, Removes: w.people})
		require.NoError(t, err)
		require.Equal(t, grouping.Written{Removed: 2}, done)
		require.Empty(t, w.members(id))
	})
	t.Run("no group", func(t *testing.T) {
		t.Parallel()
		w := simulate(t, 2, simulator.Options{})
		id := w.created(w.people...)
		require.NoError(t, w.client.DeleteGroup(context.Background(), id))
		_, err := w.write(grouping.MembersInput{Group: id, Removes: w.people})
		require.True(t, fault.Is(err, fault.TargetGroupNotFound), "%v", err)
	})
}

// A group that nobody may write ends the work: thousands of single requests would not change that.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	w := simulate(t, 20, simulator.Options{})
	id := w.foreign(map[string]any{"onPremisesSyncEnabled": true})
	_, err := w.write(grouping.MembersInput{Group: id, Adds: w.people})
	require.True(t, fault.Is(err, fault.GroupSynced), "%v", err)
	require.Equal(t, 1, w.Stats().Writes)
}

// Whoever repeats the work after an error at any request ends with the same members. An answer that was lost is the hardest of them.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, f := range []simulator.Fault{{Status: 503}, {Status: 504, Commit: true}, {Reset: true, Commit: true}, {Reset: true}} {
		for at := range 6 {
			w := simulate(t, 45, simulator.Options{})
			id := w.created(w.people[42:]...)
			n := 0
			w.FailNext(func(r *http.Request) bool {
				if r.Method != http.MethodGet {
					n++
				}
				return n == at+1
			}, f)
			adds, removes := w.people[:42], w.people[42:]
			from := 0
			for attempt := 0; ; attempt++ {
				require.Less(t, attempt, 5)
				in := grouping.MembersInput{Group: id, Adds: adds[min(from, len(adds)):], Removes: removes[max(0, from-len(adds)):]}
				begun := from
				_, err := grouping.WriteMembers(context.Background(), w.client, in, func(_ grouping.Written, done int) { from = begun + done })
				if err == nil {
					break
				}
				require.True(t, fault.KindOf(err).Retryable(), "%v", err)
			}
			require.Equal(t, adds, w.members(id), "fault %+v at request %d", f, at)
		}
	}
}

var _ grouping.Tenant = (*graph.Client)(nil)
