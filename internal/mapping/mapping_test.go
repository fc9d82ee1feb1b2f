package mapping_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/mapping/field"
	"github.com/entraflow/entraflow/internal/source"
)

var (
	csvColumns  = source.Columns{Names: []string{"id", "username", "givenName", "surname", "department", "country", "license", "active", "phone"}}
	jsonColumns = source.Columns{Names: []string{"id", "username", "givenName", "active", "licenses", "phones", "mails", "level"}, Typed: true}
)

func cel(s string) field.Spec      { return field.Spec{Expression: s} }
func constant(v any) field.Spec    { return field.Spec{Value: v} }
func secret(ref string) field.Spec { return field.Spec{Secret: ref} }

func staff() mapping.Rule {
	return mapping.Rule{
		Filter: `user.department != "Contractors"`,
		Mappings: map[string]field.Spec{
			"userPrincipalName": cel(`normalize(user.username).lowerAscii() + "@contoso.com"`),
			"displayName":       cel(`user.givenName + " " + user.surname`),
			"mailNickname":      cel(`user.username`),
			"usageLocation":     cel(`user.country`),
			"password":          cel(`randomPassword(24)`),
		},
	}
}

func ann() source.Record {
	return source.Record{ID: "1", Enabled: true, Fields: map[string]any{"id": "1", "username": "Ann", "givenName": " Ann", "surname": "Lee ",
		"department": "Sales", "country": "us", "license": "", "active": "yes", "phone": ""}}
}

func bob() source.Record {
	return source.Record{ID: "2", Enabled: true, Fields: map[string]any{"id": "2", "username": "bob", "givenName": "Bob", "active": true,
		"licenses": []any{"SPE_E3", "EMS", "ems"}, "phones": []any{"+1 555"}, "mails": []any{"b@x.test", "bob@x.test"}, "level": int64(3)}}
}

// with returns the staff rule with one mapping set.
func with(attribute string, m field.Spec) mapping.Rule {
	r := staff()
	r.Mappings[attribute] = m
	return r
}

// checked are the problems of a rule whose source was not opened.
func checked(rule mapping.Rule) []mapping.Problem {
	problems, _ := mapping.Check(rule)
	return problems
}

func compile(t *testing.T, rule mapping.Rule, columns source.Columns) *mapping.Program {
	t.Helper()
	p, problems := mapping.Compile(rule, columns)
	require.Empty(t, problems)
	require.Empty(t, checked(rule))
	return p
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	p := compile(t, staff(), csvColumns)
	in, err := p.InScope(ann())
	require.NoError(t, err)
	require.True(t, in)
	names, err := p.SignInNames(ann())
	require.NoError(t, err)
	require.Equal(t, []string{"ann@contoso.com"}, names)
	require.False(t, p.ChoosesName())

	d, err := p.Evaluate(ann())
	require.NoError(t, err)
	require.Equal(t, mapping.Desired{
		UserPrincipalName: "ann@contoso.com", AccountEnabled: true, ResetPassword: true,
		Attributes: map[string]string{"displayName": "Ann Lee", "mailNickname": "Ann", "usageLocation": "US"},
	}, d)
	require.Equal(t, []string{"userPrincipalName", "displayName", "mailNickname", "password", "usageLocation"}, p.Attributes())
	require.Equal(t, []string{"country", "department", "givenName", "surname", "username"}, p.Columns())
}

func TestEvaluateManager(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mapping field.Spec
		mapped  bool
		want    string
	}{
		"not mapped": {},
		"source id":  {cel(`user.department == "Sales" ? " M7 " : ""`), true, "M7"},
		"empty":      {cel(`user.phone`), true, ""},
		"name":       {cel(`user.username + ".boss@contoso.com"`), true, "Ann.boss@contoso.com"},
		"constant":   {constant("ceo@contoso.com"), true, "ceo@contoso.com"},
	} {
		rule := staff()
		if test.mapped {
			rule.Mappings["Manager"] = test.mapping
		}
		p := compile(t, rule, csvColumns)
		d, err := p.Evaluate(ann())
		require.NoError(t, err, name)
		require.Equal(t, test.mapped, d.ManagerMapped, name)
		require.Equal(t, test.want, d.Manager, name)
		require.NotContains(t, d.Attributes, directory.Manager, name)
	}
	_, problems := mapping.Compile(with("manager", cel(`user.boss`)), csvColumns)
	require.Len(t, problems, 1)
	require.Equal(t, "manager", problems[0].Key)
}

