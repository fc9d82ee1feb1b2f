package plan

import (
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// samePerson doubts that the id in a link still means the person the account was made for. Handing an account, with its
// mailbox, to somebody else is worse than any delay.
//
// Another source may use the same ids for other people: an account that was provisioned from another source is only taken
// over under its own sign-in name. Within one source, an id whose sign-in name, given name and surname all change at once
// was probably given to somebody else; people who marry, move or change their first name keep one of the three.
func (s Settings) samePerson(p Person, a *directory.Account, mark directory.Mark) error {
	if s.SamePerson || strings.EqualFold(p.Desired.UserPrincipalName, a.UserPrincipalName) {
		return nil
	}
	if s.SourceTag != "" && mark.Source != "" && mark.Source != s.SourceTag {
		return fault.New("match", fault.Refused, fault.LinkedFromOtherSource, directory.UserPrincipalName)
	}
	if s.renamed(p, a, "givenName") && s.renamed(p, a, "surname") {
		return fault.New("match", fault.Refused, fault.PersonReplaced, directory.UserPrincipalName)
	}
	return nil
}

// renamed reports that a mapped name changes from one value to another.
func (s Settings) renamed(p Person, a *directory.Account, name string) bool {
	want, mapped := p.Desired.Attributes[name]
	have, read := a.Value(s.Selection, name)
	return mapped && read && want != "" && have != "" && !strings.EqualFold(want, have)
}
