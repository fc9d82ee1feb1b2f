package endtoend_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/engine"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// deleteRule deletes rule staff and waits until it is gone.
func deleteRule(t *testing.T, k *testkit.Kit) {
	t.Helper()
	require.NoError(t, k.Update(api.UpdateDeleteRule, nil, api.RuleInput{Rule: "staff", Confirm: "staff"}))
	ctx, cancel := k.Context()
	defer cancel()
	require.NoError(t, k.Client.GetWorkflow(ctx, api.DeleteRuleID("contoso", "staff"), "").Get(ctx, nil))
	require.Eventually(t, func() bool { return len(k.Describe().Rules) == 0 }, 10*time.Second, 10*time.Millisecond)
}

// A rule is deleted and made anew under its name with another source: nobody of the old one is removed by it, and no
// account is handed to somebody else who has the same id there.
func TestRuleMadeAnewWithAnotherSource(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	before := k.Havings()
	deleteRule(t, k)
	require.Equal(t, before, k.Havings())

	c := k.Config()
	c.Rules[0].Source.Settings = file.At(k.WriteSource("others.csv", testkit.Header,
		testkit.Person("e00", "xenia", "Xenia", "Young", ""), testkit.Person("e70", "yuri", "Yuri", "Zorn", "")))
	k.MustApply(c)
	r, err := k.Await("staff")
	k.AwaitSynced()
	outcome{state: api.SyncCompleted, cause: fault.LinkedFromOtherSource, people: 1, created: 1}.check(t, k, before, r, err)
	joined := k.Havings()
	for range 2 {
		outcome{state: api.SyncCompleted, cause: fault.LinkedFromOtherSource, people: 1}.sync(t, k, joined)
	}
}

// Two rules read two sources that suddenly share an id, or one of which breaks.
func TestAccidentsOfTwoSources(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	temps := func(ids ...string) string {
		var out []string
		for _, id := range ids {
			out = append(out, `{"id":"`+id+`","username":"t`+id+`","given":"Temp","family":"`+id+`","country":"US","license":"","department":"Temps"}`)
		}
		return "[" + strings.Join(out, ",\n") + "]"
	}
	k.WriteRaw("temps.json", temps("t1", "t2"))
	c := k.Config()
	second := k.Config().Rules[0]
	second.Name, second.Source = "temps", config.Source{Settings: file.At(filepath.Join(k.Dir, "temps.json"))}
	c.Rules = append(c.Rules, second)
	k.MustApply(c)
	for _, rule := range []string{"staff", "temps"} {
		r, err := k.Sync(rule)
		require.NoError(t, err)
		require.Zero(t, r.Failed, "%s", r.Message)
	}
	k.AwaitSynced()
	before := k.Havings()
	require.Len(t, before, 14)
	mend := func(t *testing.T) {
		t.Helper()
		k.WriteRaw("temps.json", temps("t1", "t2"))
		restored(t, k, before, people)
	}

	t.Run("they share an id", func(t *testing.T) {
		k.WriteRaw("temps.json", temps("t1", "t2", "e03"))
		outcome{state: api.SyncCompleted, cause: fault.SourceIDConflict, people: 1}.sync(t, k, before)
		_, err := k.Provision("e03")
		require.Equal(t, fault.SourceIDConflict, refusal(t, err))
		r, err := k.Sync("temps")
		require.NoError(t, err)
		require.Equal(t, 1, r.Reasons[fault.SourceIDConflict])
		require.Equal(t, before, k.Havings())
		mend(t)
	})
	t.Run("they share an id, and one of the two is out of scope", func(t *testing.T) {
		narrow := c
		narrow.Rules = append([]config.Rule{}, c.Rules...)
		narrow.Rules[1].Filter = `user.id != "e03"`
		k.WriteRaw("temps.json", temps("t1", "t2", "e03"))
		k.MustApply(narrow)
		k.AwaitSynced()
		outcome{state: api.SyncCompleted, cause: fault.SourceIDConflict, people: 1}.sync(t, k, before)
		_, err := k.Provision("e03")
		require.Equal(t, fault.SourceIDConflict, refusal(t, err), "by hand as in a sync")
		k.MustApply(c)
		k.AwaitSynced()
		mend(t)
	})
	t.Run("the other source is cut", func(t *testing.T) {
		k.WritePeople(people[:12]...)
		whole := temps("t1", "t2")
		k.WriteRaw("temps.json", whole[:len(whole)-30])
		r, err := k.Sync("staff")
		require.Error(t, err, "%+v", r)
		require.Contains(t, []fault.Reason{fault.SourceMalformed, fault.SourceIncomplete}, refusal(t, err))
		require.Contains(t, message(err), "temps.json", "whether somebody left depends on it, too")
		require.Equal(t, before, k.Havings())
		k.AwaitSynced()
		mend(t)
	})
	t.Run("somebody moves to the other source under another id", func(t *testing.T) {
		k.WritePeople(people[:12]...)
		k.WriteRaw("temps.json", strings.Replace(temps("t1", "t2", "t3"), `"tt3"`, `"u11"`, 1))
		outcome{state: api.SyncCompleted, cause: fault.SourceIDChanged, people: 1}.sync(t, k, before)
		mend(t)
	})
}

