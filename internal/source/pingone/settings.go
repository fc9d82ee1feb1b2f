// Package pingone is the identity store of PingOne: the people of one environment, read through its platform API with a worker
// application.
//
// A listing counts as complete only if every page came with its list of users, each next link led on within the same API, the last
// page has none, and as many people came as the first page promised. Whatever else happens is an error, and nobody is missing.
package pingone

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/source"
)

// Store is the entry of the registry.
var Store = source.Store{
	Key:    "pingone",
	Groups: true,
	New:    func() source.Settings { return &Settings{} },
	Events: readEvents,
	Opener: func(env source.Environment) source.Opener {
		clients := newClients(env)
		return func(s source.Settings, use source.Use) (source.Source, error) {
			return clients.open(s.(*Settings).PingOne, use)
		}
	},
}

// Settings are what stands below a rule's `source:`.
type Settings struct {
	PingOne Environment `json:"pingone"`
}

// Environment says whose people are read, and with which application.
type Environment struct {
	// EnvironmentID is the id of the PingOne environment. Never changes.
	EnvironmentID string `json:"environmentId,omitempty"`
	// Region is where the environment is: na, eu, ap, au, ca or sg.
	Region string `json:"region,omitempty"`
	// ClientID is the id of a worker application with the role Identity Data Read Only.
	ClientID string `json:"clientId,omitempty"`
	// ClientSecret is a reference to its secret, env:NAME or file:PATH.
	ClientSecret string `json:"clientSecret,omitempty"`
	// Populations are the ids of the populations whose people are read. Default all.
	Populations []string `json:"populations,omitempty"`
	// Filter is a SCIM filter that PingOne evaluates, as in 'department eq "Sales"'. Default none.
	Filter string `json:"filter,omitempty"`
}

// domains are the top-level domains of the regions.
// https://docs.pingidentity.com/pingone/developer_tools/p1_ip_address_domain_reference.html
var domains = map[string]string{"na": "com", "eu": "eu", "ap": "asia", "au": "com.au", "ca": "ca", "sg": "sg"}

// uuid is what PingOne's ids look like.
var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Store is the key of PingOne.
func (s *Settings) Store() string { return Store.Key }

// Resolve does nothing: a reference to a secret is absolute or a variable's name.
func (s *Settings) Resolve(string) {}

// Check reports what is wrong with the settings by themselves.
func (s *Settings) Check(r source.Report) {
	e := s.PingOne
	if !uuid.MatchString(e.EnvironmentID) {
		r.Problem("pingone.environmentId", "it is no id of an environment; copy it from the environment's properties in PingOne")
	}
	if _, ok := domains[strings.ToLower(e.Region)]; !ok {
		r.Problem("pingone.region", "there is no such region; write na, eu, ap, au, ca or sg")
	}
	if !uuid.MatchString(e.ClientID) {
		r.Problem("pingone.clientId", "it is no id of an application; copy the client id of a worker application")
	}
	if name, ok := strings.CutPrefix(e.ClientSecret, secret.EnvScheme); (!ok || !secret.VariableName.MatchString(name)) && !strings.HasPrefix(e.ClientSecret, secret.FileScheme) {
		r.Problem("pingone.clientSecret", "this is no reference; write env:NAME or file:PATH, never the secret itself")
	}
	for _, p := range e.Populations {
		if !uuid.MatchString(p) {
			r.Problem("pingone.populations", "not all of them are ids of populations; write ids, as in [4d1e2f3a-…]")
			break
		}
	}
	if strings.ContainsAny(e.Filter, "\n\r") || !closed(e.Filter) {
		r.Problem("pingone.filter", `it is no SCIM filter; write one, as in 'department eq "Sales"'`)
	}
}

// closed reports that quotes and parentheses of a filter end, and that none ends before it begins: populations and filter are joined with
// parentheses around the filter, which `a) or (b` would leave.
func closed(filter string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(filter); i++ {
		switch c := filter[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return false
			}
		}
	}
	return depth == 0 && !quoted
}

// Expressions are none: PingOne's own filter takes their place.
func (s *Settings) Expressions() []source.Expression { return nil }

// Identity is the environment.
func (s *Settings) Identity() []source.Fact {
	return []source.Fact{{Key: "pingone.environmentId", Value: strings.ToLower(s.PingOne.EnvironmentID)}}
}

// Key tells apart what gives other records.
func (s *Settings) Key() string {
	full := *s
	full.PingOne.Populations = slices.Sorted(slices.Values(full.PingOne.Populations))
	text, err := json.Marshal(full)
	if err != nil {
		// Texts and lists of texts can always be written.
		panic(err)
	}
	return string(text)
}

// Tag is the environment's.
func (s *Settings) Tag() string {
	return source.TagOf("pingone " + strings.ToLower(s.PingOne.EnvironmentID))
}

// Place is the environment.
func (s *Settings) Place() string { return s.PingOne.place() }

func (e Environment) place() string {
	return "PingOne environment " + cmp.Or(e.EnvironmentID, "without an id")
}

// scope is the filter for listings: populations and filter together; "" for everybody.
func (e Environment) scope() string {
	var of []string
	for _, p := range slices.Sorted(slices.Values(e.Populations)) {
		of = append(of, `population.id eq "`+p+`"`)
	}
	populations := strings.Join(of, " or ")
	switch {
	case populations == "":
		return e.Filter
	case e.Filter == "":
		return populations
	}
	return "(" + populations + ") and (" + e.Filter + ")"
}
