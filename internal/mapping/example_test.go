package mapping_test

import (
	"fmt"

	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/mapping/field"
	"github.com/entraflow/entraflow/internal/source"
)

// A rule is compiled against the columns of its source, and then asked about people.
func ExampleCompile() {
	columns := source.Columns{Names: []string{"username", "givenName", "surname", "department", "country"}}
	program, problems := mapping.Compile(mapping.Rule{
		Filter: `user.department != "Contractors"`,
		Mappings: map[string]field.Spec{
			"userPrincipalName": {Expression: `lower(normalize(user.username)) + "@contoso.com"`},
			"displayName":       {Expression: `user.givenName + " " + user.surname`},
			"usageLocation":     {Expression: `lookup("countries", user.country, "US")`},
			"companyName":       {Value: "Contoso"},
		},
		Tables: map[string]map[string]string{"countries": {"Norway": "NO"}},
	}, columns)
	if len(problems) > 0 {
		fmt.Println(problems)
		return
	}
	bjorn := source.Record{ID: "7", Enabled: true, Fields: map[string]any{
		"username": "Bjørn", "givenName": "Bjørn", "surname": "Lie", "department": "Sales", "country": "Norway",
	}}
	in, _ := program.InScope(bjorn)
	desired, _ := program.Evaluate(bjorn)
	fmt.Println(in, desired.UserPrincipalName, desired.Attributes["displayName"], desired.Attributes["usageLocation"])
	// Output: true bjorn@contoso.com Bjørn Lie NO
}

// All that is wrong with a rule comes back at once, each problem with its place in the expression.
func ExampleCompile_problems() {
	_, problems := mapping.Compile(mapping.Rule{Mappings: map[string]field.Spec{
		"userPrincipalName": {Expression: `user.usrname + "@contoso.com"`},
		"displayName":       {Expression: `user.username.toLower()`},
	}}, source.Columns{Names: []string{"username"}})
	for _, p := range problems {
		fmt.Printf("%s, character %d: %s\n", p.Key, p.Offset+1, p.Message)
	}
	// Output:
	// userPrincipalName, character 5: the source has no column "usrname"; did you mean user.username?
	// displayName, character 22: the function "toLower" is not known; write lower(s)
}
