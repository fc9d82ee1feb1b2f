package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ID is the tenant's GUID.
func (t *Tenant) ID() string { return t.id }

// AddUser adds a user as a seed would and gives its id.
func (t *Tenant) AddUser(seed UserSeed) (id string, err error) {
	e, err := t.addUser(seed)
	if err != nil {
		return "", err
	}
	return e.id, nil
}

// User gives a user; ok is false when there is none.
func (t *Tenant) User(idOrUPN string) (u UserState, ok bool) {
	e := t.users.master(idOrUPN)
	if e == nil {
		return u, false
	}
	return t.userState(e.cur), true
}

// SetUser sets properties of a user, nil clears. Beside Graph's it knows adminRole and manager (an id).
func (t *Tenant) SetUser(idOrUPN string, props map[string]any) error {
	e := t.users.master(idOrUPN)
	if e == nil {
		return fmt.Errorf("no such user")
	}
	rec := e.cur.clone()
	for name, v := range props {
		if !knownUserKey(name) || name == "id" || name == "licenses" {
			return fmt.Errorf("property %s cannot be set", name)
		}
		switch v = plain(v); {
		case name == "adminRole":
			rec.admin, _ = v.(bool)
		case name == "manager":
			rec.manager, _ = v.(string)
		case v == nil:
			delete(rec.props, name)
		default:
			rec.props[name] = v
		}
	}
	t.store(e, rec)
	return nil
}

// DeleteUser puts a user into the bin.
func (t *Tenant) DeleteUser(idOrUPN string) error {
	e := t.users.master(idOrUPN)
	if e == nil {
		return fmt.Errorf("no such user")
	}
	t.discardUser(e, t.now())
	return nil
}

// PurgeUser removes a user for good, from the bin or from the directory.
func (t *Tenant) PurgeUser(idOrUPN string) error {
	if e := t.users.master(idOrUPN); e != nil {
		t.store(e, nil)
		t.leave(e.id)
		return nil
	}
	rec := t.bin.users[strings.ToLower(idOrUPN)]
	if rec == nil {
		return fmt.Errorf("no such user")
	}
	t.bin.dropUser(rec)
	t.leave(rec.id)
	return nil
}

// SetStock changes how many units of a SKU were bought.
func (t *Tenant) SetStock(idOrPart string, enabled int) error {
	k := t.sku(idOrPart)
	if k == nil {
		return fmt.Errorf("no such SKU")
	}
	k.Enabled = enabled
	return nil
}

// RemoveSKU ends a subscription that nobody holds.
func (t *Tenant) RemoveSKU(idOrPart string) error {
	k := t.sku(idOrPart)
	if k == nil || k.used > 0 {
		return fmt.Errorf("no such SKU, or somebody holds it")
	}
	t.skus = slices.DeleteFunc(slices.Clone(t.skus), func(x *sku) bool { return x == k })
	return nil
}

// AssignLicense gives a user a license without asking for stock or location.
func (t *Tenant) AssignLicense(idOrUPN, idOrPart string, disabledPlans ...string) error {
	e := t.users.master(idOrUPN)
	if e == nil {
		return fmt.Errorf("no such user")
	}
	g, err := t.seedGrant(licenseSeed{idOrPart, disabledPlans})
	if err != nil {
		return err
	}
	rec := *e.cur
	rec.direct = append(slices.DeleteFunc(slices.Clone(rec.direct), func(x grant) bool { return x.sku == g.sku }), g)
	t.store(e, &rec)
	return nil
}

// RemoveLicense takes a direct license away.
func (t *Tenant) RemoveLicense(idOrUPN, idOrPart string) error {
	e, k := t.users.master(idOrUPN), t.sku(idOrPart)
	if e == nil || k == nil {
		return fmt.Errorf("no such user or SKU")
	}
	rec := *e.cur
	rec.direct = slices.DeleteFunc(slices.Clone(rec.direct), func(x grant) bool { return x.sku == k.SkuID })
	t.store(e, &rec)
	return nil
}

// AddGroup adds a group as a seed would and gives its id.
func (t *Tenant) AddGroup(seed GroupSeed) (id string, err error) {
	g, err := t.addGroup(seed)
	if err != nil {
		return "", err
	}
	return g.id, nil
}

// GroupID finds a group by its display name; ok is false when there is none.
func (t *Tenant) GroupID(displayName string) (id string, ok bool) {
	for _, g := range t.groups.order {
		if g != nil && strings.EqualFold(g.text("displayName"), displayName) {
			return g.id, true
		}
	}
	return "", false
}

