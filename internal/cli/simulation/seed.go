package simulation

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/entraflow/entraflow/internal/cli/session"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/simulator"
)

// loadSeed reads a seed.
func loadSeed(path string) (*simulator.Seed, error) {
	seed, err := simulator.LoadSeed(path)
	if err != nil {
		return nil, &session.Failure{Status: session.StatusWrongUse, What: "the simulator's seed cannot be used", Why: err, Next: "correct it"}
	}
	return seed, nil
}

// SeedFor is the world that a connection expects: simulator.yaml beside its file or else a tenant made from what the file
// says, with the usual subscriptions.
func SeedFor(ctx context.Context, a *session.Session, path string, cfg *config.Connection) (*simulator.Seed, error) {
	beside := filepath.Join(filepath.Dir(a.Path(path)), "simulator.yaml")
	if _, err := os.Stat(beside); err == nil {
		return loadSeed(beside)
	}
	a.Notes.Sayf("the simulator has no simulator.yaml beside the file; it makes up a tenant that fits")
	seed := simulator.DefaultSeed()
	t := &seed.Tenants[0]
	t.DisplayName = cfg.Name
	if _, err := uuid.Parse(cfg.TenantID); err == nil {
		t.ID = cfg.TenantID
	}
	t.Apps = t.Apps[:1]
	t.Apps[0].ClientID = cfg.ClientID
	trust(ctx, &t.Apps[0], cfg.Credential())
	if domains := domainsOf(cfg); len(domains) > 0 {
		t.Domains = []simulator.DomainSeed{{Name: "simulated.onmicrosoft.com", Initial: true}}
		for i, d := range domains {
			t.Domains = append(t.Domains, simulator.DomainSeed{Name: d, Default: i == 0})
		}
	}
	return seed, nil
}

// trust makes the simulated application accept the connection's credential. Where it cannot be read, the connection test
// will say what is the matter with it, better than a simulator that does not start; the issuer of a federated token is
// only known to a simulator.yaml.
func trust(ctx context.Context, app *simulator.AppSeed, c config.Credential) {
	app.Secrets = []simulator.SecretSeed{{Value: uuid.NewString()}}
	kept, err := c.Read(ctx, secret.Store{})
	if err != nil {
		return
	}
	switch c.Key {
	case config.KeySecret:
		app.Secrets = []simulator.SecretSeed{{Value: kept}}
	case config.KeyCertificate:
		if _, err := graph.ParseCertificate(c.Reference, kept); err == nil {
			app.Secrets, app.Certificates = nil, []simulator.CertificateSeed{{PEM: kept}}
		}
	}
}

// mailDomain finds the domain in what is mapped to a user principal name.
var mailDomain = regexp.MustCompile(`@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)`)

// domainsOf are the domains that a connection names, as its tenant or in user principal names.
func domainsOf(cfg *config.Connection) []string {
	var out []string
	if _, err := uuid.Parse(cfg.TenantID); err != nil {
		out = append(out, strings.ToLower(cfg.TenantID))
	}
	for _, r := range cfg.Rules {
		m := r.Mappings[directory.UserPrincipalName]
		value, _ := m.Value.(string)
		for _, found := range mailDomain.FindAllStringSubmatch(m.Expression+" "+value, -1) {
			if d := strings.ToLower(found[1]); !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}
