package expression_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/mapping/expression"
	"github.com/entraflow/entraflow/internal/source"
)

var (
	csv = expression.Scope{Known: true, Columns: source.Columns{
		Names: []string{"number", "active", "givenName", "surname", "department", "mail", "Given name", "cost-centre", "age"}}}
	json = expression.Scope{Known: true, Columns: source.Columns{
		Names: []string{"id", "enabled", "givenName", "surname", "age", "rate", "manager", "groups", "phones", "note"}, Typed: true, HasEnabled: true}}
	unknown = expression.Scope{}
)

func anna() *expression.Person {
	return &expression.Person{Text: true, Record: source.Record{ID: "7", Enabled: true, Fields: map[string]any{
		"number": "7", "active": "yes", "givenName": "Änne", "surname": "Łoß", "department": "Sales", "mail": "",
		"Given name": "Anna", "cost-centre": "12", "age": "41"}}}
}

func bert() *expression.Person {
	return &expression.Person{Record: source.Record{ID: "8", Enabled: false, Fields: map[string]any{
		"id": "8", "enabled": "off", "givenName": "Bert", "surname": "Berg", "age": int64(41), "rate": 0.5, "note": "",
		"manager": map[string]any{"name": "Cora", "tags": []any{"a"}}, "groups": []any{"eng", "ops"}, "phones": []any{}}}}
}

func TestText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scope      expression.Scope
		text, want string
	}{
		{csv, `user.givenName`, "Änne"},
		{csv, `user["Given name"]`, "Anna"},
		{csv, `.user.givenName`, "Änne"},
		{csv, `user.id`, "7"},
		{csv, `user.mail`, ""},
		{csv, `user.givenName + " " + user.surname`, "Änne Łoß"},
		{csv, `normalize(user.givenName + "." + user.surname).lowerAscii() + "@contoso.com"`, "anne.loss@contoso.com"},
		{csv, `base64(user.surname)`, "xYFvw58="},
		{csv, `has(user.mail) ? user.mail : "none"`, "none"},
		{csv, `has(user["Given name"]) ? "named" : "none"`, "named"},
		{csv, `int(user.age) + 1`, "42"},
		{csv, `user.department.substring(0, 3).upperAscii()`, "SAL"},
		{csv, `user.department.split("l")[0]`, "Sa"},
		{csv, `user.department.replace("a", "o")`, "Soles"},
		{csv, `"a" + "b"`, "ab"},
		{csv, `1 + 1`, "2"},
		{csv, `null`, ""},
		{json, `user.age`, "41"},
		{json, `user.age + 1`, "42"},
		{json, `user.rate`, "0.5"},
		{json, `user.rate * 1000000000.0`, "500000000"},
		{json, `user.age > 40`, "true"},
		{json, `user.manager.name`, "Cora"},
		{json, `has(user.manager.mail) ? user.manager.mail : ""`, ""},
		{json, `has(user.manager.name) ? user.manager.name : ""`, "Cora"},
		{json, `user.manager.mail`, ""},
		{json, `user.manager["mail"]`, ""},
		{json, `user.manager.address.city + "x"`, "x"},
		{json, `user.note.city`, ""},
		{json, `has(user.note.city) ? "n" : "-"`, "-"},
		{json, `has(user.manager.address.city) ? "n" : "-"`, "-"},
		{json, `[user.manager].filter(m, m.mail == "")[0].name`, "Cora"},
		{json, `(user.age > 1 ? user.manager : user.note).mail`, ""},
		{json, `has(user.note) ? "n" : "-"`, "-"},
		{json, `has(user.phones) ? "n" : "-"`, "-"},
		{json, `has(user.age) ? "n" : "-"`, "n"},
		{json, `user.groups.join(",")`, "eng,ops"},
		{json, `user.groups.filter(g, g != "ops")[0]`, "eng"},
		{json, `user.enabled`, "off"},
		{unknown, `user.givenName + string(user.age)`, "Bert41"},
	}
	for _, test := range tests {
		e, problems := expression.Compile(test.text, expression.Text, test.scope)
		require.Empty(t, problems, test.text)
		person := anna()
		if !test.scope.Known || test.scope.Columns.Typed {
			person = bert()
		}
		got, err := e.Text(person)
		require.NoError(t, err, test.text)
		require.Equal(t, test.want, got, test.text)
	}
}

func TestEnabledUnderAnotherName(t *testing.T) {
	t.Parallel()
	scope := csv
	scope.Columns.HasEnabled = true
	e, problems := expression.Compile(`user.enabled == "true"`, expression.Condition, scope)
	require.Empty(t, problems)
	in, err := e.Bool(anna())
	require.NoError(t, err)
	require.True(t, in)

	person := anna()
	person.Record.EnabledErr = errors.New("neither")
	_, err = e.Bool(person)
	require.Error(t, err)

	_, problems = expression.Compile(`user.enabled == "true"`, expression.Condition, csv)
	require.NotEmpty(t, problems, "a source without an enabled column has no user.enabled")
}

