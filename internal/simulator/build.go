package simulator

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// newTenant makes a tenant of its seed.
func newTenant(seed *TenantSeed, o *Options, newID func() string) (*Tenant, error) {
	t := &Tenant{id: seed.ID, name: seed.DisplayName, location: seed.UsageLocation, domains: slices.Clone(seed.Domains),
		users: newPeople(o.ReplicaLag), bin: newBin(), groups: newGroupStore(), unlocated: map[string]*licenseLag{}, objectQuota: seed.ObjectQuota,
		created: o.Now().AddDate(-1, 0, 0), now: o.Now, newID: newID, delay: o.ExtensionDelay}
	// What the seed says has happened long ago.
	defer func() { t.groupDelay = o.GroupDelay }()
	if t.location == "" {
		t.location = "US"
	}
	for _, k := range seed.SKUs {
		k.SkuID = strings.ToLower(k.SkuID)
		k.Plans = slices.Clone(k.Plans)
		t.skus = append(t.skus, &sku{SKUSeed: k})
	}
	for i := range seed.Apps {
		a, err := newApp(&seed.Apps[i], newID)
		if err != nil {
			return nil, fmt.Errorf("apps[%d]: %w", i, err)
		}
		t.apps = append(t.apps, a)
	}
	// Replicas know the seed from the start.
	lag := t.users.lag
	t.users.lag = 0
	defer func() { t.users.lag = lag }()
	managers := map[*entry]string{}
	for i, u := range seed.Users {
		e, err := t.addUser(u)
		if err != nil {
			return nil, fmt.Errorf("users[%d]: %w", i, err)
		}
		if m, _ := u["manager"].(string); m != "" {
			managers[e] = m
		}
	}
	for e, name := range managers {
		m := t.users.master(name)
		if m == nil && isID(name) {
			e.cur.manager = name // in the bin, or purged
			continue
		}
		if m == nil {
			return nil, fmt.Errorf("the manager of user %s is not there", e.id)
		}
		e.cur.manager = m.id
	}
	for i, u := range seed.DeletedUsers {
		rec, err := t.newRecord(u)
		if err == nil && rec.deleted.IsZero() {
			err = fmt.Errorf("deletedDateTime is needed")
		}
		if err != nil {
			return nil, fmt.Errorf("deletedUsers[%d]: %w", i, err)
		}
		rec.upn = rec.text("userPrincipalName")
		if bare, ok := strings.CutPrefix(rec.upn, strings.ReplaceAll(rec.id, "-", "")); ok {
			rec.upn = bare
		}
		rec.props["userPrincipalName"] = mangle(rec.id, rec.upn)
		t.bin.users[strings.ToLower(rec.id)] = rec
		t.bin.userOrder = append(t.bin.userOrder, rec)
	}
	// A group may be a member of one that comes before it.
	nested := map[string]bool{}
	for _, g := range append(slices.Clone(seed.Groups), seed.DeletedGroups...) {
		if id, _ := g["id"].(string); id != "" {
			nested[strings.ToLower(id)] = true
		}
	}
	t.seededGroups = nested
	defer func() { t.seededGroups = nil }()
	for i, g := range seed.Groups {
		if _, err := t.addGroup(g); err != nil {
			return nil, fmt.Errorf("groups[%d]: %w", i, err)
		}
	}
	for i, raw := range seed.DeletedGroups {
		g, err := t.addGroup(raw)
		if err != nil {
			return nil, fmt.Errorf("deletedGroups[%d]: %w", i, err)
		}
		t.groups.remove(g)
		g.deleted = timeOf(raw["deletedDateTime"])
		t.bin.groups[strings.ToLower(g.id)] = g
		t.bin.groupOrder = append(t.bin.groupOrder, g)
	}
	return t, nil
}

