package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// State is all that the simulator holds, for people and for tests. It has no passwords and no secrets.
type State struct {
	Tenants []TenantState `json:"tenants"`
}

// TenantState is one tenant. Users and groups are sorted by name.
type TenantState struct {
	ID           string       `json:"id"`
	DisplayName  string       `json:"displayName"`
	Domains      []DomainSeed `json:"domains"`
	Apps         []AppState   `json:"apps"`
	SKUs         []SKUState   `json:"skus"`
	Users        []UserState  `json:"users"`
	DeletedUsers []UserState  `json:"deletedUsers"`
	Groups       []GroupState `json:"groups"`
	// DeletedGroups are in the bin.
	DeletedGroups []GroupState     `json:"deletedGroups"`
	Extensions    []ExtensionState `json:"extensionProperties"`
}

// AppState is an application without its secrets.
type AppState struct {
	ClientID    string   `json:"clientId"`
	ObjectID    string   `json:"objectId"`
	DisplayName string   `json:"displayName"`
	Roles       []string `json:"roles"`
	Secrets     int      `json:"secrets"`
	Disabled    bool     `json:"disabled"`
}

// SKUState is a subscription with its stock.
type SKUState struct {
	SkuID         string `json:"skuId"`
	SkuPartNumber string `json:"skuPartNumber"`
	Enabled       int    `json:"enabled"`
	Warning       int    `json:"warning"`
	Consumed      int    `json:"consumed"`
}

// UserState is a user. Properties are those that are set, under Graph's names, without id and licenses.
type UserState struct {
	ID                string         `json:"id"`
	UserPrincipalName string         `json:"userPrincipalName"`
	AccountEnabled    bool           `json:"accountEnabled"`
	Properties        map[string]any `json:"properties"`
	Manager           string         `json:"manager,omitempty"`
	AdminRole         bool           `json:"adminRole,omitempty"`
	Licenses          []LicenseState `json:"licenses"`
	DeletedDateTime   string         `json:"deletedDateTime,omitempty"`
}

// LicenseState is one license of a user, direct or from a group.
type LicenseState struct {
	SkuID         string   `json:"skuId"`
	SkuPartNumber string   `json:"skuPartNumber"`
	DisabledPlans []string `json:"disabledPlans"`
	Group         string   `json:"assignedByGroup,omitempty"`
	State         string   `json:"state"`
	Error         string   `json:"error"`
}

// GroupState is a group.
type GroupState struct {
	ID          string         `json:"id"`
	DisplayName string         `json:"displayName"`
	UniqueName  string         `json:"uniqueName,omitempty"`
	Properties  map[string]any `json:"properties"`
	Members     []string       `json:"members"`
	Owners      []string       `json:"owners"`
	Licenses    []string       `json:"licenses"`
}

// ExtensionState is a directory extension property.
type ExtensionState struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	ClientID      string   `json:"clientId"`
	DataType      string   `json:"dataType"`
	TargetObjects []string `json:"targetObjects"`
	Usable        bool     `json:"usable"`
}

// Tenant finds a tenant by id or domain; nil when there is none. "" is the first.
func (s *State) Tenant(name string) *TenantState {
	for i := range s.Tenants {
		t := &s.Tenants[i]
		if name == "" || strings.EqualFold(t.ID, name) || slices.ContainsFunc(t.Domains, func(d DomainSeed) bool { return strings.EqualFold(d.Name, name) }) {
			return t
		}
	}
	return nil
}

// User finds a user by id or name; nil when there is none.
func (t *TenantState) User(idOrUPN string) *UserState {
	for i := range t.Users {
		if u := &t.Users[i]; strings.EqualFold(u.ID, idOrUPN) || strings.EqualFold(u.UserPrincipalName, idOrUPN) {
			return u
		}
	}
	return nil
}

// SKU finds a subscription by id or part number; nil when there is none.
func (t *TenantState) SKU(idOrPart string) *SKUState {
	for i := range t.SKUs {
		if k := &t.SKUs[i]; strings.EqualFold(k.SkuID, idOrPart) || strings.EqualFold(k.SkuPartNumber, idOrPart) {
			return k
		}
	}
	return nil
}

// Group finds a group by id, unique name or display name; nil when there is none.
func (t *TenantState) Group(name string) *GroupState {
	for i := range t.Groups {
		if g := &t.Groups[i]; strings.EqualFold(g.ID, name) || strings.EqualFold(g.DisplayName, name) || name != "" && strings.EqualFold(g.UniqueName, name) {
			return g
		}
	}
	return nil
}