func TestBool(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scope expression.Scope
		text  string
		want  bool
	}{
		{csv, `user.department != "Contractors"`, true},
		{csv, `user.department in ["Sales", "Marketing"]`, true},
		{csv, `!has(user.mail)`, true},
		{csv, `user.mail.endsWith("@x.test")`, false},
		{csv, `user.department.matches("^S")`, true},
		{json, `"eng" in user.groups`, true},
		{json, `user.groups.exists(g, g.startsWith("o"))`, true},
		{json, `user.age < 40`, false},
		{unknown, `user.enabled == "off"`, true},
		{csv, `true`, true},
	}
	for _, test := range tests {
		e, problems := expression.Compile(test.text, expression.Condition, test.scope)
		require.Empty(t, problems, test.text)
		person := anna()
		if !test.scope.Known || test.scope.Columns.Typed {
			person = bert()
		}
		got, err := e.Bool(person)
		require.NoError(t, err, test.text)
		require.Equal(t, test.want, got, test.text)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`user.groups`:                 {"eng", "ops"},
		`user.phones`:                 {},
		`user.givenName`:              {"Bert"},
		`[user.givenName, "x"]`:       {"Bert", "x"},
		`user.groups.map(g, g + "1")`: {"eng1", "ops1"},
		`"a;b".split(";")`:            {"a", "b"},
		`user.age > 50 ? ["x"] : []`:  {},
	} {
		e, problems := expression.Compile(text, expression.List, json)
		require.Empty(t, problems, text)
		got, err := e.List(bert())
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

// A result of the wrong type that shows only for a person is that person's failure.
func TestFailuresAtEvaluation(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`user.age`, `user.note`, `user.givenName > 3`, `user.groups`} {
		e, problems := expression.Compile(text, expression.Condition, json)
		require.Empty(t, problems, text)
		_, err := e.Bool(bert())
		require.Error(t, err, text)
	}
	for _, text := range []string{`user.groups`, `user.manager`, `user.givenName.first`, `user.age.first`, `user.groups.first`, `user.rate / 0.0`, `user.groups[9]`} {
		e, problems := expression.Compile(text, expression.Text, json)
		require.Empty(t, problems, text)
		_, err := e.Text(bert())
		require.Error(t, err, text)
	}
	e, problems := expression.Compile(`[user.manager]`, expression.List, json)
	require.Empty(t, problems)
	_, err := e.List(bert())
	require.Error(t, err)
	_, err = expression.Texts([]any{math.NaN()})
	require.Error(t, err)

	// A record that lacks a column it should have is not a person without a value.
	person := anna()
	delete(person.Record.Fields, "mail")
	for _, text := range []string{`user.mail`, `user.mail + ""`, `has(user.mail) ? "a" : "b"`} {
		e, problems := expression.Compile(text, expression.Text, csv)
		require.Empty(t, problems)
		_, err := e.Text(person)
		require.Error(t, err, text)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		scope   expression.Scope
		result  expression.Result
		text    string
		offset  int
		message string
	}{
		{"empty", csv, expression.Text, " ", 0, "write one, or remove the key"},
		{"too long", csv, expression.Text, strings.Repeat("a", 5000), 0, "shorten it"},
		{"unknown column", csv, expression.Text, `"x" + user.givenname`, 10, "did you mean user.givenName?"},
		{"unknown column by index", csv, expression.Text, `user["givenname"]`, 4, "did you mean user.givenName?"},
		{"unknown column in has", csv, expression.Condition, `has(user.mial)`, 8, "did you mean user.mail?"},
		{"column with a blank", csv, expression.Text, `user.Given`, 4, `did you mean user["Given name"]?`},
		{"column with a dash", csv, expression.Text, `user.cost-centre`, 4, `did you mean user["cost-centre"]?`},
		{"no such column", csv, expression.Text, `user.zzzzzzzzzzz`, 4, "it has Given name, active, age"},
		{"on the second line", csv, expression.Text, "user.mail +\n  user.nix", 18, "no column"},
		{"unknown column behind a full stop", csv, expression.Text, `.user.givenname`, 5, "did you mean user.givenName?"},
		{"user as a whole", csv, expression.Condition, `user == {}`, 0, "user.<column>"},
		{"size of user", csv, expression.Text, `size(user)`, 5, "user.<column>"},
		{"user in a loop", csv, expression.Condition, `user.exists(k, k == "mail")`, 0, "user.<column>"},
		{"user as a loop's variable", csv, expression.Condition, `["a"].exists(user, user == "a")`, 12, "another name"},
		{"computed column", csv, expression.Text, `user[user.mail]`, 4, "must be written out"},
		{"in user", csv, expression.Condition, `"mail" in user`, 7, "has(user.<column>)"},
		{"has of no column", csv, expression.Condition, `has("x")`, 4, "has(user.mail)"},
		{"filter is a text", csv, expression.Condition, `user.active`, 0, `as in user.active == "true"`},
		{"filter is a number", csv, expression.Condition, `1 + 1`, 0, "compare it with something"},
		{"text is a list", csv, expression.Text, `user.mail.split("@")`, 0, "list[0]"},
		{"text is a point in time", csv, expression.Text, `timestamp(user.mail)`, 0, "string(…)"},
		{"list is an object", csv, expression.List, `{"a": "b"}`, 0, "string(…)"},
		{"flag is a list", csv, expression.Flag, `[true]`, 0, "true or false is wanted"},
		{"csv columns are texts", csv, expression.Condition, `user.age > 5`, 9, `">" does not work with (string, int); every column of a CSV file is a text`},
		{"bare column", csv, expression.Text, `givenName`, 0, "for the column write user.givenName"},
		{"a constant as an expression", unknown, expression.Text, `Contoso`, 0, "for a constant write {value: Contoso}"},
		{"words as an expression", unknown, expression.Text, `Contoso Ltd`, 8, "for a constant write {value: …}"},
		{"unknown function", csv, expression.Text, `user.mail.lowerASCI()`, 19, `did you mean "lowerAscii"?`},
		{"clock", csv, expression.Text, `string(now())`, 10, `"now" is not known`},
		{"syntax", csv, expression.Condition, `user.mail == "`, 13, "check its quotes"},
		{"single equals", csv, expression.Condition, `user.mail = "x"`, 10, "to compare write =="},
		{"random elsewhere", csv, expression.Text, `randomPassword(24)`, 0, "mapping of password only"},
		{"nested loops", json, expression.Condition, `user.groups.exists(a, user.groups.exists(b, a != b))`, 40, "one behind the other"},
		{"bad regular expression", csv, expression.Condition, `user.mail.matches("[")`, 18, "correct the expression"},
		{"fails for everybody", csv, expression.Text, `string(1 / 0)`, 0, "fails for everybody"},
		{"no arguments", csv, expression.Password, `randomPassword()`, 0, "randomPassword(24)"},
		{"too short", csv, expression.Password, `randomPassword(7)`, 15, "8 to 256"},
		{"too long a password", csv, expression.Password, `randomPassword(257)`, 15, "8 to 256"},
		{"password is a number", csv, expression.Password, `int(user.age)`, 0, "a password is a text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, problems := expression.Compile(test.text, test.result, test.scope)
			require.Nil(t, e)
			require.NotEmpty(t, problems)
			require.Contains(t, problems[0].Message, test.message)
			require.Equal(t, test.offset, problems[0].Offset, problems[0].Message)
		})
	}
}

