package ldap

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

const good = `{"url":"ldaps://dc1.corp.example","bindDN":"CN=svc,DC=corp,DC=example","bindPassword":"env:LDAP_PASSWORD","baseDN":"OU=Staff,DC=corp,DC=example"}`

func settings(t *testing.T, text string) (s *Settings, problems []string) {
	t.Helper()
	s = &Settings{}
	report := source.Report{
		Problem: func(key, message string) { problems = append(problems, key+": "+message) },
		Warning: func(string, string) {},
		Unknown: func(key string, _ []string) { problems = append(problems, key+": unknown") },
	}
	source.Decode(json.RawMessage(`{"ldap":`+text+`}`), s, report)
	s.Check(report)
	return s, problems
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s, problems := settings(t, good)
	require.Empty(t, problems)
	require.Equal(t, URLs{"ldaps://dc1.corp.example"}, s.LDAP.URL)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.NotContains(t, string(text), "groups")
	again := &Settings{}
	require.NoError(t, json.Unmarshal(text, again))
	require.Equal(t, s, again)

	several, problems := settings(t, strings.Replace(good, `"ldaps://dc1.corp.example"`, `["ldaps://dc1.corp.example","ldaps://dc2.corp.example:3269"]`, 1))
	require.Empty(t, problems)
	require.Equal(t, s.Tag(), several.Tag(), "the servers are only a way to the people")
	require.Equal(t, source.IdentityOf(s), source.IdentityOf(several))
	spelt, _ := settings(t, strings.Replace(good, "OU=Staff,DC=corp,DC=example", "ou=staff, dc=corp,dc=example", 1))
	require.Equal(t, s.Tag(), spelt.Tag())

	s.LDAP.CA, s.LDAP.BindPassword = "file:ca.pem", "file:/run/secrets/ldap"
	s.Resolve("/etc/entraflow")
	require.Equal(t, "file:/etc/entraflow/ca.pem", s.LDAP.CA)
	require.Equal(t, "file:/run/secrets/ldap", s.LDAP.BindPassword)
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		`"url":"ldap://dc1"`:              "ldap.url: ldap:// sends everything",
		`"url":"http://dc1"`:              "ldap.url: the address begins with neither",
		`"url":"ldaps://u:p@dc1"`:         "ldap.url: it is no address",
		`"url":"dc1"`:                     "ldap.url: it is no address",
		`"url":7`:                         "ldap.url: it is neither an address",
		`"startTLS":true`:                 "ldap.startTLS: ldaps:// is encrypted",
		`"bindPassword":"hunter2"`:        "ldap.bindPassword: this is no reference",
		`"bindPassword":""`:               "ldap.bindPassword: it is missing",
		`"ca":"ca.pem"`:                   "ldap.ca: this is no reference",
		`"baseDN":"staff"`:                "ldap.baseDN: it is no distinguished name",
		`"baseDN":""`:                     "ldap.baseDN: it is missing",
		`"filter":"objectClass=person"`:   "",
		`"filter":"(objectClass=person"`:  "ldap.filter: it is no LDAP filter",
		`"directory":"novell"`:            "ldap.directory: there is no such kind",
		`"id":"distinguishedName"`:        "ldap.id: a distinguished name changes",
		`"id":"a b"`:                      "ldap.id: it is no name",
		`"enabled":"!userAccountControl"`: "ldap.enabled: what userAccountControl means is known",
		`"enabled":"!!x"`:                 "ldap.enabled: it is no name",
		`"attributes":["cn","a b"]`:       "ldap.attributes: not all",
		`"timeout":"soon"`:                "ldap.timeout: it is no time",
		`"groups":{"baseDN":"x"}`:         "ldap.groups.baseDN: it is no distinguished name",
		`"password":"x"`:                  "ldap.password: unknown",
	} {
		_, problems := settings(t, strings.TrimSuffix(good, "}")+","+change+"}")
		if want == "" {
			continue
		}
		require.NotEmpty(t, problems, change)
		require.Contains(t, strings.Join(problems, "\n"), want)
		require.NotContains(t, strings.Join(problems, "\n"), "hunter2")
	}
	_, problems := settings(t, `{}`)
	require.GreaterOrEqual(t, len(problems), 2, "all at once")
}

func TestGUIDs(t *testing.T) {
	t.Parallel()
	// As Windows prints the bytes: https://learn.microsoft.com/dotnet/api/system.guid.tobytearray
	b := []byte{0xc9, 0x8b, 0x91, 0x35, 0x6d, 0x19, 0xea, 0x40, 0x97, 0x79, 0x88, 0x9d, 0x79, 0xb7, 0x53, 0xf0}
	text := guidText(b)
	require.Equal(t, "35918bc9-196d-40ea-9779-889d79b753f0", text)
	back, ok := guidBytes(text)
	require.True(t, ok)
	require.Equal(t, b, back)
	for _, no := range []string{"", "35918bc9", "35918bc9-196d-40ea-9779-889d79b753fg", "35918bc9x196d-40ea-9779-889d79b753f0"} {
		_, ok := guidBytes(no)
		require.False(t, ok, no)
	}
}

