//go:build linux

package topology_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/simulator"
)

// clientID is that of examples/contoso.
const clientID = "0c5d7a3b-91e4-4f27-8a6d-2b3c4d5e6f70"

// expected is what the tenant must say of a person. It is worked out here from the files alone, by none of the code that
// provisions.
type expected struct {
	DisplayName, GivenName, Surname, JobTitle, Department, Office, Country string
	Enabled                                                                bool
	Licenses                                                               []string
}

// company is a copy of examples/contoso that changes with the test.
type company struct {
	t      *testing.T
	dir    string
	header []string
	staff  [][]string
}

// These five are refused, as examples/contoso/README.md says; they have no account with a link.
var refused = []string{"E10086", "E10202", "E10129", "E10147", "E10348"}

// The tenant has four Visio licenses for seven people.
const (
	scarce      = "VISIOCLIENT"
	scarceUnits = 4
)

func newCompany(t *testing.T) *company {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "examples", "contoso"))))
	f, err := os.Open(filepath.Join(dir, "people.csv"))
	require.NoError(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	rows, err := r.ReadAll()
	require.NoError(t, err)
	return &company{t: t, dir: dir, header: rows[0], staff: rows[1:]}
}

func (c *company) file(name string) string { return filepath.Join(c.dir, name) }

// cell is the value of a column in a row.
func (c *company) cell(row []string, column string) string {
	return row[slices.Index(c.header, column)]
}

func (c *company) set(row []string, column, value string) {
	row[slices.Index(c.header, column)] = value
}

// save replaces the file at once, so that nobody reads half of it.
func (c *company) save() {
	c.t.Helper()
	f, err := os.Create(c.file("people.csv.new"))
	require.NoError(c.t, err)
	w := csv.NewWriter(f)
	w.Comma = ';'
	require.NoError(c.t, w.WriteAll(append([][]string{c.header}, c.staff...)))
	require.NoError(c.t, f.Close())
	require.NoError(c.t, os.Rename(c.file("people.csv.new"), c.file("people.csv")))
}

// move gives everybody another office, which is one write for each account.
func (c *company) move() {
	for _, row := range c.staff {
		c.set(row, "office", strings.TrimSpace("New "+c.cell(row, "office")))
	}
}

// hire adds a person after every nth, so that joiners come all through the sync, which goes by id.
func (c *company) hire(every int) (joined int) {
	var staff [][]string
	for i, row := range c.staff {
		staff = append(staff, row)
		if i%every != 0 {
			continue
		}
		joined++
		joiner := make([]string, len(c.header))
		for column, value := range map[string]string{
			"id": c.cell(row, "id") + "J", "enabled": "yes", "givenName": "Joiner", "surname": "Number" + strconv.Itoa(i),
			"department": "Sales", "jobTitle": "Trainee", "employment": "Apprentice", "office": "Utrecht", "country": "NL",
			"licenses": "POWER_BI_STANDARD",
		} {
			c.set(joiner, column, value)
		}
		staff = append(staff, joiner)
	}
	c.staff = staff
	return joined
}

// people are all who must have an account, by link.
func (c *company) people() map[string]expected {
	out := map[string]expected{}
	for _, row := range c.staff {
		get := func(column string) string { return c.cell(row, column) }
		if slices.Contains(refused, get("id")) || get("employment") == "Board" {
			continue
		}
		first := get("preferredName")
		if first == "" {
			first = get("givenName")
		}
		p := expected{
			DisplayName: first + " " + get("surname"), GivenName: get("givenName"), Surname: get("surname"), JobTitle: get("jobTitle"),
			Department: get("department"), Office: get("office"), Country: get("country"), Enabled: get("enabled") == "yes",
		}
		if get("licenses") != "" {
			p.Licenses = strings.Split(get("licenses"), "+")
			slices.Sort(p.Licenses)
		}
		out["contoso/staff/"+get("id")] = p
	}
	for link, p := range c.contractors() {
		out[link] = p
	}
	return out
}

func (c *company) contractors() map[string]expected {
	b, err := os.ReadFile(c.file("contractors.json"))
	require.NoError(c.t, err)
	var list []struct {
		ID, Agency, Role, Country string
		Enabled, Account          bool
		Name                      struct{ Given, Family string }
		Licenses                  []string
	}
	require.NoError(c.t, json.Unmarshal(b, &list))
	out := map[string]expected{}
	for _, p := range list {
		if !p.Account {
			continue
		}
		slices.Sort(p.Licenses)
		out["contoso/contractors/"+p.ID] = expected{
			DisplayName: strings.TrimSpace(p.Name.Given+" "+p.Name.Family) + " (" + p.Agency + ")", GivenName: p.Name.Given,
			Surname: p.Name.Family, JobTitle: p.Role, Department: "External", Country: p.Country, Enabled: p.Enabled, Licenses: p.Licenses,
		}
	}
	return out
}

// verify compares the whole tenant with what is expected: an account for each link, each right, none twice, none besides,
// and the accounts of nobody untouched.
func (c *company) verify(before, now simulator.State) {
	c.t.Helper()
	tenant := now.Tenants[0]
	require.Empty(c.t, tenant.DeletedUsers)
	property := graph.ExtensionName(clientID, graph.LinkProperty)
	found := map[string]expected{}
	var unlinked []simulator.UserState
	visio := 0
	for _, u := range tenant.Users {
		link, linked := u.Properties[property].(string)
		if !linked {
			unlinked = append(unlinked, u)
			continue
		}
		require.NotContains(c.t, found, link, "two accounts for one person")
		p := actual(u)
		if slices.Contains(p.Licenses, scarce) {
			visio++
		}
		found[link] = p
	}
	wanted := c.people()
	require.Equal(c.t, scarceUnits, visio, "as many as the tenant has")
	for link, p := range wanted {
		// Who of the seven gets one of the four is not ours to say.
		if !slices.Contains(found[link].Licenses, scarce) {
			p.Licenses = slices.DeleteFunc(p.Licenses, func(l string) bool { return l == scarce })
			wanted[link] = p
		}
	}
	require.Len(c.t, found, len(wanted))
	for link, p := range wanted {
		if len(p.Licenses) == 0 {
			p.Licenses = nil
		}
		require.Equal(c.t, p, found[link], link)
	}
	for _, u := range unlinked {
		require.Equal(c.t, *before.Tenants[0].User(u.ID), u, "an account of nobody was touched, or one was made without a link")
	}
}

// actual puts an account into the words of the files. Licenses that come from a group are none of ours.
func actual(u simulator.UserState) expected {
	text := func(name string) string { s, _ := u.Properties[name].(string); return s }
	p := expected{
		DisplayName: text(directory.DisplayName), GivenName: text("givenName"), Surname: text("surname"), JobTitle: text("jobTitle"),
		Department: text("department"), Office: text("officeLocation"), Country: text(directory.UsageLocation), Enabled: u.AccountEnabled,
	}
	for _, l := range u.Licenses {
		if l.Group == "" {
			p.Licenses = append(p.Licenses, l.SkuPartNumber)
		}
	}
	slices.Sort(p.Licenses)
	return p
}