func TestAllProblemsOfAnExpressionAtOnce(t *testing.T) {
	t.Parallel()
	_, problems := expression.Compile(`user.givenname + user.srname + nix`, expression.Text, csv)
	require.Len(t, problems, 3)

	_, problems = expression.Compile(`user.nix`, expression.Condition, csv)
	require.Len(t, problems, 1, "nothing is said of the type of a column that there is not")
	_, problems = expression.Compile(`user.nix == "a" || user.nix == "b"`, expression.Condition, csv)
	require.Len(t, problems, 1, "a column is missing once")
	_, problems = expression.Compile(`user.mail.a == "a" || user.mail.b == "b"`, expression.Condition, csv)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "from a JSON source only")
}

func TestLiteralPasswordsAreRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"Hunter2!"`, `'Hunter2!'`, `Hunter2!`, `Hunter2`, `Hunter2 x`, `"Hunter" + "2!"`, `"Hunter2!".replace("x", "y")`, `["Hunter2!"][0]`,
		`{"a": "Hunter2!"}.a`, `user.age == "1" ? "Hunter2!" : randomPassword(24)`, `"Hunter2!`, `Hunter2(8)`, `user.Hunter2`, `base64("Hunter2!")`,
		`"%s".format(["Hunter2!"])`, `string(Hunter2)`, `["Hunter2!"].map(x, x)[0]`,
	} {
		_, problems := expression.Compile(text, expression.Password, csv)
		require.NotEmpty(t, problems, text)
		for _, p := range problems {
			require.NotContains(t, p.Message, "Hunter", text)
			require.Contains(t, p.Message, "randomPassword(24)", text)
		}
	}
	for _, text := range []string{`randomPassword(24)`, `user.mail`, `"Start-" + randomPassword(12)`, `randomPassword(int(user.age))`} {
		_, problems := expression.Compile(text, expression.Password, csv)
		require.Empty(t, problems, text)
	}
}