func TestEnabled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		negated bool
		values  []string
		want    string
	}{
		{"userAccountControl", false, []string{"512"}, "enabled"},
		{"userAccountControl", false, []string{"514"}, "disabled"},
		{"useraccountcontrol", false, []string{"66050"}, "disabled"},
		{"userAccountControl", false, nil, "enabled"},
		{"userAccountControl", false, []string{"many"}, "unreadable"},
		{"pwdAccountLockedTime", false, []string{"000001010000Z"}, "disabled"},
		{"pwdAccountLockedTime", false, []string{"20261127120000Z"}, "enabled"},
		{"nsAccountLock", false, []string{"true"}, "disabled"},
		{"nsAccountLock", false, nil, "enabled"},
		{"loginDisabled", false, []string{"TRUE"}, "disabled"},
		{"active", false, []string{"TRUE"}, "enabled"},
		{"active", false, []string{"no"}, "disabled"},
		{"active", false, []string{"perhaps"}, "unreadable"},
		{"active", false, nil, "unreadable"},
		{"active", false, []string{"true", "false"}, "unreadable"},
		{"locked", true, []string{"TRUE"}, "disabled"},
		{"locked", true, []string{"FALSE"}, "enabled"},
		{"locked", true, nil, "enabled"},
		{"", false, nil, "enabled"},
	} {
		on, err := enabled(c.name, c.negated, c.values)
		got := map[bool]string{true: "enabled", false: "disabled"}[on]
		if err != nil {
			require.True(t, fault.Is(err, fault.EnabledUnreadable))
			got = "unreadable"
		}
		require.Equal(t, c.want, got, "%v", c)
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	f := facts{}
	f.learn(`( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'x' SUP name )`)
	f.learn(`( 0.9.2342.19200300.100.1.60 NAME 'jpegPhoto' SYNTAX 1.3.6.1.4.1.1466.115.121.1.28 )`)
	f.learn(`( 1.2.840.113556.1.4.2 NAME 'objectGUID' SYNTAX '1.3.6.1.4.1.1466.115.121.1.40' SINGLE-VALUE )`)
	require.True(t, f.has("SurName"))
	require.True(t, f.has("sn;lang-de"))
	require.False(t, f.has("surnam"))
	require.Equal(t, "sn", f.canonical("surname"))
	require.Equal(t, "sn;lang-de", f.canonical("Surname;lang-de"))
	require.True(t, f.binary("jpegPhoto"))
	require.True(t, f.binary("objectGUID"))
	require.True(t, f.binary("userCertificate;binary"))
	require.False(t, f.binary("sn"))
}

// An account that may not read the account restrictions is shown users without userAccountControl: they must not count as enabled.
func TestHiddenAccountControlLeavesOpenWhoIsEnabled(t *testing.T) {
	t.Parallel()
	for class, open := range map[string]bool{"user": true, "contact": false} {
		r := &reading{facts: &facts{}, id: "employeeNumber", enabled: "userAccountControl", columns: []string{"cn"}}
		require.Contains(t, r.attributes(), "objectClass")
		e := goldap.NewEntry("CN=x,DC=example", map[string][]string{"employeeNumber": {"7"}, "objectClass": {"top", "person", class}})
		record, err := r.record(entryOf(e))
		require.NoError(t, err)
		require.Equal(t, open, fault.Is(record.EnabledErr, fault.EnabledUnreadable), class)
		require.Equal(t, !open, record.Enabled, class)
	}
}

// Where the schema cannot be read, whoever is locked for good is disabled all the same.
func TestLockedIsAskedForWithoutASchema(t *testing.T) {
	t.Parallel()
	name, _ := (&server{}).enabledAttribute(&facts{kind: kindOpenLDAP})
	require.Equal(t, "pwdAccountLockedTime", name)
}

// An attribute that a server names twice, once with a range of its values and once without any, keeps them; an id that a search need not
// find again is refused.
func TestEntriesAsServersGiveThem(t *testing.T) {
	t.Parallel()
	r := &reading{facts: &facts{}, id: "uid", columns: []string{"member"}, lists: map[string]bool{"member": true}}
	attribute := func(name string, values ...string) *goldap.EntryAttribute {
		return goldap.NewEntryAttribute(name, values)
	}
	record, err := r.record(entryOf(&goldap.Entry{Attributes: []*goldap.EntryAttribute{attribute("uid", "1 "), attribute("member", "a", "b"), attribute("member")}}))
	require.NoError(t, err)
	require.Equal(t, "1", record.ID)
	require.Equal(t, []any{"a", "b"}, record.Fields["member"])
	for _, id := range []string{"Zoe\u0308", "a\u200bb", "a\u00a0b"} {
		_, err = r.record(entryOf(&goldap.Entry{Attributes: []*goldap.EntryAttribute{attribute("uid", id)}}))
		require.Equal(t, fault.SourceMalformed, fault.Of(err).Reason, "%q", id)
	}
}

// Servers name entries in their errors; only the result goes on.
func TestErrorsNameNobody(t *testing.T) {
	t.Parallel()
	s := &server{Directory: Directory{BaseDN: "DC=corp,DC=example"}}
	for _, code := range []uint16{goldap.LDAPResultNoSuchObject, goldap.LDAPResultInsufficientAccessRights, goldap.LDAPResultOther, goldap.LDAPResultBusy} {
		err := s.failed("place", &goldap.Error{ResultCode: code, MatchedDN: "CN=Zaphod,DC=corp", Err: errors.New("no object CN=Zaphod Beeblebrox")})
		require.NotContains(t, fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), "Zaphod")
		require.True(t, goldap.IsErrorWithCode(err, code), "the result is kept: %v", err)
	}
}
