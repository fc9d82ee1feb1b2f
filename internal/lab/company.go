package lab

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/simulator"
	"github.com/entraflow/entraflow/internal/source/file"
)

// Header is the first line of people.csv.
const Header = "id,username,given,family,country,license,enabled,department"

// RuleName is the one rule of a connection of the lab.
const RuleName = "staff"

// Connection is a connection to the simulator with one rule on people.csv in dir, and its secret in secret.txt there. Change it as needed.
func Connection(name, dir string) config.Connection {
	return config.Connection{
		Name: name, TenantID: simulator.DefaultTenantID, ClientID: simulator.DefaultClientID,
		ClientSecret: "file:" + filepath.Join(dir, "secret.txt"), Cloud: config.CloudSimulator,
		Preferences: config.DefaultPreferences(),
		Rules: []config.Rule{{
			Name: RuleName, Enabled: true, Source: config.Source{Settings: file.At(filepath.Join(dir, "people.csv"))},
			Mappings: map[string]config.Mapping{
				directory.UserPrincipalName: {Expression: `user.username + "@contoso.com"`},
				directory.DisplayName:       {Expression: `user.given + " " + user.family`},
				directory.MailNickname:      {Expression: `user.username`},
				"givenName":                 {Expression: `user.given`},
				"surname":                   {Expression: `user.family`},
				"department":                {Expression: `user.department`},
				directory.UsageLocation:     {Expression: `user.country`},
				directory.Password:          {Expression: `randomPassword(24)`},
				directory.SkuID:             {Expression: `user.license`},
			},
		}},
	}
}

// WritePeople replaces people.csv in dir at once, as the documentation asks of whoever exports people.
func WritePeople(dir string, lines []string) error {
	path := filepath.Join(dir, "people.csv")
	if err := os.WriteFile(path+".new", []byte(Header+"\n"+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