func TestRandomPassword(t *testing.T) {
	t.Parallel()
	e, problems := expression.Compile(`randomPassword(8)`, expression.Password, csv)
	require.Empty(t, problems)
	require.False(t, e.Constant(), "a password is never folded into a constant")

	_, err := e.Text(anna())
	require.ErrorIs(t, err, expression.ErrRandomElsewhere)

	person := anna()
	person.Random = rand.Reader
	seen, first := map[string]bool{}, map[bool]int{}
	for range 500 {
		p, err := e.Text(person)
		require.NoError(t, err)
		require.Len(t, p, 8)
		require.False(t, seen[p])
		seen[p] = true
		require.True(t, strings.ContainsFunc(p, unicode.IsLower), p)
		require.True(t, strings.ContainsFunc(p, unicode.IsUpper), p)
		require.True(t, strings.ContainsFunc(p, unicode.IsDigit), p)
		require.True(t, strings.ContainsAny(p, "!#%*+-=?@_"), p)
		first[strings.ContainsFunc(p[:1], unicode.IsLower)]++
	}
	require.Greater(t, first[false], 100, "the classes are shuffled")

	person.Random = bytes.NewReader([]byte("short"))
	_, err = e.Text(person)
	require.Error(t, err, "without randomness there is no password")

	e, problems = expression.Compile(`randomPassword(int(user.age))`, expression.Password, csv)
	require.Empty(t, problems)
	person = anna()
	person.Random = rand.Reader
	p, err := e.Text(person)
	require.NoError(t, err)
	require.Len(t, p, 41)
	person.Record.Fields["age"] = "3"
	_, err = e.Text(person)
	require.Error(t, err)
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Müller": "Muller", "Straße": "Strasse", "Æsir": "AEsir", "Bjørn": "Bjorn", "Łódź": "Lodz", "Đoković": "Dokovic", "Þór": "THor",
		"Guðrún": "Gudrun", "œuvre": "oeuvre", "Işıl": "Isil", "İnan": "Inan", "Nguyễn": "Nguyen", "José": "Jose", "Jose\u0301": "Jose",
		"ǽ": "ae", "ǿ": "o", "李 Wei": " Wei", "O’Neil": "O'Neil", "plain": "plain", "": "",
		"ﬁnn": "finn", "Ｍｕｅｌｌｅｒ": "Mueller", "oﬄine": "offline", "１２": "12", "a\u3000b": "a b", "½": "", "a´b": "ab", "ﬆ": "st", "x²": "x2",
	} {
		e, problems := expression.Compile(`normalize(user.mail)`, expression.Text, csv)
		require.Empty(t, problems)
		person := anna()
		person.Record.Fields["mail"] = in
		got, err := e.Text(person)
		require.NoError(t, err)
		require.Equal(t, want, got, in)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	e, problems := expression.Compile(`has(user.mail) ? user.mail : user["Given name"] + user.surname`, expression.Text, csv)
	require.Empty(t, problems)
	require.Equal(t, []string{"mail", "Given name", "surname"}, e.Columns())
	require.False(t, e.Constant())
	e, _ = expression.Compile(`"a" + "b"`, expression.Text, csv)
	require.True(t, e.Constant())
}

// No text brings the compiler down, and about a password nothing of it comes back.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{`user.mail`, `has(user.mail)`, `user["a"]`, `[1,2].map(x, x)`, `{"a": user}.a`, `user in [1]`, `Foo{a: 1}`, `"\xff"`, "`", `b"a"`,
		`randomPassword(9)`, `has(user)`, `has()`, `user.exists(a, b, c)`, `.user`, `type(user)`, `"%s".format([user.mail])`, `-user.mail`, `1u`, `0x7f`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, result := range []expression.Result{expression.Condition, expression.Text, expression.List, expression.Flag, expression.Password} {
			for _, scope := range []expression.Scope{csv, json, unknown} {
				e, problems := expression.Compile(text, result, scope)
				require.Equal(t, e == nil, len(problems) > 0)
				for _, p := range problems {
					require.GreaterOrEqual(t, p.Offset, 0)
					require.LessOrEqual(t, p.Offset, len([]rune(text)))
				}
				if e != nil {
					_, _ = e.Text(anna())
					_, _ = e.List(bert())
					_, _ = e.Bool(anna())
				}
			}
		}
	})
}
