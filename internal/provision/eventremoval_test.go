package provision_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// A change at the source, and whoever deprovisions somebody by hand, remove nobody whom a sync would not remove: from a source that may have been cut off, that is empty, that has
// nobody in scope any more, or that the account does not come from.
func TestWithoutAPlanNobodyIsRemovedInDoubt(t *testing.T) {
	t.Parallel()
	bea := source.Record{ID: "p1", Enabled: true, Fields: map[string]any{"id": "p1", "username": "bea", "department": "Sales"}}
	for name, test := range map[string]struct {
		left   []source.Record
		now    func(*model)
		reason fault.Reason
	}{
		"nothing is in doubt":  {left: []source.Record{bea}, reason: fault.PersonNotFound},
		"it may be cut off":    {left: []source.Record{bea}, now: func(m *model) { m.people.open = true }, reason: fault.SourceEndUnknown},
		"it never has an end":  {left: []source.Record{bea}, now: func(m *model) { m.people.open, m.settings.Rules[0].EndsOpen = true, true }, reason: fault.PersonNotFound},
		"it is empty":          {reason: fault.SourceEmpty},
		"nobody is in scope":   {left: []source.Record{bea}, now: func(m *model) { m.settings.Config.Rules[0].Filter = "false" }, reason: fault.EverybodyLeft},
		"another id, one name": {left: []source.Record{{ID: "p2", Enabled: true, Fields: map[string]any{"id": "p2", "username": "ann"}}}, reason: fault.SourceIDChanged},
		"from another source": {left: []source.Record{bea}, now: func(m *model) {
			m.tenant.write("account-1", m.clock.Add(-time.Hour), func(s *state) {
				mark, _ := directory.ParseMark(s.account.Mark)
				mark.Source = file.At("other.csv").Tag()
				s.account.Mark = mark.String()
			})
		}, reason: fault.LinkedFromOtherSource},
	} {
		for _, event := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, event %t", name, event), func(t *testing.T) {
				t.Parallel()
				m := calm(t)
				m.settings.Config.Rules[0].Source.Settings = file.At("people.csv")
				m.have(test.left...)
				if test.now != nil {
					test.now(m)
				}
				worker := provision.Restart(m.workers[0], provision.Options{
					Tenant:       func(api.Settings, ...graph.Option) (provision.Tenant, error) { return m.tenant, nil },
					Sources:      func(config.Source) (source.Source, error) { return m.people, nil },
					EventRemoval: func(context.Context, string, string, string) (bool, error) { return true, nil },
					Settings:     m, EarlierRuns: m, Now: func() time.Time { return m.clock }, Random: m.random, Waits: backoff.Default(),
				})
				seen, err := worker.Inspect(t.Context(), provision.InspectInput{Connection: "contoso", User: "p0"})
				require.NoError(t, err)
				if test.reason != fault.PersonNotFound {
					require.Equal(t, test.reason, seen.Deciding.Reason, "whoever looks is told the same")
					require.Nil(t, seen.Change)
				} else {
					require.Equal(t, plan.Remove, seen.Change.Action)
				}
				done, err := worker.Remove(context.Background(), api.RemoveInput{Connection: "contoso", User: "p0", Event: event}, provision.Attempt{Number: 1, Since: m.clock})
				removed := test.reason == fault.PersonNotFound
				if removed || event {
					require.NoError(t, err)
					require.Equal(t, test.reason, done.Reason)
				} else {
					require.Equal(t, test.reason, fault.Of(err).Reason)
					require.Equal(t, fault.Refused, fault.KindOf(err))
				}
				require.Equal(t, removed, done.Action == plan.Remove)
				require.Equal(t, !removed, m.ann(t).account.Enabled)
			})
		}
	}
}