func TestEvaluateOneAttribute(t *testing.T) {
	t.Parallel()
	sep := directory.ListSeparator
	tests := []struct {
		attribute string
		mapping   field.Spec
		typed     bool
		want      any
	}{
		{"usageLocation", constant(" no "), false, "NO"},
		{"usageLocation", cel(`"de"`), false, "DE"},
		{"jobTitle", constant(""), false, ""},
		{"jobTitle", cel(`user.phone`), false, ""},
		{"employeeId", cel(`user.level`), true, "3"},
		{"employeeId", cel(`user.level * 2`), true, "6"},
		{"businessPhones", cel(`user.phone`), false, ""},
		{"businessPhones", cel(`user.phones`), true, "+1 555"},
		{"businessPhones", constant([]any{"+1 777"}), false, "+1 777"},
		{"otherMails", cel(`user.mails`), true, "b@x.test" + sep + "bob@x.test"},
		{"otherMails", constant([]string{"a@x.test", "b@x.test"}), false, "a@x.test" + sep + "b@x.test"},
		{"otherMails", cel(`"a@x.test;b@x.test".split(";")`), false, "a@x.test" + sep + "b@x.test"},
		{"telephoneNumber", cel(`"+1"`), false, "+1"},
		{"accountEnabled", cel(`user.active`), false, true},
		{"accountEnabled", cel(`user.active`), true, true},
		{"accountEnabled", cel(`user.active != "yes"`), false, false},
		{"accountEnabled", cel(`user.level - 3`), true, false},
		{"accountEnabled", constant(false), false, false},
		{"accountEnabled", constant("No"), false, false},
		{"accountEnabled", cel(`"0"`), false, false},
		{"resetPassword", constant(false), false, false},
		{"resetPassword", cel(`"1"`), false, true},
		{"skuId", cel(`user.license`), false, []string(nil)},
		{"skuId", cel(`user.licenses`), true, []string{"SPE_E3", "EMS"}},
		{"skuId", constant("a, b;c|d,,A"), false, []string{"a", "b", "c", "d"}},
		{"skuId", constant([]any{"a", "b"}), false, []string{"a", "b"}},
		{"skuId", cel(`user.department == "Sales" ? ["E3"] : []`), false, []string{"E3"}},
		{"disabledPlans", constant("YAMMER, SWAY"), false, []string{"YAMMER", "SWAY"}},
	}
	for _, test := range tests {
		rule, columns, person := with(test.attribute, test.mapping), csvColumns, ann()
		if test.typed {
			rule.Filter, columns, person = "", jsonColumns, bob()
			rule.Mappings["displayName"], rule.Mappings["usageLocation"] = cel(`user.givenName`), constant("US")
		}
		p := compile(t, rule, columns)
		d, err := p.Evaluate(person)
		require.NoError(t, err, "%s %v", test.attribute, test.mapping)
		a, _ := directory.FindAttribute(test.attribute)
		switch want := test.want.(type) {
		case string:
			require.Equal(t, want, d.Attributes[a.Name], "%s %v", test.attribute, test.mapping)
			require.Contains(t, d.Attributes, a.Name)
		case bool:
			got := map[string]bool{"accountEnabled": d.AccountEnabled, "resetPassword": d.ResetPassword}[a.Name]
			require.Equal(t, want, got, "%s %v", test.attribute, test.mapping)
			require.NotContains(t, d.Attributes, a.Name)
		case []string:
			got := map[string][]string{"skuId": d.SKUs, "disabledPlans": d.DisabledPlans}[a.Name]
			require.Equal(t, want, got, "%s %v", test.attribute, test.mapping)
			require.Equal(t, a.Name == "skuId", d.SKUMapped)
			require.Equal(t, a.Name == "disabledPlans", d.DisabledPlansMapped)
			require.NotContains(t, d.Attributes, a.Name)
		}
	}
}

func TestEvaluateFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		attribute string
		mapping   field.Spec
		reason    fault.Reason
	}{
		{"userPrincipalName", cel(`user.username + "@con toso.com"`), fault.UPNInvalid},
		{"userPrincipalName", cel(`user.phone`), fault.AttributeRequired},
		{"userPrincipalName", cel(`user.username.split("@")[1]`), fault.MappingFailed},
		{"displayName", cel(`user.phone`), fault.AttributeRequired},
		{"mailNickname", cel(`user.surname + user.surname`), fault.AttributeInvalid},
		{"usageLocation", cel(`user.surname`), fault.UsageLocationInvalid},
		{"employeeId", cel(`user.surname + "12345678901234"`), fault.AttributeTooLong},
		{"accountEnabled", cel(`user.department`), fault.MappingFailed},
		{"accountEnabled", cel(`user.phone`), fault.MappingFailed},
		{"resetPassword", cel(`user.department`), fault.MappingFailed},
		{"jobTitle", cel(`string(int(user.surname))`), fault.MappingFailed},
		{"businessPhones", cel(`user.department.split("a")`), fault.AttributeInvalid},
		{"skuId", cel(`user.department.split("a")[7]`), fault.MappingFailed},
		{"disabledPlans", cel(`user.department.split("a")[7]`), fault.MappingFailed},
		{"onPremisesImmutableId", cel(`user.username + "_1"`), fault.AttributeInvalid},
	}
	for _, test := range tests {
		p := compile(t, with(test.attribute, test.mapping), csvColumns)
		d, err := p.Evaluate(ann())
		require.Error(t, err, test.attribute)
		f := fault.Of(err)
		require.Equal(t, test.reason, f.Reason, test.attribute)
		require.Equal(t, fault.Invalid, f.Kind)
		attribute, _, _ := strings.Cut(f.Subject, ", ")
		require.Equal(t, test.attribute, attribute)
		require.NotContains(t, f.Message(), "Lee", "a value never stands in what is stored")
		require.Empty(t, d, "half an account is no account")
	}
}

func TestEmptyValues(t *testing.T) {
	t.Parallel()
	rule := staff()
	rule.Mappings["jobTitle"] = field.Spec{Expression: "user.phone", WhenEmpty: field.Leave}
	rule.Mappings["mobilePhone"] = field.Spec{Expression: "user.phone", WhenEmpty: field.Clear}
	rule.Mappings["city"] = field.Spec{Expression: `" " + user.phone`, Default: "Oslo"}
	rule.Mappings["displayName"] = field.Spec{Expression: "user.phone", Default: "New colleague"}
	rule.Mappings["otherMails"] = field.Spec{Expression: `user.phone.split(",")`, Default: []any{"a@x.test", "b@x.test"}}
	rule.Mappings["skuId"] = field.Spec{Expression: "user.license", Default: "SPE_E3"}
	p := compile(t, rule, csvColumns)
	d, err := p.Evaluate(ann())
	require.NoError(t, err)
	require.NotContains(t, d.Attributes, "jobTitle", "an empty value that says nothing")
	require.Equal(t, "", d.Attributes["mobilePhone"])
	require.Contains(t, d.Attributes, "mobilePhone", "an empty value that clears")
	require.Equal(t, "Oslo", d.Attributes["city"])
	require.Equal(t, "New colleague", d.Attributes["displayName"])
	require.Equal(t, "a@x.test\x1fb@x.test", strings.ReplaceAll(d.Attributes["otherMails"], directory.ListSeparator, "\x1f"))
	require.Equal(t, []string{"SPE_E3"}, d.SKUs)

	filled := ann()
	filled.Fields["phone"], filled.Fields["license"] = "5", "EMS"
	d, err = p.Evaluate(filled)
	require.NoError(t, err)
	require.Equal(t, "5", d.Attributes["jobTitle"])
	require.Equal(t, "5", d.Attributes["city"])
	require.Equal(t, []string{"EMS"}, d.SKUs)

	problems := checked(with("displayName", field.Spec{Expression: "user.phone", WhenEmpty: field.Leave}))
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "write a default")
}

