package pingoneimport

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping/field"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ theirs, ours string }{
		{`username`, `user.username`},
		{`#root.accountId`, `user.accountId`},
		{`user['name']['given']`, `user.name.given`},
		{`user['cost-center']`, `user["cost-center"]`},
		{`'it''s'`, `"it's"`},
		{`user.name.given + ', ' + user.name.family`, `user.name.given + ", " + user.name.family`},
		{`#string.substring(user.name.given, 0, 1) + #string.lowerCase(name.family)`, `left(user.name.given, 1) + lower(user.name.family)`},
		{`{'PM': 'Product Manager','SA': 'Software Architect'}[user.role] ?: 'Unknown'`,
			`choose(user.role, "PM", "Product Manager", "SA", "Software Architect", "Unknown")`},
		{`{'PM': 'Product Manager'}[role]`, `choose(user.role, "PM", "Product Manager", "")`},
		{`#core.switchExpr(#root.kind, 'I', 'Intern', 'E', 'Employee', 'Guest')`, `choose(user.kind, "I", "Intern", "E", "Employee", "Guest")`},
		{`#core.switchExpr(kind, 'I', 'Intern')`, `choose(user.kind, "I", "Intern", "")`},
		{`#core.ifelse(kind == 'E', 'Employee', kind eq 'I' and enabled, 'Intern')`,
			`user.kind == "E" ? "Employee" : user.kind == "I" && user.enabled ? "Intern" : ""`},
		{`(a == 'x' or b == 'y') and c != null ? 'p' : d ?: 'q'`, `(user.a == "x" || user.b == "y") && user.c != "" ? "p" : first(user.d, "q")`},
		{`(a ?: b) + 'c'`, `first(user.a, user.b) + "c"`},
		{`(a == 'x' ? b : c) + 'd'`, `(user.a == "x" ? user.b : user.c) + "d"`},
		{`not (a eq 'x') ? 'y' : 'z'`, `!(user.a == "x") ? "y" : "z"`},
		{`title matches 'A.*' ? 'y' : 'n'`, `user.title.matches("^(?:A.*)$") ? "y" : "n"`},
		{`#regex.replaceAll(username, '^(.*)@.*$', '$1')`, `replaceRegex(user.username, "^(.*)@.*$", "$1")`},
		{`#string.isNotBlank(title) ? #string.trim(title) : 'Staff'`, `first(user.title, "") != "" ? user.title.trim() : "Staff"`},
		{`#string.isNotEmpty(title) ? title : 'Staff'`, `user.title != "" ? user.title : "Staff"`},
	} {
		got, err := translate(c.theirs)
		require.NoError(t, err, c.theirs)
		require.Equal(t, c.ours, got, c.theirs)
		jobTitle, _ := directory.FindAttribute("jobTitle")
		require.Empty(t, refused(jobTitle, field.Spec{Expression: got}), got)
	}
}

func TestWhatHasNoExactCounterpartIsNotTranslated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ theirs, message string }{
		{`#data.first(groups)`, "#data.first is not carried over"},
		{`#crypto.md5(id)`, "#crypto.md5 is not carried over"},
		{`user.memberOfGroupNames.![#string.upperCase(#this)]`, "selections from lists"},
		{`#string.substring(a, 2, 4)`, "from the first character only"},
		{`#string.substring(a, 0, -1)`, `"-" is not carried over`},
		{`#core.ifelse(kind, 'a', 'b')`, "neither a comparison"},
		{`a.toUpperCase()`, "calls of methods"},
		{`groups[0]`, "by its place"},
		{`#this`, "the variable #this"},
		{`grade * 2`, "arithmetic"},
		{`{'a','b'}`, "lists are not"},
		{`{'a': 'b'}`, "a map is no value"},
		{`'open`, "a quote is not closed"},
		{`a +`, "it ends too early"},
		{`a b`, `"b" is not understood`},
		{`user`, "the whole person"},
		{`a == b ? c`, `":" is missing`},
		{`a ? b : c`, "neither a comparison"},
		{`a matches '(?=x)' ? 'a' : 'b'`, "not one of RE2"},
		{``, "it ends too early"},
		{"a ; b", `";" is not understood`},
	} {
		got, err := translate(c.theirs)
		require.ErrorContains(t, err, c.message, "%s gave %s", c.theirs, got)
	}
}

func FuzzTranslate(f *testing.F) {
	f.Add(`#core.ifelse(kind == 'E', {'a': 'b'}[c] ?: d, user['x'] + "y")`)
	f.Fuzz(func(_ *testing.T, text string) { _, _ = translate(text) })
}