// reading is a source that is replaced while it is read.
type reading struct {
	source.Source
	replace func()
}

func (r *reading) List(ctx context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	n := 0
	return r.Source.List(ctx, func(record source.Record) error {
		if n++; n == 2 {
			r.replace()
		}
		return yield(record)
	})
}

// What goes wrong with a file at the level of planning, where the moment can be chosen.
func TestAccidentsOfReadingAFile(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{})
	people := staff(12)
	k.WritePeople(people...)
	synced(t, k, k.Config())
	settings := k.Describe().Settings
	endpoint := engine.SimulatorEndpoint{URL: k.Simulator.URL(), CAFile: filepath.Join(k.Dir, "ca.pem")}
	k.WritePeople(people[:12]...)

	t.Run("replaced while it is read", func(t *testing.T) {
		replaced := 0
		acts := activities.New(activities.Options{
			Graph: graph.NewPool(graph.Options{Budget: &graph.Budgets{Share: 1}}),
			Endpoints: func(cloud string) (graph.Endpoints, error) {
				found, _ := graph.CloudEndpoints(cloud)
				found.Graph, found.Login, found.CAPEM = endpoint.URL, endpoint.URL, k.Simulator.CAPEM()
				return found, nil
			},
			Sources: func(s config.Source) (source.Source, error) {
				src, err := stores.Open(source.Environment{})(s.Settings, s.Use)
				return &reading{src, func() {
					if replaced++; replaced == 1 {
						k.WritePeople(people[:3]...)
					}
				}}, err
			},
		})
		_, err := activities.Preview(context.Background(), acts, settings, "staff", func(string) {})
		require.True(t, fault.Is(err, fault.SourceChanged), "%v", err)
		require.Equal(t, fault.Stale, fault.KindOf(err), "the sync plans anew")
		k.WritePeople(people[:12]...)
		made, err := activities.Preview(context.Background(), acts, settings, "staff", func(string) {})
		require.NoError(t, err)
		require.Len(t, made.Leavers, 1)
	})
	t.Run("outside the folder for sources", func(t *testing.T) {
		outside, err := engine.New(engine.Parts{
			Environment: engine.Environment{WriteShare: 1, Activities: 1, Pace: 0.02, SourceRoot: t.TempDir()}, Simulator: &endpoint,
		})
		require.NoError(t, err)
		var made *plan.Plan
		made, err = outside.Plan(context.Background(), settings, "staff", func(string) {})
		require.Nil(t, made)
		require.True(t, fault.Is(err, fault.SourceOutsideRoot), "%v", err)
		require.NotContains(t, err.Error(), k.Dir, "the message names the file and not this machine's folders")
	})
}