func TestFilter(t *testing.T) {
	t.Parallel()
	contractor := ann()
	contractor.Fields["department"] = "Contractors"
	p := compile(t, staff(), csvColumns)
	in, err := p.InScope(contractor)
	require.NoError(t, err)
	require.False(t, in)

	everyone := staff()
	everyone.Filter = ""
	in, err = compile(t, everyone, csvColumns).InScope(contractor)
	require.NoError(t, err)
	require.True(t, in)

	failing := staff()
	failing.Filter = `int(user.department) > 3`
	_, err = compile(t, failing, csvColumns).InScope(ann())
	require.Equal(t, fault.FilterFailed, fault.Of(err).Reason)
	require.Equal(t, fault.Invalid, fault.Of(err).Kind)
	require.Equal(t, "filter, character 4: the value cannot be converted", fault.Of(err).Subject)
	require.NotContains(t, fault.Of(err).Message(), "Sales")

	typed := mapping.Rule{Filter: `user.level`, Mappings: map[string]field.Spec{}}
	_, err = compile(t, typed, jsonColumns).InScope(bob())
	require.True(t, fault.Is(err, fault.FilterFailed), "a filter that gives neither true nor false lets nobody in or out")
}

func TestPassword(t *testing.T) {
	t.Parallel()
	noSecret := func(string) (string, error) { panic("no secret is asked for") }
	p := compile(t, staff(), csvColumns)
	first, err := p.Password(ann(), rand.Reader, noSecret)
	require.NoError(t, err)
	require.Len(t, first, 24)
	second, err := p.Password(ann(), rand.Reader, noSecret)
	require.NoError(t, err)
	require.NotEqual(t, first, second)

	_, err = p.Password(ann(), bytes.NewReader(nil), noSecret)
	require.True(t, fault.Is(err, fault.MappingFailed))
	_, err = p.Password(ann(), nil, noSecret)
	require.True(t, fault.Is(err, fault.MappingFailed))

	p = compile(t, with("password", secret("env:START")), csvColumns)
	got, err := p.Password(ann(), nil, func(ref string) (string, error) { return ref + "-Aa1", nil })
	require.NoError(t, err)
	require.Equal(t, "env:START-Aa1", got)
	_, err = p.Password(ann(), nil, func(string) (string, error) { return "weak", nil })
	require.True(t, fault.Is(err, fault.PasswordRejected))
	gone := errors.New("gone")
	_, err = p.Password(ann(), nil, func(string) (string, error) { return "", gone })
	require.ErrorIs(t, err, gone)

	p = compile(t, with("password", cel(`user.username`)), csvColumns)
	_, err = p.Password(ann(), nil, noSecret)
	require.True(t, fault.Is(err, fault.PasswordRejected))
	require.Equal(t, "password", fault.Of(err).Subject)

	without := staff()
	delete(without.Mappings, "password")
	_, err = compile(t, without, csvColumns).Password(ann(), rand.Reader, noSecret)
	require.True(t, fault.Is(err, fault.AttributeRequired))
}

// The plan evaluates every person at each sync; it must never draw a password.
func TestEvaluateMakesNoPassword(t *testing.T) {
	t.Parallel()
	rule := with("password", cel(`randomPassword(int(user.surname))`))
	p := compile(t, rule, csvColumns)
	d, err := p.Evaluate(ann())
	require.NoError(t, err)
	require.NotContains(t, d.Attributes, "password")
}

func TestWithoutSignInName(t *testing.T) {
	t.Parallel()
	p := compile(t, mapping.Rule{}, csvColumns)
	_, err := p.SignInNames(ann())
	require.True(t, fault.Is(err, fault.AttributeRequired))
	_, err = p.Evaluate(ann())
	require.True(t, fault.Is(err, fault.AttributeRequired))
}

func TestCompileProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		rule    mapping.Rule
		key     string
		message string
		// columns: found only when the source's columns are known.
		columns bool
	}{
		{"unknown column", with("jobTitle", cel(`user.jobTitle`)), "jobTitle", "no column", true},
		{"unknown attribute", with("jobtitel", cel(`user.surname`)), "jobtitel", `did you mean "jobTitle"?`, false},
		{"one sign-in name for all", with("userPrincipalName", constant("a@contoso.com")), "userPrincipalName", "must be different for each person", false},
		{"one sign-in name for all, computed", with("userPrincipalName", cel(`"a@contoso.com"`)), "userPrincipalName", "must be different for each person", false},
		{"one immutable id for all", with("immutableid", constant("x")), "onPremisesImmutableId", "must be different for each person", false},
		{"UK", with("usageLocation", constant("UK")), "usageLocation", "such as US or GB", false},
		{"UK, computed", with("usageLocation", cel(`"UK"`)), "usageLocation", "such as US or GB", false},
		{"empty display name", with("displayName", constant(" ")), "displayName", "write an expression over user", false},
		{"too long", with("employeeId", constant(strings.Repeat("1", 17))), "employeeId", "16 characters", false},
		{"nickname with a blank", with("mailNickname", constant("a b")), "mailNickname", "does not accept", false},
		{"two phones", with("businessPhones", constant([]string{"1", "2"})), "businessPhones", "give one value", false},
		{"list of numbers", with("otherMails", constant([]any{"a", 1})), "otherMails", "item 2 of the list", false},
		{"list for a text", with("jobTitle", constant([]string{"a"})), "jobTitle", "{value: text}", false},
		{"number for a text", with("employeeId", constant(7)), "employeeId", "put it in quotes", false},
		{"bool for a text", with("city", constant(true)), "city", "put it in quotes", false},
		{"text for a flag", with("accountEnabled", constant("maybe")), "accountEnabled", "{value: true}", false},
		{"number for a flag", with("accountEnabled", constant(1)), "accountEnabled", "{value: true}", false},
		{"text for a flag, computed", with("accountEnabled", cel(`"maybe"`)), "accountEnabled", "{value: true}", false},
		{"number for a license", with("skuId", constant(7)), "skuId", "put it in quotes", false},
		{"literal password", with("password", constant("Hunter2!")), "password", "randomPassword(24)", false},
		{"secret elsewhere", with("jobTitle", secret("env:X")), "jobTitle", "only password takes a secret", false},
		{"empty", with("jobTitle", field.Spec{}), "jobTitle", "is empty", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, problems := mapping.Compile(test.rule, csvColumns)
			require.Nil(t, p)
			require.Len(t, problems, 1)
			require.Equal(t, test.key, problems[0].Key)
			require.Contains(t, problems[0].Message, test.message)
			require.NotContains(t, problems[0].Message, "Hunter")
			if test.columns {
				require.Empty(t, checked(test.rule))
			} else {
				require.Equal(t, problems, checked(test.rule))
			}
		})
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	rule := with("immutableid", cel(`user.surname`))
	d, err := compile(t, rule, csvColumns).Evaluate(ann())
	require.NoError(t, err)
	require.Equal(t, "Lee", d.Attributes["onPremisesImmutableId"])

	rule.Mappings["onPremisesImmutableId"] = cel(`user.username`)
	_, problems := mapping.Compile(rule, csvColumns)
	require.Len(t, problems, 1)
	require.Equal(t, "onPremisesImmutableId", problems[0].Key)
	require.Contains(t, problems[0].Message, "remove one of the two")
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	rule := staff()
	rule.Filter = `user.departement`
	rule.Mappings["displayName"] = cel(`user.name`)
	rule.Mappings["shoeSize"] = cel(`user.surname`)
	rule.Mappings["city"] = cel(`user.city +`)
	_, problems := mapping.Compile(rule, csvColumns)
	var keys []string
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	require.Equal(t, []string{"filter", "displayName", "city", "shoeSize"}, keys)
}

func TestOneProgramServesManyGoroutines(t *testing.T) {
	t.Parallel()
	p := compile(t, staff(), csvColumns)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				d, err := p.Evaluate(ann())
				assert.NoError(t, err)
				assert.Equal(t, "Ann Lee", d.Attributes["displayName"])
			}
		})
	}
	group.Wait()
}

