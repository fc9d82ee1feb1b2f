package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// Tenant is what a test asks of a tenant; *graph.Client does it.
type Tenant interface {
	FreshToken(ctx context.Context) (graph.TokenInfo, error)
	Organization(ctx context.Context) (directory.Organization, error)
	SubscribedSKUs(ctx context.Context) ([]directory.SKU, error)
	ExtensionProperties(ctx context.Context) ([]string, error)
	RegisterExtensionProperty(ctx context.Context, name string) (string, error)
	ProbeExtension(ctx context.Context, sel directory.Selection) error
}

// Options are the subject and the patience of a test.
type Options struct {
	// Config is the connection; its rules do not matter.
	Config config.Connection
	// PinnedTenant is the tenant that the connection was set up for; "" at the first test.
	PinnedTenant string
	// Secret reads what Config's credential refers to: the client secret, the certificate with its key as PEM, or the
	// federated token. config.Credential.Read does it.
	Secret func(ctx context.Context) (string, error)
	// Patience is how long the test waits for new extension properties to become usable. Default 10 minutes.
	Patience time.Duration
	// Waits are those that no service asks for. Default backoff.Default.
	Waits *backoff.Policy
	// Pause waits between two looks. Default: a timer. Tests replace it.
	Pause func(ctx context.Context, d time.Duration) error
	// Obey waits as long as the service has asked for. Default: a timer.
	Obey func(ctx context.Context, d time.Duration) error
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Progress is told in words what is under way; may be nil.
	Progress func(string)
}

