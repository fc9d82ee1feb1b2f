// Package provision brings one person's account to what source, filter and mappings say, and takes it away again.
//
// At its heart is Locate, a pure function: from what is known it concludes what to read next, or that creating an account is
// safe. Around it stand one attempt at one person (account.go), the removal (remove.go), licenses, manager and sessions, and
// the inspection of a person. All of it is level-triggered: each attempt compares anew and writes what differs.
//
// The package knows neither Temporal nor files. What attempts before this one noted, and what earlier runs did, it asks of
// Notes and EarlierRuns; sources, tenants, settings, clock and randomness are given.
package provision

import (
	"context"
	"io"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/cache"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/source"
)

// Tenant is what is needed of a tenant. *graph.Client is one.
type Tenant interface {
	UserByID(ctx context.Context, id string, sel directory.Selection, o ...graph.Option) (*directory.Account, error)
	UserByUPN(ctx context.Context, upn string, sel directory.Selection, o ...graph.Option) (*directory.Account, error)
	UsersByLink(ctx context.Context, link string, sel directory.Selection) ([]directory.Account, error)
	DeletedUsers(ctx context.Context, sel directory.Selection, yield func([]directory.Account) error) error
	CreateUser(ctx context.Context, u graph.NewUser, sel directory.Selection, o ...graph.Option) (id string, err error)
	UpdateUser(ctx context.Context, id string, p graph.Patch, sel directory.Selection, o ...graph.Option) error
	RestoreUser(ctx context.Context, id string, o ...graph.Option) error
	RestoreUserAs(ctx context.Context, id, upn string, o ...graph.Option) error
	DeleteUser(ctx context.Context, id string, o ...graph.Option) error
	RevokeSessions(ctx context.Context, id string, o ...graph.Option) error
	AssignLicenses(ctx context.Context, id string, add []directory.License, remove []string, o ...graph.Option) error
	SubscribedSKUs(ctx context.Context) ([]directory.SKU, error)
	SetManager(ctx context.Context, id, managerID string, o ...graph.Option) error
	ClearManager(ctx context.Context, id string, o ...graph.Option) error
}

// Settings gives the settings of connections.
type Settings interface {
	// AtLeast gives settings of at least the revision; with revision 0, settings of the last seconds.
	AtLeast(ctx context.Context, connection string, revision int) (api.Settings, error)
	// Fresh gives the settings of this moment, never from a cache.
	Fresh(ctx context.Context, connection string) (api.Settings, error)
}

// Notes are what the attempts at one person leave for those after them.
type Notes interface {
	// Last is what was noted last; zero when nothing was. A note that cannot be read is an error.
	Last(ctx context.Context) (Note, error)
	// Keep keeps a note. Without an error, the next attempt finds it even if this process dies right after.
	Keep(ctx context.Context, n Note) error
}

// Note is what the next attempt must know.
type Note struct {
	Create  *CreateAttempt  `json:"create,omitempty"`
	Restore *AccountAttempt `json:"restore,omitempty"`
	Adopt   *AccountAttempt `json:"adopt,omitempty"`
}

// EarlierRuns tell what was done about people before.
type EarlierRuns interface {
	// Of tells which account runs of a person that ended after since, or run still, created, restored or adopted, however
	// they ended. The activity that asks is left out.
	Of(ctx context.Context, connection, user string, since time.Time) (Earlier, error)
}

// Attempt says which of the attempts at something this is.
type Attempt struct {
	// Number counts from 1.
	Number int
	// Since is when the first attempt was due.
	Since time.Time
}

// Options are what a Provisioner works with.
type Options struct {
	// Tenant gives the tenant of a connection, for calls under these circumstances.
	Tenant func(s api.Settings, o ...graph.Option) (Tenant, error)
	// Sources opens the identity store of a rule.
	Sources  func(s config.Source) (source.Source, error)
	Settings Settings
	// EarlierRuns may be nil where there are none.
	EarlierRuns EarlierRuns
	// EventRemoval asks whether somebody of a rule may lose something between two syncs. nil allows nothing.
	EventRemoval func(ctx context.Context, connection, rule, user string) (bool, error)
	// Now is the clock.
	Now func() time.Time
	// Secrets reads fixed initial passwords.
	Secrets secret.Store
	// Random makes initial passwords.
	Random io.Reader
	// Waits are those that no service asks for.
	Waits backoff.Policy
}

// Provisioner does everything about people and accounts. Make it with New.
type Provisioner struct {
	options Options
	// programs are compiled rules by their wording and columns.
	programs *cache.Cache[string, *mapping.Program]
	// uses says what rules use of their source, by their wording.
	uses *cache.Cache[string, source.Use]
	// names says, for each connection, how many people want each name.
	names *cache.Cache[string, nameCount]
	// subscriptions are those of each tenant and app.
	subscriptions *cache.Cache[string, []directory.SKU]
	// given are accounts that people got within the settling time, by connection and person.
	given *cache.Cache[string, string]
	// seen are people's accounts whose links were seen a short time ago, by connection and person.
	seen *cache.Cache[string, string]
}

const (
	// maxPrograms is how many compiled rules are kept.
	maxPrograms = 256
	// namesAge is how long names that nobody asks for are kept.
	namesAge = 30 * time.Minute
	// seenAge is how long an account whose link was seen is taken for the person's: the steps of one run follow each other.
	seenAge = 5 * time.Minute
	// subscriptionsAge is how long a worker believes what it read of the tenant's subscriptions. What people are given in the
	// meantime is Graph's to refuse.
	subscriptionsAge = time.Minute
)

// New returns a Provisioner.
func New(o Options) *Provisioner {
	return &Provisioner{
		options:       o,
		programs:      cache.New[string, *mapping.Program](cache.Options{Max: maxPrograms, Idle: true, Now: o.Now}),
		uses:          cache.New[string, source.Use](cache.Options{Max: maxPrograms, Idle: true, Now: o.Now}),
		names:         cache.New[string, nameCount](cache.Options{TTL: namesAge, Idle: true, Now: o.Now}),
		subscriptions: cache.New[string, []directory.SKU](cache.Options{TTL: subscriptionsAge, Now: o.Now}),
		seen:          cache.New[string, string](cache.Options{TTL: seenAge, Now: o.Now}),
		given:         cache.New[string, string](cache.Options{TTL: o.Waits.Settle, Now: o.Now}),
	}
}

// OpenEnded is an error after which nobody knows whether there is a new account, one that came out of the recycle bin, or one
// that was adopted.
type OpenEnded struct{ Err error }

func (e *OpenEnded) Error() string { return e.Err.Error() }

// Unwrap gives the error itself.
func (e *OpenEnded) Unwrap() error { return e.Err }

// refuse is the error of something entraflow will not do.
func refuse(op string, reason fault.Reason, subject string) error {
	return fault.New(op, fault.Refused, reason, subject)
}
