package plan

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/entraflow/entraflow/internal/directory"
)

// caseless are the attributes in which another case says nothing: codes, and names of mailboxes. The sign-in name is compared likewise.
var caseless = map[string]bool{
	directory.UsageLocation: true, directory.MailNickname: true, directory.OtherMails: true, directory.AgeGroup: true, "preferredLanguage": true,
}

// same is the one rule by which a desired value is compared with that of an account. It must take as equal whatever a directory may make of
// a value that it was sent: otherwise every sync would write the value again and call that a success. An empty value is never written where
// Graph refuses to clear.
func same(name, want, have string) bool {
	if want == have {
		return true
	}
	attribute, _ := directory.FindAttribute(name)
	if attribute.Kept && want == "" {
		return true
	}
	return slices.Equal(comparableForm(attribute, want), comparableForm(attribute, have))
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// comparableForm gives the values of an attribute in one form, those of a list in one order.
func comparableForm(a directory.Attribute, joined string) []string {
	values := []string{joined}
	if a.Type == directory.List {
		values = strings.Split(joined, directory.ListSeparator)
	}
	for i, value := range values {
		value = norm.NFC.String(strings.TrimSpace(lineEnds.Replace(value)))
		if caseless[a.Name] {
			value = strings.ToLower(value)
		}
		values[i] = value
	}
	slices.Sort(values)
	return values
}
