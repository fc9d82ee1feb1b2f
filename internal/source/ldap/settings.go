// Package ldap is the identity store of LDAP servers: Active Directory, OpenLDAP and others.
//
// A listing counts as complete only if every page was answered with result code 0 and the paging control, the last one with an empty
// cookie, without a referral, on a connection and in a context that lived to the end. Whatever else happens is an error, and nobody
// is missing.
package ldap

import (
	"cmp"
	"encoding/json"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/source"
)

// Store is the entry of the registry.
var Store = source.Store{
	Key:    "ldap",
	Groups: true,
	New:    func() source.Settings { return &Settings{} },
	Opener: func(env source.Environment) source.Opener {
		servers := newServers(env)
		if env.AtEnd != nil {
			env.AtEnd(servers)
		}
		return func(s source.Settings, use source.Use) (source.Source, error) {
			return servers.open(s.(*Settings).LDAP, use), nil
		}
	},
}

// Settings are what stands below a rule's `source:`.
type Settings struct {
	LDAP Directory `json:"ldap"`
}

// Directory says which people of a directory are read, and how it is reached.
type Directory struct {
	// URL is the address of a server, or of several that are tried in order: ldaps://host[:port], or ldap://host[:port] with StartTLS.
	URL URLs `json:"url,omitempty"`
	// CA is a reference (file:PATH, env:NAME) to certificates in PEM that are trusted beside none. Default the system's.
	CA string `json:"ca,omitempty"`
	// StartTLS encrypts a connection to ldap:// before anything is sent. Default false.
	StartTLS bool `json:"startTLS,omitempty"`
	// Insecure allows a connection without TLS, password and all. Default false.
	Insecure bool `json:"insecure,omitempty"`
	// BindDN is the account that reads; in Active Directory also user@domain. Default none: an anonymous read.
	BindDN string `json:"bindDN,omitempty"`
	// BindPassword is a reference to its password.
	BindPassword string `json:"bindPassword,omitempty"`
	// BaseDN is the entry below which the people are. Never changes.
	BaseDN string `json:"baseDN,omitempty"`
	// Filter selects the people (RFC 4515). Default (&(objectCategory=person)(objectClass=user)) in Active Directory, else
	// (objectClass=person).
	Filter string `json:"filter,omitempty"`
	// Kind says what server it is: auto, activeDirectory, openLDAP or generic. Default auto: it is asked.
	Kind string `json:"directory,omitempty"`
	// ID is the attribute with the person's id. Default objectGUID in Active Directory, else entryUUID. Never changes.
	ID string `json:"id,omitempty"`
	// Enabled is the attribute that says who is enabled; with ! before it, who is not. Default userAccountControl in Active
	// Directory, else pwdAccountLockedTime.
	Enabled string `json:"enabled,omitempty"`
	// Attributes are what is read. Default those that the rule's expressions name.
	Attributes []string `json:"attributes,omitempty"`
	// Groups says where groups are looked for. Default the base DN above, and the classes of the directory.
	Groups Groups `json:"groups,omitzero"`
	// Timeout is how long one request may take, as in 30s. Default 30 s.
	Timeout string `json:"timeout,omitempty"`
}

// Groups says where a directory's groups are.
type Groups struct {
	BaseDN string `json:"baseDN,omitempty"`
	Filter string `json:"filter,omitempty"`
}

// URLs are addresses; a configuration may write a single one as a text.
type URLs []string

// UnmarshalJSON reads a text or a list of texts.
func (u *URLs) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*u = URLs{one}
		return nil
	}
	var several []string
	if json.Unmarshal(b, &several) != nil {
		return errURLs
	}
	*u = several
	return nil
}

type message string

func (m message) Error() string { return string(m) }

const errURLs message = "it is neither an address nor a list of addresses; write ldaps://dc1.corp.example, or [ldaps://dc1.corp.example, ldaps://dc2.corp.example]"

// The kinds of directories, as Directory.Kind has them.
const (
	kindAuto            = "auto"
	kindActiveDirectory = "activeDirectory"
	kindOpenLDAP        = "openLDAP"
	kindGeneric         = "generic"
)

