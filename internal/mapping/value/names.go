package value

import (
	"strings"
	"unicode/utf8"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// The limits of a sign-in name, in characters.
// https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy#userprincipalname-policies-that-apply-to-all-user-accounts
const (
	maxUPN    = 113
	maxPrefix = 64
	maxDomain = 48
)

// upnSigns are the characters besides letters without accents and digits that Entra takes before the "@". The dollar sign is not
// documented, and was seen to be accepted.
const upnSigns = "'.-_!#^~$"

// checkUPN allows what Entra allows in a user principal name: letters without accents, digits and a few signs, one "@", and full
// stops only between other characters.
func checkUPN(s string) error {
	bad := invalid(fault.UPNInvalid, directory.UserPrincipalName)
	prefix, domain, found := strings.Cut(s, "@")
	if !found || prefix == "" || len(s) > maxUPN || len(prefix) > maxPrefix || len(domain) > maxDomain {
		return bad
	}
	if strings.HasPrefix(prefix, ".") || strings.HasSuffix(prefix, ".") || strings.Contains(prefix, "..") {
		return bad
	}
	for _, r := range prefix {
		if !(r < utf8.RuneSelf && alphanumeric(byte(r))) && !strings.ContainsRune(upnSigns, r) {
			return refused(fault.UPNInvalid, directory.UserPrincipalName, r)
		}
	}
	labels := strings.Split(domain, ".")
	if len(labels) < 2 {
		return bad
	}
	for _, label := range labels {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return bad
		}
		for i := range len(label) {
			if !alphanumeric(label[i]) && label[i] != '-' {
				return bad
			}
		}
	}
	return nil
}

// checkNickname allows ASCII without blanks, control characters and the signs that Entra excludes.
// https://learn.microsoft.com/graph/api/resources/group
func checkNickname(s string) error {
	for _, r := range s {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`@()\[]";:<>,`, r) {
			return refused(fault.AttributeInvalid, directory.MailNickname, r)
		}
	}
	return nil
}

// checkImmutableID refuses the two signs that Entra refuses.
// https://learn.microsoft.com/graph/api/resources/user
func checkImmutableID(s string) error {
	if strings.ContainsAny(s, "$_") {
		return invalid(fault.AttributeInvalid, directory.ImmutableID)
	}
	return nil
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