func newApp(seed *AppSeed, newID func() string) (*app, error) {
	a := &app{clientID: strings.ToLower(seed.ClientID), objectID: seed.ObjectID, principalID: newID(), name: seed.DisplayName,
		roles: slices.Clone(seed.Roles), directoryRoles: slices.Clone(seed.DirectoryRoles), disabled: seed.Disabled,
		noPrincipal: seed.ServicePrincipalMissing, ownsItself: seed.OwnsItself}
	if a.objectID == "" {
		a.objectID = newID()
	}
	if a.name == "" {
		a.name = "app"
	}
	for i, s := range seed.Secrets {
		sec, err := newSecret(s)
		if err != nil {
			return nil, fmt.Errorf("secrets[%d]: %w", i, err)
		}
		a.secrets = append(a.secrets, sec)
	}
	for i, cs := range seed.Certificates {
		c, err := publicKey(cs.PEM, cs.PEMFile)
		if err != nil {
			return nil, fmt.Errorf("certificates[%d]: %w", i, err)
		}
		a.certificates = append(a.certificates, c)
	}
	for i, f := range seed.Federated {
		trusted, err := newFederation(f)
		if err != nil {
			return nil, fmt.Errorf("federated[%d]: %w", i, err)
		}
		a.federated = append(a.federated, trusted)
	}
	for i, x := range seed.ExtensionProperties {
		if !validExtensionName(x.Name) || x.Name == "" {
			return nil, fmt.Errorf("extensionProperties[%d]: name %q is not possible", i, x.Name)
		}
		d := &definition{id: x.ID, name: x.Name, fullName: fullExtensionName(a.clientID, x.Name), dataType: x.DataType,
			targets: slices.Clone(x.TargetObjects), multi: x.IsMultiValued, usableAt: x.UsableAt, app: a}
		if d.id == "" {
			d.id = newID()
		}
		if d.dataType == "" {
			d.dataType = "String"
		}
		if len(d.targets) == 0 {
			d.targets = []string{"User", "Group"}
		}
		a.definitions = append(a.definitions, d)
	}
	return a, nil
}

// newRecord makes a user of its seed, not stored yet.
func (t *Tenant) newRecord(seed UserSeed) (*record, error) {
	rec := &record{props: map[string]any{"createdDateTime": stamp(t.now()), "userType": "Member", "accountEnabled": true}}
	for name, v := range seed {
		switch name {
		case "id":
			rec.id, _ = v.(string)
			rec.id = strings.ToLower(rec.id)
			if !isID(rec.id) {
				return nil, fmt.Errorf("id must be a GUID")
			}
		case "adminRole":
			rec.admin, _ = v.(bool)
		case "deletedDateTime":
			rec.deleted = timeOf(v)
		case "manager", "licenses", "passwordProfile":
		default:
			if v = plain(v); v != nil {
				rec.props[name] = v
			}
		}
	}
	if rec.id == "" {
		rec.id = t.newID()
	}
	upn := rec.text("userPrincipalName")
	local, _, ok := strings.Cut(upn, "@")
	if !ok {
		return nil, fmt.Errorf("userPrincipalName is needed")
	}
	if rec.props["displayName"] == nil {
		rec.props["displayName"] = local
	}
	if rec.props["mailNickname"] == nil {
		rec.props["mailNickname"] = local
	}
	licenses, err := licenseSeeds(seed["licenses"])
	if err != nil {
		return nil, err
	}
	for _, l := range licenses {
		g, err := t.seedGrant(l)
		if err != nil {
			return nil, err
		}
		rec.direct = append(rec.direct, g)
	}
	return rec, nil
}

func (t *Tenant) addUser(seed UserSeed) (*entry, error) {
	rec, err := t.newRecord(seed)
	if err != nil {
		return nil, err
	}
	if t.users.byID[rec.id] != nil || t.users.byUPN[strings.ToLower(rec.text("userPrincipalName"))] != nil {
		return nil, fmt.Errorf("a user with this id or userPrincipalName is there already")
	}
	e := &entry{id: rec.id}
	t.store(e, rec)
	return e, nil
}

func (t *Tenant) seedGrant(l licenseSeed) (grant, error) {
	k := t.sku(l.sku)
	if k == nil {
		return grant{}, fmt.Errorf("license %s is not among the tenant's skus", l.sku)
	}
	g := grant{sku: k.SkuID, state: "Active", err: "None", at: t.now()}
	for _, name := range l.disabled {
		i := slices.IndexFunc(k.Plans, func(p PlanSeed) bool { return strings.EqualFold(p.ID, name) || strings.EqualFold(p.Name, name) })
		if i < 0 {
			return grant{}, fmt.Errorf("plan %s is not part of license %s", name, l.sku)
		}
		g.disabled = append(g.disabled, k.Plans[i].ID)
	}
	slices.Sort(g.disabled)
	return g, nil
}

