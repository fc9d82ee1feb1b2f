// Package value holds the rules that Entra has for the values of an account's attributes, so that a value which the
// tenant would refuse is found before anything is sent.
//
// The functions return a *fault.Error of kind Invalid whose subject is the attribute's name, with the code point where one character
// is wrong, and never the value.
package value

import (
	"strings"
	"unicode/utf8"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// MaxMails is how many values otherMails takes.
// https://learn.microsoft.com/graph/api/resources/user
const MaxMails = 250

// MaxPhones is how many values businessPhones takes, although it is a list.
// https://learn.microsoft.com/graph/api/resources/user
const MaxPhones = 1

// Text gives the value as it is written: trimmed, usageLocation in upper case. An empty value is right for every
// attribute that an account can do without.
//
// Faults: AttributeRequired, AttributeTooLong, AttributeInvalid, UPNInvalid, UsageLocationInvalid.
func Text(a directory.Attribute, s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		if a.Required {
			return "", invalid(fault.AttributeRequired, a.Name)
		}
		return "", nil
	}
	if err := check(a, s); err != nil {
		return "", err
	}
	switch a.Name {
	case directory.UsageLocation:
		return strings.ToUpper(s), nil
	case directory.AgeGroup:
		return ageGroup(s)
	}
	return s, nil
}

// ageGroup takes one of Entra's words in any case.
// https://learn.microsoft.com/graph/api/resources/user#legal-age-group-property-definitions
func ageGroup(s string) (string, error) {
	for _, word := range []string{"Minor", "NotAdult", "Adult"} {
		if strings.EqualFold(s, word) {
			return word, nil
		}
	}
	return "", invalid(fault.AttributeInvalid, directory.AgeGroup+", neither Minor nor NotAdult nor Adult")
}

func check(a directory.Attribute, s string) error {
	switch {
	case a.Name == directory.UserPrincipalName:
		return checkUPN(s)
	case a.Name == directory.UsageLocation:
		return checkCountry(s)
	case a.MaxLength > 0 && len(s) > a.MaxLength && utf8.RuneCountInString(s) > a.MaxLength:
		return invalid(fault.AttributeTooLong, a.Name)
	}
	if err := checkCharacters(a, s); err != nil {
		return err
	}
	switch {
	case a.Name == directory.MailNickname:
		return checkNickname(s)
	case a.Name == directory.ImmutableID:
		return checkImmutableID(s)
	}
	return nil
}

// List gives the values as they are written: each trimmed, without empty ones and without doubles, in their order.
//
// Faults: as Text, and AttributeInvalid for more values than the attribute takes (businessPhones 1, otherMails 250).
func List(a directory.Attribute, values []string) ([]string, error) {
	var out []string
	for _, v := range values {
		s, err := Text(a, v)
		if err != nil {
			return nil, err
		}
		if s != "" && !containsFold(out, s) {
			out = append(out, s)
		}
	}
	if a.Name == directory.BusinessPhones && len(out) > MaxPhones {
		return nil, invalid(fault.AttributeInvalid, a.Name+", only one value is allowed")
	}
	if a.Name == directory.OtherMails && len(out) > MaxMails {
		return nil, invalid(fault.AttributeInvalid, a.Name+", only 250 values are allowed")
	}
	return out, nil
}

// Licenses splits values at "," ";" and "|" and gives the parts trimmed, without empty ones and without doubles, as they
// are written and in their order.
func Licenses(values []string) []string {
	var out []string
	for _, v := range values {
		for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ';' || r == '|' }) {
			if part = strings.TrimSpace(part); part != "" && !containsFold(out, part) {
				out = append(out, part)
			}
		}
	}
	return out
}

// Flag reads a truth value: true, yes and 1, or false, no and 0, in any case.
//
// Faults: MappingFailed for anything else, the empty string included.
func Flag(a directory.Attribute, s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	}
	why := ", neither true nor false"
	if strings.TrimSpace(s) == "" {
		why = ", empty and so neither true nor false"
	}
	return false, invalid(fault.MappingFailed, a.Name+why)
}

func containsFold(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}

func invalid(reason fault.Reason, attribute string) error {
	return fault.New("check value", fault.Invalid, reason, attribute)
}
