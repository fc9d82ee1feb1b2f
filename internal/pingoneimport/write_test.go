package pingoneimport_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping/field"
	"github.com/entraflow/entraflow/internal/pingoneimport"
	"github.com/entraflow/entraflow/internal/pingonesim"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/pingone"
)

// read reads the provisioning of a simulated environment.
func read(t *testing.T, change func(*pingonesim.Options)) (*pingone.Provisioning, pingone.Environment, error) {
	t.Helper()
	o, err := pingonesim.LoadOptions(filepath.Join("..", "..", "examples", "pingone", "environment.yaml"))
	require.NoError(t, err)
	change(&o)
	s, err := pingonesim.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.pem"), s.Certificate, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(o.ClientSecret), 0o600))
	e := pingone.Environment{EnvironmentID: o.EnvironmentID, Region: "eu", ClientID: o.ClientID, ClientSecret: "file:" + filepath.Join(dir, "secret")}
	p, err := pingone.ReadProvisioning(t.Context(), source.Environment{Now: time.Now, Setting: func(name string) string {
		return map[string]string{"ENTRAFLOW_PINGONE_API_ENDPOINT": s.URL, "ENTRAFLOW_PINGONE_AUTH_ENDPOINT": s.URL,
			"ENTRAFLOW_PINGONE_CA": filepath.Join(dir, "ca.pem")}[name]
	}}, e)
	return p, e, err
}

// load is what entraflow reads from the file that was made.
func load(t *testing.T, made *pingoneimport.File) *config.Connection {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.yaml")
	require.NoError(t, os.WriteFile(path, []byte(made.Text), 0o600))
	c, err := config.Load(path)
	require.NoError(t, err, made.Text)
	return c
}

func TestTheProvisioningOfAnEnvironmentBecomesAConfiguration(t *testing.T) {
	t.Parallel()
	p, e, err := read(t, func(*pingonesim.Options) {})
	require.NoError(t, err)
	targets := pingoneimport.Targets(p)
	require.Len(t, targets, 1)
	made := pingoneimport.Make(p, targets[0], e)
	c := load(t, made)

	require.Equal(t, "northwind-365", c.Name)
	require.Equal(t, "7d2b4c61-9e0f-4a83-b5d2-6c1e3f8a9b70", c.TenantID)
	require.Equal(t, "disable", c.Preferences.RemoveAction)
	require.Len(t, c.Rules, 1)
	r := c.Rules[0]
	require.False(t, r.Enabled)
	require.Equal(t, []string{"4d1e2f3a-0000-4000-8000-00000000000a"}, r.Source.Settings.(*pingone.Settings).PingOne.Populations)
	require.Equal(t, `user.department == "Facilities" ? "" : "SPE_E3"`, r.Mappings["skuId"].Expression)
	require.Equal(t, "GB", r.Mappings["usageLocation"].Value)
	require.Equal(t, field.Spec{Expression: "randomPassword(24)"}, r.Mappings["password"])
	require.NotContains(t, made.Text, "Start-", "PingOne's password is not in the file")
	require.NotContains(t, made.Text, "***")
	require.Equal(t, []config.Group{{Source: "9e000000-0000-4000-8000-000000000001"}}, r.Groups)
	require.Len(t, made.Left, 3)
	for _, place := range []string{"staff, employeeType", "staff, pingSourceDN", "staff, password"} {
		require.Contains(t, strings.Join(made.Left, "\n"), place)
	}
	require.Equal(t, len(made.Left), strings.Count(made.Text, "# not carried over"), "each has a comment")
}

func TestWhateverStandsInPingOneTheFileCanBeRead(t *testing.T) {
	t.Parallel()
	rule := func(name, filter string) pingonesim.Object {
		return pingonesim.Object{"id": name, "name": name, "targetStore": map[string]any{"id": "s"}, "populationExpression": filter}
	}
	mapped := func(rule, to, expression string) pingonesim.Object {
		return pingonesim.Object{"rule": map[string]any{"id": rule}, "targetAttribute": to, "expression": expression}
	}
	p, e, err := read(t, func(o *pingonesim.Options) {
		o.Propagation = pingonesim.Propagation{
			Stores: []pingonesim.Object{{"id": "s", "name": "Größe: #1\n'x'", "type": pingoneimport.EntraType, "managed": true, "configuration": map[string]any{
				"TenantDomain": "contoso.com", "ClientId": "5e8f1a2b-3c4d-4e6f-8a91-b2c3d4e5f607", "ClientSecret": "clear-text-secret", "REMOVE_ACTION": "Delete", "CREATE_USERS": "false"}}},
			Rules: []pingonesim.Object{rule("Staff", "population.id pr"), rule("staff", `department eq "It's" and email co "@x"`), rule("'\n", `updatedAt gt "2020"`),
				rule("d", `title co "x"`), rule("e", `title eq "not ne x"`)},
			Mappings: []pingonesim.Object{
				mapped("Staff", "userPrincipalName", "'fixed\nname'"), mapped("Staff", "jobTitle", "'it''s'"), mapped("Staff", "jobTitle", "title"),
				mapped("Staff", "Evil\n  - key", "#x\n: y"), mapped("Staff", "password", "'Clear-Text-1'"), mapped("Staff", "DefaultPassword", "'Clear-Text-2'"),
				mapped("Staff", "usageLocation", "'UNITED'"), mapped("Staff", "accountEnabled", "enabled"), mapped("Staff", "resetPassword", "false"),
				{"rule": map[string]any{"id": "Staff"}, "targetAttribute": "city", "sourceAttribute": "address.locality"},
				{"rule": map[string]any{"id": "Staff"}, "targetAttribute": "state", "sourceAttribute": "${a b}"},
				{"rule": map[string]any{"id": "Staff"}, "targetAttribute": "displayName", "sourceAttribute": "name", "attributeMappingType": "groupAttributeMapping"},
			},
		}
	})
	require.NoError(t, err)
	made := pingoneimport.Make(p, pingoneimport.Targets(p)[0], e)
	c := load(t, made)
	require.NotContains(t, strings.ToLower(made.Text), "clear-text")
	require.Equal(t, "delete", c.Preferences.RemoveAction)
	require.False(t, c.Preferences.AllowCreate)
	require.True(t, c.Preferences.DeprovisionOnRuleDeletion)
	require.Equal(t, []string{"staff", "staff-2", "imported", "d", "e"}, made.Rules)
	filter := func(i int) string { return c.Rules[i].Source.Settings.(*pingone.Settings).PingOne.Filter }
	require.Empty(t, filter(0))
	require.Equal(t, `department eq "It's" and email co "@x"`, filter(1))
	require.Equal(t, `username eq "-nobody-"`, filter(2), "a filter that cannot be carried over includes nobody, not everybody")
	require.Equal(t, `username eq "-nobody-"`, filter(3))
	require.Equal(t, `title eq "not ne x"`, filter(4))
	require.Equal(t, "it's", c.Rules[0].Mappings["jobTitle"].Value)
	require.Equal(t, "user.address.locality", c.Rules[0].Mappings["city"].Expression)
	require.Equal(t, false, c.Rules[0].Mappings["resetPassword"].Value)
}

func TestAnApplicationWithoutTheRoleIsToldSo(t *testing.T) {
	t.Parallel()
	_, _, err := read(t, func(o *pingonesim.Options) { o.NoPropagation = true })
	require.True(t, fault.Is(err, fault.SourceAccessDenied), "%v", err)
}
