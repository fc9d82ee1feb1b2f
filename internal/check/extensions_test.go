package check_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/check"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// A new property is looked for quickly at first, since it usually takes seconds, and patiently then.
func TestPropertiesThatTakeTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.simulator.ExtensionDelay = 90 * time.Second
	r := b.run()
	require.Equal(t, allGood, lines(r))
	require.Equal(t, []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}, b.waits)
	require.Contains(t, b.progress, "waiting for the new extension properties to become usable; this takes seconds to minutes")

	slow := newBench(t)
	slow.simulator.ExtensionDelay = time.Hour
	r = slow.run()
	failed, _ := r.Failure()
	require.Equal(t, failure(properties, fault.ExtensionNotReady), lines(r))
	require.NotEmpty(t, failed.Fix)
	var waited time.Duration
	for _, w := range slow.waits {
		waited += w
	}
	require.LessOrEqual(t, waited, 10*time.Minute)
	require.Greater(t, waited, 9*time.Minute)

	brief := newBench(t)
	brief.simulator.ExtensionDelay = time.Hour
	brief.patience = time.Second
	require.Equal(t, failure(properties, fault.ExtensionNotReady), lines(brief.run()))
	require.Empty(t, brief.waits, "less patience than the first wait")
}

func TestWaitingCanBeStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.simulator.ExtensionDelay = time.Hour
	b.pauseErr = context.Canceled
	require.Equal(t, failure(properties, fault.Interrupted), lines(b.run()))
	require.Len(t, b.waits, 1)
}

// tenant answers as told; the real one cannot be made to forget a registration.
type tenant struct {
	check.Tenant
	token      graph.TokenInfo
	properties []string
	// forgets so many registrations.
	forgets    int
	registered int
	probes     []error
}

func (f *tenant) FreshToken(context.Context) (graph.TokenInfo, error) { return f.token, nil }

func (f *tenant) Organization(context.Context) (directory.Organization, error) {
	return directory.Organization{ID: "t", DisplayName: "Contoso", Domains: []directory.Domain{{Name: "contoso.com"}}}, nil
}

func (f *tenant) SubscribedSKUs(context.Context) ([]directory.SKU, error) {
	return []directory.SKU{{ID: "s", PartNumber: "SPE_E3", Enabled: 1}}, nil
}

func (f *tenant) ExtensionProperties(context.Context) ([]string, error) { return f.properties, nil }

func (f *tenant) RegisterExtensionProperty(_ context.Context, name string) (string, error) {
	f.registered++
	full := graph.ExtensionName(simulator.DefaultClientID, name)
	if f.forgets > 0 {
		f.forgets--
	} else {
		f.properties = append(f.properties, full)
	}
	return full, nil
}

func (f *tenant) ProbeExtension(context.Context, directory.Selection) error {
	if len(f.probes) > 0 {
		err := f.probes[0]
		f.probes = f.probes[1:]
		return err
	}
	if len(f.properties) < 2 {
		return fault.New("probe", fault.Denied, fault.ExtensionMissing, "")
	}
	return nil
}

// pass lets the time of a wait go by.
func (b *bench) pass(_ context.Context, d time.Duration) error {
	b.waits = append(b.waits, d)
	b.clock.Add(int64(d))
	return nil
}

func (f *tenant) run(t *testing.T) (api.TestReport, []time.Duration) {
	b := newBench(t)
	r := check.Run(context.Background(), f, check.Options{
		Config: b.config, Secret: func(context.Context) (string, error) { return b.secret, nil }, Now: b.now,
		Pause: b.pass, Obey: b.pass,
	})
	b.sound(r)
	return r, b.waits
}

var everything = graph.TokenInfo{Readable: true, Roles: []string{
	"Application.ReadWrite.All", "Group.ReadWrite.All", "Organization.Read.All", "User.ReadWrite.All",
}}

// A registration that the service confirmed and forgot is made once more.
func TestForgottenRegistration(t *testing.T) {
	t.Parallel()
	f := &tenant{token: everything, forgets: 1}
	r, waits := f.run(t)
	require.Equal(t, allGood, lines(r))
	require.Equal(t, 3, f.registered)
	require.Len(t, waits, 1)
}

// While Graph asks for silence, the test is silent; it does not blame the properties for what is something else.
func TestWaitingForSomethingElse(t *testing.T) {
	t.Parallel()
	busy := fault.New("probe", fault.Throttled, fault.GraphThrottled, "")
	busy.RetryAfter = time.Minute
	young := fault.New("probe", fault.NotReady, fault.ExtensionNotReady, "")
	young.RetryAfter = 15 * time.Second
	f := &tenant{token: everything, probes: []error{busy, young}}
	r, waits := f.run(t)
	require.Equal(t, allGood, lines(r))
	require.Equal(t, []time.Duration{time.Minute, 2 * time.Second}, waits, "Graph's wait counts, our own client's guess does not")

	long := fault.New("probe", fault.Throttled, fault.GraphThrottled, "")
	long.RetryAfter = time.Hour
	r, _ = (&tenant{token: everything, probes: []error{long}}).run(t)
	require.Equal(t, failure(properties, fault.GraphThrottled), lines(r))

	r, _ = (&tenant{token: everything, probes: []error{errors.New("odd")}}).run(t)
	require.Equal(t, failure(properties, fault.InternalError), lines(r))
}

// Microsoft promises nothing about the inside of its tokens: one that cannot be read is no failure.
func TestUnreadableToken(t *testing.T) {
	t.Parallel()
	r, _ := (&tenant{}).run(t)
	require.True(t, r.OK)
	require.Equal(t, []string{"secret ok", "token ok", "permissions warning", "tenant ok", "domains ok", "licenses ok", properties + " ok"}, lines(r))
}

func TestNoDomain(t *testing.T) {
	t.Parallel()
	f := &homeless{tenant{token: everything}}
	b := newBench(t)
	r := check.Run(context.Background(), f, check.Options{
		Config: b.config, Secret: func(context.Context) (string, error) { return b.secret, nil }, Now: b.now,
	})
	b.sound(r)
	failed, _ := r.Failure()
	require.Equal(t, "domains", failed.Name)
	require.Equal(t, fault.DomainNotVerified, failed.Reason)
}

type homeless struct{ tenant }

func (*homeless) Organization(context.Context) (directory.Organization, error) {
	return directory.Organization{ID: "t"}, nil
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	r := check.Unreachable(fault.New("open", fault.Transient, fault.SimulatorNotRunning, ""), now)
	require.Equal(t, []string{"endpoint failed simulator_not_running"}, lines(r))
	require.False(t, r.OK)
	require.Equal(t, now.UTC(), r.At)
	require.NotEmpty(t, r.Checks[0].Fix)
}

func TestPause(t *testing.T) {
	t.Parallel()
	require.NoError(t, check.Pause(context.Background(), time.Nanosecond))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, check.Pause(ctx, time.Hour), context.Canceled)
}
