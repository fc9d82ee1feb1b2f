package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Seed is what the simulated world consists of at the start.
type Seed struct {
	Tenants []TenantSeed `json:"tenants" yaml:"tenants"`
}

// TenantSeed is one tenant.
type TenantSeed struct {
	// ID is the tenant's GUID.
	ID          string `json:"id" yaml:"id"`
	DisplayName string `json:"displayName,omitempty" yaml:"displayName"`
	// UsageLocation is the tenant's own country, which members without one inherit in group-based licensing. Default US.
	UsageLocation string       `json:"usageLocation,omitempty" yaml:"usageLocation"`
	Domains       []DomainSeed `json:"domains,omitempty" yaml:"domains"`
	Apps          []AppSeed    `json:"apps,omitempty" yaml:"apps"`
	SKUs          []SKUSeed    `json:"skus,omitempty" yaml:"skus"`
	Users         []UserSeed   `json:"users,omitempty" yaml:"users"`
	// DeletedUsers are in the bin; each needs id and deletedDateTime. Written by Save.
	DeletedUsers []UserSeed  `json:"deletedUsers,omitempty" yaml:"deletedUsers"`
	Groups       []GroupSeed `json:"groups,omitempty" yaml:"groups"`
	// DeletedGroups are in the bin. Written by Save.
	DeletedGroups []GroupSeed `json:"deletedGroups,omitempty" yaml:"deletedGroups"`
	// ObjectQuota is how many objects the tenant may hold; 0 is no limit. Microsoft's default is 50,000, or 300,000 with a
	// verified domain.
	ObjectQuota int `json:"objectQuota,omitempty" yaml:"objectQuota"`
}

// DomainSeed is a verified domain.
type DomainSeed struct {
	Name    string `json:"name" yaml:"name"`
	Default bool   `json:"default,omitempty" yaml:"default"`
	Initial bool   `json:"initial,omitempty" yaml:"initial"`
	// Type is Managed (default) or Federated.
	Type string `json:"type,omitempty" yaml:"type"`
}

// AppSeed is an app registration with its service principal in the tenant.
type AppSeed struct {
	ClientID string `json:"clientId" yaml:"clientId"`
	// ObjectID of the application; made up when empty.
	ObjectID    string       `json:"objectId,omitempty" yaml:"objectId"`
	DisplayName string       `json:"displayName,omitempty" yaml:"displayName"`
	Secrets     []SecretSeed `json:"secrets,omitempty" yaml:"secrets"`
	// Certificates are PEM certificates (or PEM public keys) whose assertions are accepted in place of a secret.
	Certificates []CertificateSeed `json:"certificates,omitempty" yaml:"certificates"`
	// Federated are the subjects of other issuers whose assertions are accepted in place of a secret.
	Federated []FederatedSeed `json:"federated,omitempty" yaml:"federated"`
	// Roles are the granted application permissions by name, for example User.ReadWrite.All.
	Roles []string `json:"roles,omitempty" yaml:"roles"`
	// DirectoryRoles are the Entra roles of the service principal, for example User Administrator.
	DirectoryRoles []string `json:"directoryRoles,omitempty" yaml:"directoryRoles"`
	Disabled       bool     `json:"disabled,omitempty" yaml:"disabled"`
	// ServicePrincipalMissing: the application's extension properties never become usable. Tokens are still given, so that
	// this state can be met with one application.
	ServicePrincipalMissing bool `json:"servicePrincipalMissing,omitempty" yaml:"servicePrincipalMissing"`
	// OwnsItself: the service principal is an owner of its application, as Application.ReadWrite.OwnedBy needs.
	OwnsItself          bool            `json:"ownsItself,omitempty" yaml:"ownsItself"`
	ExtensionProperties []ExtensionSeed `json:"extensionProperties,omitempty" yaml:"extensionProperties"`
}

// SecretSeed is a client secret: exactly one of the first three.
type SecretSeed struct {
	Value     string `json:"value,omitempty" yaml:"value"`
	ValueFile string `json:"valueFile,omitempty" yaml:"valueFile"`
	// SHA256 is the hexadecimal digest of the secret; Save writes secrets so.
	SHA256 string `json:"sha256,omitempty" yaml:"sha256"`
	// Expires is when it stops working; never when zero.
	Expires time.Time `json:"expires,omitzero" yaml:"expires"`
}