// HasDirect reports whether the user holds the license (SKU id or part number) directly.
func (u *UserState) HasDirect(idOrPart string) bool {
	return slices.ContainsFunc(u.Licenses, func(l LicenseState) bool {
		return l.Group == "" && (strings.EqualFold(l.SkuID, idOrPart) || strings.EqualFold(l.SkuPartNumber, idOrPart))
	})
}

// State gives a copy of everything, sorted.
func (s *Server) State() State {
	s.settleGroups()
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := State{Tenants: []TenantState{}}
	for _, t := range s.tenants {
		st.Tenants = append(st.Tenants, t.state())
	}
	return st
}

func (t *Tenant) state() TenantState {
	out := TenantState{ID: t.id, DisplayName: t.name, Domains: slices.Clone(t.domains), Apps: []AppState{}, SKUs: []SKUState{},
		Users: make([]UserState, 0, t.users.live), DeletedUsers: []UserState{}, Groups: []GroupState{}, DeletedGroups: []GroupState{}, Extensions: []ExtensionState{}}
	for _, a := range t.apps {
		roles := slices.Clone(a.roles)
		sort.Strings(roles)
		out.Apps = append(out.Apps, AppState{a.clientID, a.objectID, a.name, orEmpty(roles), len(a.secrets), a.disabled})
		for _, d := range a.definitions {
			out.Extensions = append(out.Extensions, ExtensionState{d.id, d.fullName, a.clientID, d.dataType, slices.Clone(d.targets), d.usable(t.now())})
		}
	}
	for _, k := range t.skus {
		out.SKUs = append(out.SKUs, SKUState{k.SkuID, k.SkuPartNumber, k.Enabled, k.Warning, k.consumed()})
	}
	for _, e := range t.users.order {
		if e != nil && e.cur != nil {
			out.Users = append(out.Users, t.userState(e.cur))
		}
	}
	for _, rec := range t.bin.userOrder {
		if rec != nil {
			out.DeletedUsers = append(out.DeletedUsers, t.userState(rec))
		}
	}
	for _, g := range t.groups.order {
		if g != nil {
			out.Groups = append(out.Groups, t.groupState(g))
		}
	}
	for _, g := range t.bin.groupOrder {
		if g != nil {
			out.DeletedGroups = append(out.DeletedGroups, t.groupState(g))
		}
	}
	byName := func(a, b UserState) int { return strings.Compare(a.UserPrincipalName, b.UserPrincipalName) }
	slices.SortFunc(out.Users, byName)
	slices.SortFunc(out.DeletedUsers, byName)
	slices.SortFunc(out.Groups, func(a, b GroupState) int { return strings.Compare(a.DisplayName+a.ID, b.DisplayName+b.ID) })
	slices.SortFunc(out.Extensions, func(a, b ExtensionState) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (t *Tenant) userState(rec *record) UserState {
	u := UserState{ID: rec.id, UserPrincipalName: rec.text("userPrincipalName"), AccountEnabled: rec.flag("accountEnabled"),
		Properties: copyProps(rec.props), Manager: rec.manager, AdminRole: rec.admin, Licenses: []LicenseState{}}
	for _, g := range rec.grants() {
		part := ""
		if k := t.sku(g.sku); k != nil {
			part = k.SkuPartNumber
		}
		u.Licenses = append(u.Licenses, LicenseState{g.sku, part, slices.Clone(orEmpty(g.disabled)), g.group, g.state, g.err})
	}
	if !rec.deleted.IsZero() {
		u.DeletedDateTime = stamp(rec.deleted)
	}
	return u
}

func (t *Tenant) groupState(g *group) GroupState {
	out := GroupState{ID: g.id, DisplayName: g.text("displayName"), UniqueName: g.text("uniqueName"), Properties: copyProps(g.props),
		Members: []string{}, Owners: []string{}, Licenses: []string{}}
	for _, id := range g.owners.order {
		if id != "" {
			out.Owners = append(out.Owners, id)
		}
	}
	sort.Strings(out.Owners)
	for _, id := range g.members.order {
		if id != "" {
			out.Members = append(out.Members, id)
		}
	}
	sort.Strings(out.Members)
	for _, l := range g.licenses {
		out.Licenses = append(out.Licenses, l.sku)
	}
	return out
}

func copyProps(props map[string]any) map[string]any {
	out := make(map[string]any, len(props))
	for k, v := range props {
		switch v := v.(type) {
		case []string:
			out[k] = slices.Clone(v)
		case map[string]any:
			out[k] = maps.Clone(v)
		default:
			out[k] = v
		}
	}
	return out
}

// Save writes users, bin, groups, SKUs, applications and extension properties as JSON, so that LoadState and Start go on
// from there. Secrets are written as digests. The file appears whole or not at all.
func (s *Server) Save(path string) error {
	s.mu.RLock()
	seed := Seed{}
	for _, t := range s.tenants {
		seed.Tenants = append(seed.Tenants, t.seed())
	}
	s.mu.RUnlock()
	raw, err := json.MarshalIndent(seed, "", " ")
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(raw); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

// seed turns a tenant back into what it could have been started from.
func (t *Tenant) seed() TenantSeed {
	out := TenantSeed{ID: t.id, DisplayName: t.name, UsageLocation: t.location, Domains: slices.Clone(t.domains), ObjectQuota: t.objectQuota}
	for _, a := range t.apps {
		out.Apps = append(out.Apps, a.seed())
	}
	for _, k := range t.skus {
		out.SKUs = append(out.SKUs, k.SKUSeed)
	}
	for _, e := range t.users.order {
		if e != nil && e.cur != nil {
			out.Users = append(out.Users, userSeed(e.cur))
		}
	}
	for _, rec := range t.bin.userOrder {
		if rec != nil {
			out.DeletedUsers = append(out.DeletedUsers, userSeed(rec))
		}
	}
	for _, g := range t.groups.order {
		if g != nil {
			out.Groups = append(out.Groups, t.groupSeed(g))
		}
	}
	for _, g := range t.bin.groupOrder {
		if g != nil {
			out.DeletedGroups = append(out.DeletedGroups, t.groupSeed(g))
		}
	}
	return out
}

func (a *app) seed() AppSeed {
	out := AppSeed{ClientID: a.clientID, ObjectID: a.objectID, DisplayName: a.name, Roles: slices.Clone(a.roles),
		DirectoryRoles: slices.Clone(a.directoryRoles), Disabled: a.disabled, ServicePrincipalMissing: a.noPrincipal, OwnsItself: a.ownsItself}
	for _, s := range a.secrets {
		out.Secrets = append(out.Secrets, SecretSeed{SHA256: digestText(s), Expires: s.expires})
	}
	for _, c := range a.certificates {
		out.Certificates = append(out.Certificates, CertificateSeed{PEM: c.pem})
	}
	for _, f := range a.federated {
		out.Federated = append(out.Federated, f.seed)
	}
	for _, d := range a.definitions {
		out.ExtensionProperties = append(out.ExtensionProperties, ExtensionSeed{ID: d.id, Name: d.name, DataType: d.dataType,
			TargetObjects: slices.Clone(d.targets), IsMultiValued: d.multi, UsableAt: d.usableAt})
	}
	return out
}

func userSeed(rec *record) UserSeed {
	u := UserSeed(copyProps(rec.props))
	u["id"] = rec.id
	if rec.admin {
		u["adminRole"] = true
	}
	if rec.manager != "" && rec.deleted.IsZero() {
		u["manager"] = rec.manager
	}
	if !rec.deleted.IsZero() {
		u["deletedDateTime"] = stamp(rec.deleted)
	}
	if len(rec.direct) > 0 {
		u["licenses"] = licenseList(rec.direct)
	}
	return u
}

func (t *Tenant) groupSeed(g *group) GroupSeed {
	out := GroupSeed(copyProps(g.props))
	out["id"] = g.id
	members, owners := []string{}, []string{}
	for _, id := range g.owners.order {
		// Ids of service principals are made again at each start.
		if t.users.byID[id] != nil || t.bin.users[id] != nil {
			owners = append(owners, id)
		}
	}
	for _, id := range g.members.order {
		if id != "" {
			members = append(members, id)
		}
	}
	out["members"] = members
	if len(owners) > 0 {
		out["owners"] = owners
	}
	if len(g.licenses) > 0 {
		out["licenses"] = licenseList(g.licenses)
	}
	if !g.deleted.IsZero() {
		out["deletedDateTime"] = stamp(g.deleted)
	}
	return out
}

func licenseList(grants []grant) []any {
	var out []any
	for _, g := range grants {
		out = append(out, map[string]any{"skuId": g.sku, "disabledPlans": orEmpty(g.disabled)})
	}
	return out
}