func (t *Tenant) addGroup(seed GroupSeed) (*group, error) {
	g := &group{created: t.created, props: map[string]any{"mailEnabled": false, "securityEnabled": true, "createdDateTime": stamp(t.created)}}
	for name, v := range seed {
		switch name {
		case "id":
			g.id, _ = v.(string)
			g.id = strings.ToLower(g.id)
			if !isID(g.id) {
				return nil, fmt.Errorf("id must be a GUID")
			}
		case "members", "owners", "licenses", "deletedDateTime":
		default:
			if v = plain(v); v != nil {
				g.props[name] = v
			}
		}
	}
	if g.id == "" {
		g.id = t.newID()
	}
	if g.text("displayName") == "" {
		return nil, fmt.Errorf("displayName is needed")
	}
	if g.props["mailNickname"] == nil {
		g.props["mailNickname"] = g.id[:8]
	}
	if t.groups.byID[g.id] != nil {
		return nil, fmt.Errorf("a group with this id is there already")
	}
	if err := t.seedLinks(&g.members, seed["members"]); err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	if err := t.seedLinks(&g.owners, seed["owners"]); err != nil {
		return nil, fmt.Errorf("owners: %w", err)
	}
	t.giveMail(g)
	licenses, err := licenseSeeds(seed["licenses"])
	if err != nil {
		return nil, err
	}
	for _, l := range licenses {
		x, err := t.seedGrant(l)
		if err != nil {
			return nil, err
		}
		g.licenses = append(g.licenses, x)
	}
	t.groups.add(g)
	if len(g.licenses) > 0 {
		for _, id := range g.members.order {
			t.follow(t.users.byID[id])
		}
	}
	t.sortAll(g)
	return g, nil
}

// seedLinks adds the users or service principals that a seed names.
func (t *Tenant) seedLinks(to *members, names any) error {
	var ids []string
	each(plain(names), func(s string) { ids = append(ids, s) })
	for _, id := range ids {
		if e := t.users.master(id); e != nil {
			to.add(e.id)
		} else if rec := t.bin.users[strings.ToLower(id)]; rec != nil {
			to.add(rec.id)
		} else if low := strings.ToLower(id); t.groups.byID[low] != nil || t.seededGroups[low] {
			to.add(low)
		} else if slices.ContainsFunc(t.apps, func(a *app) bool { return a.principalID == id }) {
			to.add(id)
		} else {
			return fmt.Errorf("one is not among the users, nor among the groups")
		}
	}
	return nil
}

// licenseSeed is an entry of licenses in a seed.
type licenseSeed struct {
	sku      string
	disabled []string
}

func licenseSeeds(v any) ([]licenseSeed, error) {
	var out []licenseSeed
	switch v := v.(type) {
	case nil:
	case string:
		out = append(out, licenseSeed{sku: v})
	case []string:
		for _, s := range v {
			out = append(out, licenseSeed{sku: s})
		}
	case []any:
		for _, e := range v {
			switch e := plain(e).(type) {
			case string:
				out = append(out, licenseSeed{sku: e})
			case map[string]any:
				l := licenseSeed{}
				for key, x := range e {
					switch key {
					case "skuId":
						l.sku, _ = x.(string)
					case "disabledPlans":
						each(plain(x), func(s string) { l.disabled = append(l.disabled, s) })
					default:
						return nil, fmt.Errorf("licenses: key %s not known", key)
					}
				}
				if l.sku == "" {
					return nil, fmt.Errorf("licenses: skuId is needed")
				}
				out = append(out, l)
			default:
				return nil, fmt.Errorf("licenses: an entry is a SKU or {skuId, disabledPlans}")
			}
		}
	default:
		return nil, fmt.Errorf("licenses: must be a list")
	}
	return out, nil
}

// plain makes what YAML, JSON or Go wrote into the value that a record holds.
func plain(v any) any {
	switch v := v.(type) {
	case time.Time:
		return stamp(v)
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return v
			}
			out = append(out, s)
		}
		return plain(out)
	case []string:
		if len(v) == 0 {
			return nil
		}
		return slices.Clone(v)
	case string:
		if v == "" {
			return nil
		}
	case int:
		return float64(v)
	case UserSeed: // YAML gives nested objects the type of the outer one
		return map[string]any(v)
	case GroupSeed:
		return map[string]any(v)
	}
	return v
}

func timeOf(v any) time.Time {
	switch v := v.(type) {
	case time.Time:
		return v
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t
		}
	}
	return time.Time{}
}

func digestText(s secret) string { return hex.EncodeToString(s.digest[:]) }
