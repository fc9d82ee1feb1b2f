package provision_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/file"
)

// slowRoster takes its time to list everybody, and slowTenant to tell its subscriptions.
type slowRoster struct {
	*roster
	wait <-chan struct{}
}

func (r slowRoster) List(ctx context.Context, yield func(source.Record) error) (source.Snapshot, error) {
	<-r.wait
	return r.roster.List(ctx, yield)
}

type slowTenant struct {
	*modelTenant
	wait <-chan struct{}
}

func (t slowTenant) SubscribedSKUs(context.Context) ([]directory.SKU, error) {
	<-t.wait
	return nil, nil
}

// connectionSettings are those of two connections, of which one is slow.
type connectionSettings struct{}

func (connectionSettings) Fresh(_ context.Context, connection string) (api.Settings, error) {
	s := modelSettings()
	s.Config.Name, s.Config.TenantID = connection, connection
	s.Config.Rules[0].Source.Settings = file.At(connection)
	s.Config.Rules[0].Mappings[directory.SkuID] = config.Mapping{Value: "SPE_E3"}
	return s, nil
}

func (c connectionSettings) AtLeast(ctx context.Context, connection string, _ int) (api.Settings, error) {
	return c.Fresh(ctx, connection)
}

// One connection's slow source, or slow tenant, keeps nobody of another connection waiting.
func TestConnectionsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	for _, slow := range []string{"source", "tenant"} {
		t.Run(slow, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				never, always := make(chan struct{}), make(chan struct{})
				close(always)
				waits := func(connection, what string) <-chan struct{} {
					if connection == "slow" && what == slow {
						return never
					}
					return always
				}
				p := isolated(waits)
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_, err := p.Provision(context.Background(), api.ProvisionInput{Connection: "slow", User: "p0"}, provision.Attempt{Number: 1}, &noNotes{})
					assert.NoError(t, err)
				}()
				synctest.Wait()
				done := make(chan api.ProvisionResult, 1)
				go func() {
					r, err := p.Provision(context.Background(), api.ProvisionInput{Connection: "fast", User: "p0"}, provision.Attempt{Number: 1}, &noNotes{})
					assert.NoError(t, err)
					done <- r
				}()
				select {
				case r := <-done:
					require.Equal(t, plan.Create, r.Action)
				case <-ended:
					t.Error("the slow connection was not slow")
				}
				close(never)
				<-ended
			})
		})
	}
}

// isolated is a provisioner of two connections with a tenant and a source each.
func isolated(waits func(connection, what string) <-chan struct{}) *provision.Provisioner {
	sources := map[string]source.Source{}
	for _, connection := range []string{"slow", "fast"} {
		people := &roster{version: 1, records: []source.Record{{ID: "p0", Enabled: true, Fields: map[string]any{"id": "p0", "username": "ann"}}}}
		sources[connection] = slowRoster{people, waits(connection, "source")}
	}
	return provision.New(provision.Options{
		Tenant: func(s api.Settings, _ ...graph.Option) (provision.Tenant, error) {
			m := &model{Rand: rand.New(rand.NewPCG(1, 1)), clock: time.Unix(1_700_000_000, 0)}
			return slowTenant{&modelTenant{model: m, objects: map[string]*object{}, checked: func() {}}, waits(s.Config.Name, "tenant")}, nil
		},
		Sources:  func(s config.Source) (source.Source, error) { return sources[s.Settings.(*file.Settings).File], nil },
		Settings: connectionSettings{},
		Now:      time.Now,
		Random:   rand.NewChaCha8([32]byte{}),
		Waits:    backoff.Default(),
	})
}

// noNotes are those of a first attempt.
type noNotes struct{}

func (*noNotes) Last(context.Context) (provision.Note, error) { return provision.Note{}, nil }

func (*noNotes) Keep(context.Context, provision.Note) error { return nil }