// Permissions are the application permissions a connection needs. Each may be replaced by the wider ones after it.
//
// https://learn.microsoft.com/graph/permissions-reference
var permissions = []struct {
	name string
	also []string
}{
	{name: "User.ReadWrite.All"},
	{name: "Group.ReadWrite.All"},
	{name: "Organization.Read.All", also: []string{"Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}},
}

// reading are the permissions of a connection whose policy is observe.
var reading = []struct {
	name string
	also []string
}{
	{name: "User.Read.All", also: []string{"User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}},
	{name: "Group.Read.All", also: []string{"Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}},
	{name: "Organization.Read.All", also: []string{"Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}},
}

// registering is the permission that is only needed while the extension properties do not exist.
const registering = "Application.ReadWrite.All"

// Run carries out all checks. It never fails itself: what goes wrong is in the report. The first check that fails makes
// those that depend on it Skipped. Passing troubles of the services are waited out.
func Run(ctx context.Context, t Tenant, o Options) api.TestReport {
	r := &run{o: o}
	r.t = patient{t, r}
	r.defaults()
	steps := []struct {
		name string
		do   func(context.Context) bool
	}{
		{"secret", r.secret},
		{"token", r.token},
		{"permissions", r.permissions},
		{"tenant", r.tenant},
		{"licenses", r.licenses},
		{"extension properties", r.extensions},
	}
	going := true
	for _, s := range steps {
		if !going {
			r.add(api.TestCheck{Name: s.name, Status: api.TestSkipped, Message: "not looked at, because an earlier check failed"})
			continue
		}
		r.o.Progress("checking " + s.name)
		going = s.do(ctx)
	}
	_, failed := r.report.Failure()
	r.report.OK = !failed
	r.report.At = r.o.Now().UTC()
	return r.report
}

// run is one test.
type run struct {
	t      Tenant
	o      Options
	info   graph.TokenInfo
	report api.TestReport
}

func (r *run) defaults() {
	if r.o.Patience == 0 {
		r.o.Patience = 10 * time.Minute
	}
	if r.o.Now == nil {
		r.o.Now = time.Now
	}
	if r.o.Waits == nil {
		waits := backoff.Default()
		r.o.Waits = &waits
	}
	if r.o.Progress == nil {
		r.o.Progress = func(string) {}
	}
	if r.o.Pause == nil {
		r.o.Pause = Pause
	}
	if r.o.Obey == nil {
		r.o.Obey = Pause
	}
}

// Unreachable is the report of a connection for which not even a client could be made.
func Unreachable(err error, now time.Time) api.TestReport {
	r := &run{}
	r.fail("endpoint", err)
	r.report.At = now.UTC()
	return r.report
}

// Pause waits, or ends early with the context.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *run) add(c api.TestCheck) { r.report.Checks = append(r.report.Checks, c) }

func (r *run) ok(name, message string) bool {
	r.add(api.TestCheck{Name: name, Status: api.TestOK, Message: message})
	return true
}

// fail adds a failed check: the reason's own words, what happened and what to do. What entraflow repeats by itself a test has
// repeated for a while, and given up.
func (r *run) fail(name string, err error) bool {
	f := fault.Of(err)
	row := f.Reason.Row()
	cause, fix := row.Meaning, row.Fix
	if row.Kind.Retryable() && row.SelfHealing() {
		fix = "test again in a few minutes"
		if row.Persists != "" {
			fix += "; if it stays so, " + row.Persists
		}
	}
	if f.Subject != "" {
		cause = f.Subject + ": " + cause
	}
	r.add(api.TestCheck{Name: name, Status: api.TestFailed, Reason: f.Reason, Message: cause, Fix: fix, RequestID: f.RequestID})
	return false
}

// token proves endpoint, tenant id, client id and secret, with a new token: one from a cache would not show new consent.
func (r *run) token(ctx context.Context) bool {
	info, err := r.t.FreshToken(ctx)
	if err != nil {
		return r.fail("token", err)
	}
	r.info = info
	return r.ok("token", "the sign-in service gave a token for application "+r.o.Config.ClientID)
}

// permissions reads the granted application permissions from the token.
func (r *run) permissions(context.Context) bool {
	if !r.info.Readable {
		r.add(api.TestCheck{Name: "permissions", Status: api.TestWarning, Message: "the token does not tell the granted permissions",
			Fix: "See in the app registration that the four permissions are granted; the checks that follow prove some of them."})
		return true
	}
	needed, observing := permissions, r.o.Config.Preferences.Policy.Observes()
	if observing {
		needed = reading
	}
	var missing []string
	for _, p := range needed {
		granted := slices.Contains(r.info.Roles, p.name) ||
			slices.ContainsFunc(p.also, func(other string) bool { return slices.Contains(r.info.Roles, other) })
		if !granted {
			missing = append(missing, p.name)
		}
	}
	if len(missing) > 0 {
		if !observing && !r.mayRegister() {
			missing = append(missing, registering)
		}
		r.add(api.TestCheck{Name: "permissions", Status: api.TestFailed, Reason: fault.ConsentMissing,
			Message: "not granted: " + strings.Join(missing, ", "),
			Fix: "Add them to the app registration as application permissions of Microsoft Graph (not delegated ones), " +
				"have an administrator grant admin consent, and test again; new consent can take a few minutes."})
		return false
	}
	return r.ok("permissions", "granted: "+strings.Join(r.info.Roles, ", "))
}

func (r *run) mayRegister() bool {
	return slices.ContainsFunc(r.info.Roles, func(role string) bool {
		return role == registering || role == "Application.ReadWrite.OwnedBy" || role == "Directory.ReadWrite.All"
	})
}

// tenant proves that this is the tenant the connection was set up for, and that it has a verified domain.
func (r *run) tenant(ctx context.Context) bool {
	org, err := r.t.Organization(ctx)
	if err != nil {
		return r.fail("tenant", err)
	}
	if r.o.PinnedTenant != "" && !strings.EqualFold(r.o.PinnedTenant, org.ID) {
		return r.fail("tenant", fault.New("test", fault.Denied, fault.TenantMismatch, "tenant "+org.ID))
	}
	r.report.TenantID, r.report.TenantName = org.ID, org.DisplayName
	var names []string
	var federated []string
	for _, d := range org.Domains {
		names = append(names, d.Name)
		if d.Federated {
			federated = append(federated, d.Name)
		}
	}
	r.report.FederatedDomains = federated
	r.ok("tenant", fmt.Sprintf("%s (%s)", org.DisplayName, org.ID))
	switch {
	case len(names) == 0:
		r.add(api.TestCheck{Name: "domains", Status: api.TestFailed, Reason: fault.DomainNotVerified, Message: "the tenant has no verified domain",
			Fix: "Verify a domain in the Entra admin center."})
		return false
	case len(federated) > 0:
		r.add(api.TestCheck{Name: "domains", Status: api.TestWarning, Message: "verified: " + strings.Join(names, ", ") + "; federated: " + strings.Join(federated, ", "),
			Fix: "Map onPremisesImmutableId for people in a federated domain; Entra demands it there."})
	default:
		r.ok("domains", "verified: "+strings.Join(names, ", "))
	}
	return true
}

func (r *run) licenses(ctx context.Context) bool {
	skus, err := r.t.SubscribedSKUs(ctx)
	if fault.KindOf(err) == fault.Denied {
		return r.fail("licenses", fault.Wrap("test", fault.Denied, fault.LicensesUnreadable, "", err))
	}
	if err != nil {
		return r.fail("licenses", err)
	}
	if len(skus) == 0 {
		r.add(api.TestCheck{Name: "licenses", Status: api.TestWarning, Message: "the tenant has no subscriptions", Fix: "Buy licenses before mapping skuId."})
		return true
	}
	var lines []string
	for _, s := range skus {
		lines = append(lines, fmt.Sprintf("%s (%d left)", s.PartNumber, s.Available()))
	}
	return r.ok("licenses", strings.Join(lines, ", "))
}
