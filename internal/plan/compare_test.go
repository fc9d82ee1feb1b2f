package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/plan"
)

// comparedExactly are the attributes whose case says something: names and texts that people read, and the immutable id, which is Base64.
var comparedExactly = []string{
	directory.DisplayName, "givenName", "surname", "jobTitle", "department", "companyName", "employeeId", "employeeType", "streetAddress",
	"city", "state", "postalCode", "country", "officeLocation", "faxNumber", "mobilePhone", directory.BusinessPhones, directory.ImmutableID,
}

// Whatever form a directory gives to a value that was written, the next sync finds nothing to write: otherwise the same request would be
// sent in every sync, and count as a success.
func TestNoAttributeIsWrittenForItsFormAlone(t *testing.T) {
	t.Parallel()
	forms := map[string]func(string) string{
		"as written":            func(s string) string { return s },
		"decomposed":            func(s string) string { return strings.ReplaceAll(s, "é", "e\u0301") },
		"line ends of Windows":  func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"line ends of old Macs": func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
		"blanks at the ends":    func(s string) string { return " " + s + " " },
	}
	cases := map[string]func(string) string{"upper case": strings.ToUpper, "lower case": strings.ToLower}
	for _, a := range directory.Attributes() {
		names := directory.Readable([]string{a.Name})
		i := slices.Index(names, a.Name)
		if i < 0 {
			continue
		}
		want := "Rue d'Été é\nLe Mans"
		if a.Type == directory.List {
			want = "René@contoso.com" + directory.ListSeparator + "é@contoso.com"
		}
		writes := func(have string) bool {
			s, p, account := settings(), ann(), account()
			s.Selection.Attributes = names
			p.Desired.Attributes = map[string]string{a.Name: want}
			account.Values = make([]string, len(names))
			account.Values[i] = have
			c := plan.Decide(s, p, plan.Match{Linked: []*directory.Account{&account}})
			return c.Writes()
		}
		for form, of := range forms {
			require.False(t, writes(of(want)), "%s, %s", a.Name, form)
		}
		for form, of := range cases {
			require.Equal(t, slices.Contains(comparedExactly, a.Name), writes(of(want)), "%s, %s", a.Name, form)
		}
		require.True(t, writes(want+"x"), a.Name)
		require.True(t, writes(""), a.Name)
		if a.Type == directory.List {
			require.False(t, writes("é@contoso.com"+directory.ListSeparator+"René@contoso.com"), "%s, in another order", a.Name)
			require.True(t, writes("é@contoso.com"), a.Name)
		}
	}
}

// Two immutable ids that differ in case are two.
func TestAnImmutableIDInAnotherCaseIsAnother(t *testing.T) {
	t.Parallel()
	s := situation{settings: settings(), person: ann()}
	stranger()(&s)
	knows(directory.ImmutableID, "qg==", "Qg==")(&s)
	require.Equal(t, directory.ImmutableID, s.decide().Subject)

	s = situation{settings: settings(), person: ann()}
	stranger()(&s)
	knows("employeeId", "e7", "E7")(&s)
	require.Equal(t, plan.Adopt, s.decide().Action)
}
