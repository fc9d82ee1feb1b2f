package plan

import (
	"slices"
	"strings"
	"unicode"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// samePerson doubts that the id in a link still means the person the account was made for. Handing an account, with its
// mailbox, to somebody else is worse than any delay.
//
// Another source may use the same ids for other people: an account that was provisioned from another source is only taken
// over under its own sign-in name. Within one source, an id whose sign-in name, given name and surname all change at once
// was probably given to somebody else; people who marry, move or change their first name keep one of the three. Where the
// two names are not both mapped, the display name stands for them.
func (policy Policy) samePerson(p Person, a *directory.Account, mark directory.Mark) error {
	if policy.SamePerson || p.named(a.UserPrincipalName) {
		return nil
	}
	if mark.OtherSource(policy.SourceTag) {
		return fault.New("match", fault.Refused, fault.LinkedFromOtherSource, directory.UserPrincipalName)
	}
	if policy.anotherName(p, a) {
		return fault.New("match", fault.Refused, fault.PersonReplaced, directory.UserPrincipalName)
	}
	return nil
}

// anotherName reports that nothing of a person's name stays the same.
func (policy Policy) anotherName(p Person, a *directory.Account) bool {
	given, knowsGiven := policy.renamed(p, a, "givenName")
	family, knowsFamily := policy.renamed(p, a, "surname")
	if knowsGiven && knowsFamily {
		return given && family
	}
	// A display name of one word may be a sign-in name, and that changes as a whole.
	want, have := nameWords(p.Desired.Attributes[directory.DisplayName]), []string(nil)
	if value, read := a.Value(policy.Selection, directory.DisplayName); read {
		have = nameWords(value)
	}
	return len(want) > 1 && len(have) > 1 && !slices.ContainsFunc(want, func(w string) bool { return slices.Contains(have, w) })
}

// renamed tells whether a name changes from one value to another; known is false where it is not mapped or is empty on one
// side.
func (policy Policy) renamed(p Person, a *directory.Account, name string) (changed, known bool) {
	want, mapped := p.Desired.Attributes[name]
	have, read := a.Value(policy.Selection, name)
	if !mapped || !read || want == "" || have == "" {
		return false, false
	}
	return !strings.EqualFold(want, have), true
}

// nameWords are the words of a display name, "Lee, Ann" and "Ann Lee" alike.
func nameWords(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
