// Package activities is everything entraflow does outside Temporal: it reads sources, reads and writes the tenant, and
// makes plans. One file is one capability.
//
// An activity reads people and settings itself, from references in its input, so that nothing personal and no secret
// is stored in a history. Its errors are *fault.Error; the interceptor of internal/engine logs them and turns them into what Temporal may know.
package activities

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/cache"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/provision"
	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/source"
)

// Activities are the dependencies of all activities of one worker. Make it with New.
type Activities struct {
	options  Options
	settings *settingsCache
	plans    *cache.Cache[string, syncPlan]   // :: connection and rule -> the plan of the running sync
	linked   *cache.Cache[string, linkedList] // :: connection and rule -> the list of the running deletion
	groups   *keptGroups
	earlier  *earlierRuns
	// pace bounds the runs that changes of sources start.
	pace pace
	// Provisioner does what concerns one person.
	Provisioner *provision.Provisioner
}

// Options are what a worker gives its activities.
type Options struct {
	// Graph holds a client and a write budget for each tenant and app.
	Graph *graph.Pool
	// Endpoints finds the hosts of a cloud.
	Endpoints func(cloud string) (graph.Endpoints, error)
	// Sources opens the identity store of a rule.
	Sources func(s config.Source) (source.Source, error)
	// Settings reads the current settings of a connection, never from a cache.
	Settings func(ctx context.Context, connection string) (api.Settings, error)
	// Planning is told of each connection for which a sync's plan is begun, before its sources are read. It must not wait. May be nil.
	Planning func(connection string)
	// Temporal starts, signals and awaits workflows and keeps schedules.
	Temporal client.Client
	// Secrets reads what the configuration refers to, within the bounds of the worker. The zero Store has none.
	Secrets secret.Store
	// Tenants are the tenants, by id or verified domain as a configuration names them, that the worker provisions; empty allows any.
	Tenants []string
	// Converter is the one of that client: it decodes what earlier runs have left in their histories. Default the SDK's own.
	Converter converter.DataConverter
	// Queue is the task queue that this worker alone serves (api.WorkerQueue).
	Queue string
	// PageSize is how many people a page names at most. Default 500: at about 200 bytes each, far below a payload's 2 MiB.
	PageSize int
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Random makes initial passwords. Default crypto/rand.
	Random io.Reader
	// Waits are those that no service asks for. Default backoff.Default.
	Waits *backoff.Policy
}

// New returns the activities of a worker.
func New(o Options) *Activities {
	if o.Converter == nil {
		o.Converter = converter.GetDefaultDataConverter()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Waits == nil {
		waits := backoff.Default()
		o.Waits = &waits
	}
	if o.PageSize == 0 {
		o.PageSize = 500
	}
	kept := cache.Options{TTL: keepFor, Idle: true, Now: o.Now}
	a := &Activities{
		options:  o,
		settings: newSettingsCache(o.Settings, o.Now),
		plans:    cache.New[string, syncPlan](kept),
		linked:   cache.New[string, linkedList](kept),
		groups:   newKeptGroups(kept),
		earlier:  &earlierRuns{temporal: o.Temporal, converter: o.Converter, now: o.Now},
	}
	a.Provisioner = provision.New(provision.Options{
		Tenant:       func(s api.Settings, o ...graph.Option) (provision.Tenant, error) { return a.client(s, o...) },
		Sources:      o.Sources,
		Settings:     a.settings,
		EarlierRuns:  a.earlier,
		EventRemoval: a.eventRemoval,
		Now:          o.Now,
		Random:       o.Random,
		Secrets:      o.Secrets,
		Waits:        *o.Waits,
	})
	return a
}

// graph returns the client of a connection's tenant and app.
func (a *Activities) graph(c config.Connection) (*graph.Client, error) {
	endpoints, err := a.options.Endpoints(c.Cloud)
	if err != nil {
		return nil, err
	}
	return a.options.Graph.Client(graph.ClientConfig{
		TenantID:   c.TenantID,
		ClientID:   c.ClientID,
		Connection: c.Name,
		Endpoints:  endpoints,
		Credential: a.credential(c.Credential()),
	})
}

// credential is what the application signs in with, read again for each token.
func (a *Activities) credential(c config.Credential) graph.Credential {
	read := func(ctx context.Context) (string, error) { return c.Read(ctx, a.options.Secrets) }
	switch c.Key {
	case config.KeyCertificate:
		return graph.CertificateCredential(c.Reference, read, a.options.Now)
	case config.KeyFederated:
		return graph.FederatedCredential(c.Reference, read, a.options.Now)
	}
	return graph.SecretCredential(read)
}

// refuse is the error of something entraflow will not do.
func refuse(op string, reason fault.Reason, subject string) error {
	return fault.New(op, fault.Refused, reason, subject)
}
