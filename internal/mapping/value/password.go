package value

import (
	"unicode/utf8"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// The rules of Entra's password policy for cloud accounts.
// https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy#microsoft-entra-password-policies
const (
	minPassword        = 8
	maxPassword        = 256
	minPasswordClasses = 3
)

// Password checks a password against Entra's public rules: 8 to 256 characters of at least three of the four kinds lower
// case, upper case, digit and anything else. The tenant's list of banned words is known to the tenant alone.
//
// Faults: PasswordRejected (Invalid).
func Password(s string) error {
	n := utf8.RuneCountInString(s)
	var lower, upper, digit, other int
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z':
			lower = 1
		case 'A' <= r && r <= 'Z':
			upper = 1
		case '0' <= r && r <= '9':
			digit = 1
		default:
			other = 1
		}
	}
	if n < minPassword || n > maxPassword || lower+upper+digit+other < minPasswordClasses {
		return invalid(fault.PasswordRejected, directory.Password)
	}
	return nil
}
