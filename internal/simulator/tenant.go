package simulator

import (
	"math/rand/v2"
	"strings"
	"time"
)

// Tenant is one simulated directory. A *Tenant is handed out only by Server.Mutate, under the server's lock: do not keep
// it. Its methods are an administrator's hand that passes by the API: they check nothing but that things exist.
type Tenant struct {
	id          string
	name        string
	location    string
	domains     []DomainSeed
	apps        []*app
	skus        []*sku
	users       *people
	bin         *bin
	groups      *groupStore
	objectQuota int
	created     time.Time
	// unlocated are the users whose usageLocation the licensing service does not know yet.
	unlocated map[string]*licenseLag // :: user id
	// hasDynamic: there was a dynamic group at some time. due is what is still to follow from changes of groups.
	hasDynamic bool
	due        []followUp
	groupDelay time.Duration
	// seededGroups are the ids of all groups of the seed while it is read.
	seededGroups map[string]bool

	now   func() time.Time
	newID func() string
	delay time.Duration // until a new extension property is usable
}

// app is an application, its credentials and its service principal in the tenant.
type app struct {
	clientID       string
	objectID       string
	principalID    string
	name           string
	secrets        []secret
	certificates   []certificate
	federated      []federation
	roles          []string
	directoryRoles []string
	disabled       bool
	noPrincipal    bool // no service principal in the tenant
	ownsItself     bool
	definitions    []*definition
}

// ids makes GUIDs from the seed, so that one seed gives one set of ids.
func ids(seed uint64) func() string {
	rng := rand.New(rand.NewPCG(seed, 0x1d))
	return func() string { return formatID(rng.Uint64(), rng.Uint64()) }
}

func formatID(a, b uint64) string {
	const hex = "0123456789abcdef"
	var raw [16]byte
	for i := range 8 {
		raw[i], raw[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	out := make([]byte, 0, 36)
	for i, c := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, hex[c>>4], hex[c&15])
	}
	return string(out)
}

// isID reports whether s is written as a GUID.
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range 36 {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
			continue
		}
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}

func (t *Tenant) app(clientID string) *app {
	for _, a := range t.apps {
		if strings.EqualFold(a.clientID, clientID) {
			return a
		}
	}
	return nil
}

func (t *Tenant) appObject(objectID string) *app {
	for _, a := range t.apps {
		if strings.EqualFold(a.objectID, objectID) {
			return a
		}
	}
	return nil
}

func (t *Tenant) domain(name string) (DomainSeed, bool) {
	for _, d := range t.domains {
		if strings.EqualFold(d.Name, name) {
			return d, true
		}
	}
	return DomainSeed{}, false
}

// answersTo reports whether the name in a URL means this tenant: its id or one of its verified domains.
func (t *Tenant) answersTo(name string) bool {
	if strings.EqualFold(t.id, name) {
		return true
	}
	_, ok := t.domain(name)
	return ok
}

// objects is what counts against the directory quota: deleted objects weigh a quarter
// (https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions).
func (t *Tenant) objects() int {
	return t.users.live + len(t.groups.byID) + (len(t.bin.users)+len(t.bin.groups))/4
}

func (t *Tenant) overQuota() *refusal {
	if t.objectQuota > 0 && t.objects() >= t.objectQuota {
		return &refusal{status: 403, code: codeQuota, message: "The directory object quota limit for the Tenant has been exceeded. " +
			"Please ask your administrator to increase the quota limit or delete objects to reduce the used quota."}
	}
	return nil
}

// stamp is how the directory writes times.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// store puts a new state of a user and keeps the licenses' stock in step.
func (t *Tenant) store(e *entry, rec *record) {
	before := e.cur
	t.users.put(e, rec, t.now())
	t.restock(before, rec)
	if t.hasDynamic && rec != nil {
		t.follow(e)
	}
}