func BenchmarkEvaluate(b *testing.B) {
	rule := with("givenName", cel(`user.givenName`))
	for attribute, m := range map[string]field.Spec{
		"surname": cel(`user.surname`), "department": cel(`user.department`), "companyName": constant("Contoso"),
		"jobTitle":   cel(`user.department == "Sales" ? "Seller" : "Clerk"`),
		"skuId":      cel(`user.active == "yes" ? "SPE_E3" : ""`),
		"employeeId": cel(`user.id`), "accountEnabled": cel(`user.active == "yes"`),
	} {
		rule.Mappings[attribute] = m
	}
	p, problems := mapping.Compile(rule, csvColumns)
	require.Empty(b, problems)
	person := ann()
	b.ReportAllocs()
	for b.Loop() {
		if in, err := p.InScope(person); err != nil || !in {
			b.Fatal(in, err)
		}
		if _, err := p.Evaluate(person); err != nil {
			b.Fatal(err)
		}
	}
}

// A store that reads only what is asked for learns it from the expressions, and which columns must be lists.
func TestUses(t *testing.T) {
	t.Parallel()
	rule := with("skuId", cel(`"CN=E5,DC=corp" in user.memberOf ? "SPE_E5" : user.groups.exists(g, g == "x") ? "A" : user.kinds[0]`))
	rule.Mappings["jobTitle"] = cel(`user.titles.join(", ") + user["given name"]`)
	other := mapping.Rule{Filter: `user.active == "true" && user.id != ""`}
	broken := mapping.Rule{Filter: `user.broken ==`}
	use := mapping.Uses(rule, other, broken)
	require.Equal(t, []string{"active", "country", "department", "given name", "givenName", "groups", "id", "kinds", "memberOf", "surname", "titles", "username"}, use.Attributes)
	require.Equal(t, []string{"groups", "kinds", "memberOf", "titles"}, use.Lists)
}

// With several names the program chooses none of them, and the first stands in until one is chosen.
func TestSeveralSignInNames(t *testing.T) {
	t.Parallel()
	rule := staff()
	rule.Mappings["userPrincipalName"] = field.Spec{FirstFree: []string{`lower(user.username) + "@contoso.com"`, `lower(user.country) + "@contoso.com"`}}
	p := compile(t, rule, csvColumns)
	require.True(t, p.ChoosesName())
	d, err := p.Evaluate(ann())
	require.NoError(t, err)
	require.Equal(t, "ann@contoso.com", d.UserPrincipalName)
	require.Equal(t, []string{"ann@contoso.com", "us@contoso.com"}, d.Candidates)
	names, err := p.SignInNames(ann())
	require.NoError(t, err)
	require.Equal(t, d.Candidates, names)

	rule.Mappings["userPrincipalName"] = field.Spec{FirstFree: []string{`user.username + "@contoso.com"`, `user.usernam`}}
	_, problems := mapping.Compile(rule, csvColumns)
	require.Len(t, problems, 1)
	require.Equal(t, "userPrincipalName.firstFree[1]", problems[0].Key)
	problems, _ = mapping.CheckShape(rule)
	require.Empty(t, problems, "expressions are compiled elsewhere")
}

// Whoever looks on sees everything that is wrong with a person, and what is right.
func TestEvaluateAll(t *testing.T) {
	t.Parallel()
	rule := staff()
	rule.Mappings["mailNickname"] = field.Spec{Expression: `"a b" + user.username`}
	rule.Mappings["accountEnabled"] = field.Spec{Expression: `user.username`}
	rule.Mappings["skuId"] = field.Spec{Expression: `user.username`}
	d, failures := compile(t, rule, csvColumns).EvaluateAll(ann())
	require.Len(t, failures, 2)
	require.Equal(t, "mailNickname", failures[0].Attribute)
	require.True(t, fault.Is(failures[0].Err, fault.AttributeInvalid))
	require.Equal(t, "accountEnabled", failures[1].Attribute)
	require.Equal(t, "ann@contoso.com", d.UserPrincipalName)
	require.Equal(t, "Ann Lee", d.Attributes["displayName"])
	require.NotContains(t, d.Attributes, "mailNickname")
	require.Equal(t, []string{"Ann"}, d.SKUs)
}