// CertificateSeed is a registered certificate.
type CertificateSeed struct {
	PEM     string `json:"pem,omitempty" yaml:"pem"`
	PEMFile string `json:"pemFile,omitempty" yaml:"pemFile"`
}

// FederatedSeed is a federated identity credential. The issuer's key is given here; nothing is fetched.
type FederatedSeed struct {
	Issuer  string `json:"issuer" yaml:"issuer"`
	Subject string `json:"subject" yaml:"subject"`
	// Audience: default api://AzureADTokenExchange.
	Audience      string `json:"audience,omitempty" yaml:"audience"`
	PublicKey     string `json:"publicKey,omitempty" yaml:"publicKey"`
	PublicKeyFile string `json:"publicKeyFile,omitempty" yaml:"publicKeyFile"`
}

// ExtensionSeed is a directory extension property that exists already. Usable at once unless UsableAt says otherwise.
type ExtensionSeed struct {
	ID string `json:"id,omitempty" yaml:"id"`
	// Name is the short name, without extension_<app>_.
	Name     string `json:"name" yaml:"name"`
	DataType string `json:"dataType,omitempty" yaml:"dataType"` // default String
	// TargetObjects: default User and Group.
	TargetObjects []string  `json:"targetObjects,omitempty" yaml:"targetObjects"`
	IsMultiValued bool      `json:"isMultiValued,omitempty" yaml:"isMultiValued"`
	UsableAt      time.Time `json:"usableAt,omitzero" yaml:"usableAt"`
}

// SKUSeed is a subscription.
type SKUSeed struct {
	SkuID         string `json:"skuId" yaml:"skuId"`
	SkuPartNumber string `json:"skuPartNumber" yaml:"skuPartNumber"`
	Enabled       int    `json:"enabled" yaml:"enabled"`
	Warning       int    `json:"warning,omitempty" yaml:"warning"`
	// Consumed are the units used by people who are not in the seed; those of its users are added.
	Consumed int `json:"consumed,omitempty" yaml:"consumed"`
	// AppliesTo is User (default) or Company.
	AppliesTo string `json:"appliesTo,omitempty" yaml:"appliesTo"`
	// CapabilityStatus: default Enabled. Suspended and the like leave no unit to assign.
	CapabilityStatus string     `json:"capabilityStatus,omitempty" yaml:"capabilityStatus"`
	Plans            []PlanSeed `json:"plans,omitempty" yaml:"plans"`
}

// PlanSeed is a service plan of a SKU.
type PlanSeed struct {
	ID   string `json:"id" yaml:"id"`
	Name string `json:"name" yaml:"name"`
	// DependsOn: at least one of these plan ids must be active together with it.
	DependsOn []string `json:"dependsOn,omitempty" yaml:"dependsOn"`
	// Excludes: none of these plan ids may be active together with it.
	Excludes []string `json:"excludes,omitempty" yaml:"excludes"`
}

// UserSeed is a user: any property of Graph's user by its name, plus
//   - id: made up when absent;
//   - adminRole: true for a holder of an administrator role;
//   - manager: id or user principal name;
//   - licenses: SKU ids or part numbers, or objects {skuId, disabledPlans}.
type UserSeed map[string]any

// GroupSeed is a group: any property of Graph's group by its name, plus id, members and owners (ids or user
// principal names; members may be groups, by their ids) and licenses as for a user. The rule of a dynamic group decides about its members
// where the simulator understands it: comparisons with -eq and -ne, joined by -and or by -or.
type GroupSeed map[string]any