// AddMember puts a user into a group.
func (t *Tenant) AddMember(groupID, idOrUPN string) error {
	g, e := t.groups.find(groupID), t.users.master(idOrUPN)
	if g == nil || e == nil {
		return fmt.Errorf("no such group or user")
	}
	if !g.members.has(e.id) {
		g.members.join(e.id, t.now(), t.users.lag)
		t.follow(e)
	}
	return nil
}

// RemoveMember takes a user out of a group.
func (t *Tenant) RemoveMember(groupID, idOrUPN string) error {
	g, e := t.groups.find(groupID), t.users.master(idOrUPN)
	if g == nil || e == nil {
		return fmt.Errorf("no such group or user")
	}
	g.members.quit(e.id, t.now(), t.users.lag)
	t.follow(e)
	return nil
}

// change finds an application for the methods below.
func (t *Tenant) change(clientID string, f func(*app)) error {
	a := t.app(clientID)
	if a == nil {
		return fmt.Errorf("no such application")
	}
	f(a)
	return nil
}

// SetRoles replaces the granted application permissions. As in the real service, tokens that are out keep the old ones.
func (t *Tenant) SetRoles(clientID string, roles ...string) error {
	return t.change(clientID, func(a *app) { a.roles = slices.Clone(roles) })
}

// SetDirectoryRoles replaces the Entra roles of the application's service principal.
func (t *Tenant) SetDirectoryRoles(clientID string, roles ...string) error {
	return t.change(clientID, func(a *app) { a.directoryRoles = slices.Clone(roles) })
}

// SetSecret replaces all secrets by one; a zero time is never.
func (t *Tenant) SetSecret(clientID, value string, expires time.Time) error {
	sec, err := newSecret(SecretSeed{Value: value, Expires: expires})
	if err != nil {
		return err
	}
	return t.change(clientID, func(a *app) { a.secrets = []secret{sec} })
}

// SetCertificates replaces all certificates by these, each PEM of a certificate or of a public key.
func (t *Tenant) SetCertificates(clientID string, pems ...string) error {
	var certificates []certificate
	for _, text := range pems {
		c, err := publicKey(text, "")
		if err != nil {
			return err
		}
		certificates = append(certificates, c)
	}
	return t.change(clientID, func(a *app) { a.certificates = certificates })
}

// SetFederated replaces all federated credentials by these.
func (t *Tenant) SetFederated(clientID string, seeds ...FederatedSeed) error {
	var federated []federation
	for _, seed := range seeds {
		f, err := newFederation(seed)
		if err != nil {
			return err
		}
		federated = append(federated, f)
	}
	return t.change(clientID, func(a *app) { a.federated = federated })
}

// SetDisabled disables or enables an application.
func (t *Tenant) SetDisabled(clientID string, disabled bool) error {
	return t.change(clientID, func(a *app) { a.disabled = disabled })
}

// RemoveApp takes an application out of the tenant.
func (t *Tenant) RemoveApp(clientID string) error {
	if t.app(clientID) == nil {
		return fmt.Errorf("no such application")
	}
	t.apps = slices.DeleteFunc(slices.Clone(t.apps), func(a *app) bool { return strings.EqualFold(a.clientID, clientID) })
	return nil
}

// AddExtension registers a usable extension property and gives its full name.
func (t *Tenant) AddExtension(clientID, name string, targets ...string) (fullName string, err error) {
	if !validExtensionName(name) || name == "" {
		return "", fmt.Errorf("name %q is not possible", name)
	}
	if len(targets) == 0 {
		targets = []string{"User", "Group"}
	}
	fullName = fullExtensionName(clientID, name)
	if t.definition(fullName) != nil {
		return "", fmt.Errorf("%s is there already", fullName)
	}
	err = t.change(clientID, func(a *app) {
		a.definitions = append(a.definitions, &definition{id: t.newID(), name: name, fullName: fullName, dataType: "String", targets: targets, app: a})
	})
	return fullName, err
}

// DropExtension deletes the definition of an extension property; the values stay and show again when it is made anew.
func (t *Tenant) DropExtension(fullName string) error {
	d := t.definition(fullName)
	if d == nil {
		return fmt.Errorf("no such extension property")
	}
	d.app.definitions = slices.DeleteFunc(slices.Clone(d.app.definitions), func(x *definition) bool { return x == d })
	return nil
}

// SetDomains replaces the verified domains.
func (t *Tenant) SetDomains(domains ...DomainSeed) { t.domains = slices.Clone(domains) }

// SetObjectQuota changes how many objects the tenant may hold; 0 is no limit.
func (t *Tenant) SetObjectQuota(n int) { t.objectQuota = n }
