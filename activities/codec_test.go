package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/lab/testkit"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/simulator"
)

// Somebody encodes all payloads: what an earlier run created is found all the same.
func TestAnAccountOfAnEarlierRunIsFoundWithAPayloadCodec(t *testing.T) {
	t.Parallel()
	k := testkit.Start(t, testkit.Options{
		Simulator:     simulator.Options{RandomSeed: 2, ReplicaLag: 15 * time.Second},
		DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), converter.NewZlibCodec(converter.ZlibCodecOptions{AlwaysEncode: true})),
	})
	k.WritePeople(testkit.Header)
	require.Equal(t, api.Valid, k.MustApply(k.Config()).Validity)
	k.WritePeople(testkit.Header, testkit.Person("p1", "before", "Ann", "Lee", ""))
	k.MustSync("staff")
	k.StopWorker()
	k.StartWorker()
	k.WritePeople(testkit.Header, testkit.Person("p1", "after", "Ann", "Lee", ""))
	result := k.MustSync("staff")

	require.Equal(t, plan.Counters{Impacted: 1, Success: 1}, result.Counters, "%+v", result)
	oneAccount(t, k, "after@contoso.com")
}