const (
	defaultFilter  = "(objectClass=person)"
	defaultTimeout = 30 * time.Second
	maxTimeout     = 10 * time.Minute
)

// Store is the key of LDAP directories.
func (s *Settings) Store() string { return Store.Key }

// Resolve makes the paths of files absolute.
func (s *Settings) Resolve(directory string) {
	for _, ref := range []*string{&s.LDAP.CA, &s.LDAP.BindPassword} {
		if path, ok := strings.CutPrefix(*ref, secret.FileScheme); ok && path != "" && !filepath.IsAbs(path) {
			*ref = secret.FileScheme + filepath.Join(directory, path)
		}
	}
}

// attributeName is what an attribute may be called: a name or an object identifier, with options such as ;lang-de.
var attributeName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+)(;[A-Za-z0-9-]+)*$`)

// Check reports what is wrong with the settings by themselves.
func (s *Settings) Check(r source.Report) {
	d := s.LDAP
	d.checkAddress(r)
	d.checkSignIn(r)
	if d.BaseDN == "" {
		r.Problem("ldap.baseDN", "it is missing; write the entry below which the people are, as in OU=Staff,DC=corp,DC=example")
	} else if _, err := goldap.ParseDN(d.BaseDN); err != nil {
		r.Problem("ldap.baseDN", "it is no distinguished name; write one, as in OU=Staff,DC=corp,DC=example")
	}
	if d.Groups.BaseDN != "" {
		if _, err := goldap.ParseDN(d.Groups.BaseDN); err != nil {
			r.Problem("ldap.groups.baseDN", "it is no distinguished name; write one, as in OU=Groups,DC=corp,DC=example")
		}
	}
	for key, filter := range map[string]string{"ldap.filter": d.Filter, "ldap.groups.filter": d.Groups.Filter} {
		if filter == "" {
			continue
		}
		if _, err := goldap.CompileFilter(filter); err != nil {
			r.Problem(key, "it is no LDAP filter (RFC 4515); write one in parentheses, as in (&(objectClass=person)(department=Sales))")
		}
	}
	if !slices.Contains([]string{"", kindAuto, kindActiveDirectory, kindOpenLDAP, kindGeneric}, d.Kind) {
		r.Problem("ldap.directory", "there is no such kind; write auto, activeDirectory, openLDAP or generic")
	}
	d.checkAttributes(r)
	if t, err := time.ParseDuration(cmp.Or(d.Timeout, "30s")); err != nil || t <= 0 || t > maxTimeout {
		r.Problem("ldap.timeout", "it is no time of up to 10 minutes; write one, as in 30s")
	}
}

func (d Directory) checkAddress(r source.Report) {
	if len(d.URL) == 0 {
		r.Problem("ldap.url", "it is missing; write the address of the server, as in ldaps://dc1.corp.example")
	}
	for _, address := range d.URL {
		u, err := url.Parse(address)
		switch {
		case err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
			r.Problem("ldap.url", "it is no address of a server; write ldaps://host or ldaps://host:port, and nothing else")
		case u.Scheme != "ldaps" && u.Scheme != "ldap":
			r.Problem("ldap.url", "the address begins with neither ldaps:// nor ldap://; write one of them")
		case u.Scheme == "ldap" && !d.StartTLS && !d.Insecure:
			r.Problem("ldap.url", "ldap:// sends everything, the password too, in the clear; write ldaps://, or add startTLS: true. insecure: true allows it all the same")
		case u.Scheme == "ldaps" && d.StartTLS:
			r.Problem("ldap.startTLS", "ldaps:// is encrypted from its beginning; remove startTLS, or write ldap://")
		case u.Scheme == "ldap" && d.Insecure && !d.StartTLS:
			r.Warning("ldap.insecure", "passwords and personal data go over the network in the clear; use ldaps:// or startTLS: true outside of tests")
		}
	}
}

func (d Directory) checkSignIn(r source.Report) {
	switch {
	case d.BindDN == "" && d.BindPassword != "":
		r.Problem("ldap.bindDN", "it is missing, and there is a password; write the account that reads, or remove bindPassword")
	case d.BindDN != "" && d.BindPassword == "":
		r.Problem("ldap.bindPassword", "it is missing; write env:NAME or file:PATH, where the worker finds the password")
	case d.BindDN == "":
		r.Warning("ldap.bindDN", "without an account the directory is read anonymously, and may show less than there is")
	}
	if d.BindPassword != "" && !isReference(d.BindPassword) {
		r.Problem("ldap.bindPassword", "this is no reference; write env:NAME or file:PATH, never the password itself")
	}
	if d.CA != "" && !isReference(d.CA) {
		r.Problem("ldap.ca", "this is no reference; write file:PATH or env:NAME, where the certificates are as PEM")
	}
}

func isReference(s string) bool {
	name, isVariable := strings.CutPrefix(s, secret.EnvScheme)
	path, isFile := strings.CutPrefix(s, secret.FileScheme)
	return isVariable && secret.VariableName.MatchString(name) || isFile && path != ""
}

func (d Directory) checkAttributes(r source.Report) {
	if d.ID != "" && !attributeName.MatchString(d.ID) {
		r.Problem("ldap.id", "it is no name of an attribute; write one, as in employeeNumber")
	}
	if strings.EqualFold(d.ID, "dn") || strings.EqualFold(d.ID, "distinguishedName") {
		r.Problem("ldap.id", "a distinguished name changes when somebody is moved; use entryUUID, objectGUID or a number")
	}
	if personal.MatchString(d.ID) {
		r.Warning("ldap.id", "ids show in Temporal and in the tenant and must never change; use a number or code rather than a name or address")
	}
	name, negated := strings.CutPrefix(d.Enabled, "!")
	switch _, known := knownSwitches[strings.ToLower(name)]; {
	case d.Enabled != "" && !attributeName.MatchString(name):
		r.Problem("ldap.enabled", "it is no name of an attribute; write one, as in active, or in quotes with ! before it, as in '!locked'")
	case known && negated:
		r.Problem("ldap.enabled", "what "+name+" means is known; write it without !")
	}
	for _, a := range d.Attributes {
		if !attributeName.MatchString(a) {
			r.Problem("ldap.attributes", "not all of them are names of attributes; write names, as in [cn, mail]")
			break
		}
	}
}

// personal recognises attributes that name people rather than number them.
var personal = regexp.MustCompile(`(?i)mail|upn|principal|^uid$|^cn$|samaccountname`)

// Expressions are none: the directory's own filter takes their place.
func (s *Settings) Expressions() []source.Expression { return nil }

// Identity is the base of the people and the attribute of their ids. The servers are only a way to it.
func (s *Settings) Identity() []source.Fact {
	return []source.Fact{{Key: "ldap.baseDN", Value: canonicalDN(s.LDAP.BaseDN)}, {Key: "ldap.id", Value: strings.ToLower(s.LDAP.ID)}}
}

// canonicalDN writes a distinguished name in one way.
func canonicalDN(dn string) string {
	parsed, err := goldap.ParseDN(dn)
	if err != nil {
		return strings.ToLower(dn)
	}
	return strings.ToLower(parsed.String())
}

// Key tells apart what gives other records.
func (s *Settings) Key() string {
	text, err := json.Marshal(s)
	if err != nil {
		// Texts and lists of texts can always be written.
		panic(err)
	}
	return string(text)
}

// Tag is the same whichever server is asked.
func (s *Settings) Tag() string {
	return source.TagOf("ldap " + canonicalDN(s.LDAP.BaseDN) + "#" + strings.ToLower(s.LDAP.ID))
}

// Place is the base of the people and the first server.
func (s *Settings) Place() string { return s.LDAP.place() }

func (d Directory) place() string {
	if len(d.URL) == 0 {
		return d.BaseDN
	}
	return d.BaseDN + " at " + d.URL[0]
}

// filter selects the people of a directory of a kind. In Active Directory contacts are persons, too, and computers are users.
func (d Directory) filter(kind string) string {
	if kind == kindActiveDirectory {
		return cmp.Or(d.Filter, "(&(objectCategory=person)(objectClass=user))")
	}
	return cmp.Or(d.Filter, defaultFilter)
}

func (d Directory) timeout() time.Duration {
	if t, err := time.ParseDuration(d.Timeout); err == nil && t > 0 {
		return t
	}
	return defaultTimeout
}