// LoadSeed reads a seed from a YAML or JSON file; files that it names are relative to it. Unknown keys are errors, reported all at once with their lines.
func LoadSeed(path string) (*Seed, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read seed: %w", err)
	}
	var problems []error
	var seed Seed
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&seed); err != nil && !errors.Is(err, io.EOF) {
		var many *yaml.TypeError
		if !errors.As(err, &many) {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, e := range many.Errors {
			problems = append(problems, fmt.Errorf("%s: %s", path, e))
		}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err == nil {
		problems = append(problems, unknownProperties(path, &doc)...)
	}
	if len(problems) == 0 {
		problems = append(problems, seed.problems()...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	seed.anchor(dir)
	return &seed, nil
}

// anchor makes the files that a seed names absolute, beside the seed.
func (s *Seed) anchor(dir string) {
	fix := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	for i := range s.Tenants {
		for j := range s.Tenants[i].Apps {
			a := &s.Tenants[i].Apps[j]
			for k := range a.Secrets {
				fix(&a.Secrets[k].ValueFile)
			}
			for k := range a.Certificates {
				fix(&a.Certificates[k].PEMFile)
			}
			for k := range a.Federated {
				fix(&a.Federated[k].PublicKeyFile)
			}
		}
	}
}

// LoadState reads what Save wrote.
func LoadState(path string) (*Seed, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	var seed Seed
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&seed); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if problems := seed.problems(); len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return &seed, nil
}

// unknownProperties finds the keys of users and groups that Graph does not have; their types alone cannot tell.
func unknownProperties(path string, doc *yaml.Node) []error {
	var problems []error
	if len(doc.Content) == 0 {
		return nil
	}
	tenants := child(doc.Content[0], "tenants")
	if tenants == nil {
		return nil
	}
	for _, t := range tenants.Content {
		for list, allowed := range map[string]func(string) bool{
			"users": knownUserKey, "deletedUsers": knownUserKey, "groups": knownGroupKey, "deletedGroups": knownGroupKey,
		} {
			nodes := child(t, list)
			if nodes == nil {
				continue
			}
			for _, n := range nodes.Content {
				for i := 0; i+1 < len(n.Content); i += 2 {
					if key := n.Content[i]; !allowed(key.Value) {
						problems = append(problems, fmt.Errorf("%s: line %d: property %s not known in %s", path, key.Line, key.Value, list))
					}
				}
			}
		}
	}
	sort.Slice(problems, func(i, j int) bool { return problems[i].Error() < problems[j].Error() })
	return problems
}

func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func knownUserKey(key string) bool {
	switch key {
	case "adminRole", "manager", "licenses":
		return true
	}
	p := userProperties.byName[key]
	return isExtension(key) || p != nil && (!p.hidden || p.name == "passwordProfile")
}

func knownGroupKey(key string) bool {
	switch key {
	case "members", "owners", "licenses":
		return true
	}
	p := groupProperties.byName[key]
	return isExtension(key) || p != nil && !p.hidden
}

// problems are the contradictions that no schema finds.
func (s *Seed) problems() []error {
	var out []error
	add := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	if len(s.Tenants) == 0 {
		add("seed: no tenants")
	}
	for i, t := range s.Tenants {
		where := fmt.Sprintf("tenants[%d]", i)
		if !isID(t.ID) {
			add("%s: id must be a GUID", where)
		}
		if len(t.Domains) == 0 {
			add("%s: at least one domain is needed", where)
		}
		for j, a := range t.Apps {
			if !isID(a.ClientID) {
				add("%s.apps[%d]: clientId must be a GUID", where, j)
			}
		}
		known := map[string]bool{}
		for j, k := range t.SKUs {
			if !isID(k.SkuID) {
				add("%s.skus[%d]: skuId must be a GUID", where, j)
			}
			known[strings.ToLower(k.SkuID)], known[strings.ToLower(k.SkuPartNumber)] = true, true
			for l, p := range k.Plans {
				if !isID(p.ID) {
					add("%s.skus[%d].plans[%d]: id must be a GUID", where, j, l)
				}
			}
		}
		seen := map[string]bool{}
		for j, u := range t.Users {
			upn, _ := u["userPrincipalName"].(string)
			if upn == "" {
				add("%s.users[%d]: userPrincipalName is needed", where, j)
			} else if seen[strings.ToLower(upn)] {
				add("%s.users[%d]: userPrincipalName is there twice", where, j)
			}
			seen[strings.ToLower(upn)] = true
			for key := range u {
				if !knownUserKey(key) {
					add("%s.users[%d]: property %s not known", where, j, key)
				}
			}
			licenses, err := licenseSeeds(u["licenses"])
			if err != nil {
				add("%s.users[%d]: %w", where, j, err)
			}
			for _, l := range licenses {
				if !known[strings.ToLower(l.sku)] {
					add("%s.users[%d]: license %s is not among the tenant's skus", where, j, l.sku)
				}
			}
		}
		for j, g := range t.Groups {
			for key := range g {
				if !knownGroupKey(key) {
					add("%s.groups[%d]: property %s not known", where, j, key)
				}
			}
		}
	}
	return out
}
