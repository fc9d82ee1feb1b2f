package expression_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/mapping/expression"
)

// A short expression must not grow a text without bound. Each of these made gigabytes, when it was compiled or for one person.
func TestWorkIsBounded(t *testing.T) {
	nested := func(call string, n int, inner string) string {
		return strings.Repeat(call+"(", n) + inner + strings.Repeat(")", n)
	}
	big := strings.Repeat("ab", 30_000)
	for name, text := range map[string]string{
		"quotes of a constant":      nested("strings.quote", 45, `"\\"`),
		"quotes of a column":        nested("strings.quote", 45, `user.surname`),
		"base64 of a constant":      nested("base64", 30, `"`+strings.Repeat("a", 500)+`"`),
		"base64 of a column":        nested("base64", 30, `user.mail`),
		"replacing":                 `user.mail` + strings.Repeat(`.replace("a", "aaaaaaaaaaaaaaaaaaaa")`, 12),
		"one replacing":             `user.mail.replace("a", user.mail)`,
		"between all characters":    `user.mail.replace("", user.mail)`,
		"replacing matches":         `replaceRegex(user.mail, "a", user.mail)`,
		"replacing nothing":         `replaceRegex(user.mail, "", user.mail)`,
		"groups":                    `replaceRegex(user.mail, "(.*)", "` + strings.Repeat("$1", 500) + `")`,
		"one joining":               `user.mail.split("a").join(user.mail)`,
		"adding":                    nested("", 40, `user.mail`+strings.Repeat(` + user.mail`, 40)),
		"a loop of long texts":      `user.mail.split("").map(x, x + user.mail).join("")`,
		"a long list":               `user.mail.split("").join(",")`,
		"formatting":                `"` + strings.Repeat("%s", 40) + `".format([` + strings.Repeat("user.mail, ", 39) + `user.mail])`,
		"bytes":                     `string(bytes(user.mail) + bytes(user.mail))`,
		"a list joined with itself": `(user.mail.split("") + user.mail.split("")).join("")`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e, problems := expression.Compile(text, expression.Text, csv)
		if len(problems) == 0 {
			person := anna()
			person.Record.Fields["mail"], person.Record.Fields["surname"] = big, `\\\\`
			_, err := e.Text(person)
			require.Error(t, err, name)
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), name)
	}
}

// What a mapping does every day stays far within the bounds.
func TestOrdinaryTextsAreWithinTheBounds(t *testing.T) {
	t.Parallel()
	person := anna()
	person.Record.Fields["mail"] = strings.Repeat("x,", 500) + "x"
	for text, want := range map[string]string{
		`user.mail.split(",").join(";")`:                strings.Repeat("x;", 500) + "x",
		`user.mail.replace(",", "")`:                    strings.Repeat("x", 501),
		`user.mail.replace(",", "", 2)`:                 "xxx" + strings.Repeat(",x", 498),
		`["", "a", ""].join("-")`:                       "-a-",
		`user.mail.split(",").map(x, x + x)[0]`:         "xx",
		`"a".replace("", "-")`:                          "-a-",
		`size(user.mail.split(",").join()) > 0 ? 1 : 2`: "1",
	} {
		e, problems := expression.Compile(text, expression.Text, csv)
		require.Empty(t, problems, text)
		got, err := e.Text(person)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}
