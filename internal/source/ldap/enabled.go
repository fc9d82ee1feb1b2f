package ldap

import (
	"strconv"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
)

// knownSwitches are attributes of which it is known how they tell that somebody is disabled; whoever has none is enabled.
var knownSwitches = map[string]func(value string) (disabled, understood bool){
	// https://learn.microsoft.com/troubleshoot/windows-server/active-directory/useraccountcontrol-manipulate-account-properties
	"useraccountcontrol": func(v string) (bool, bool) {
		n, err := strconv.ParseInt(v, 10, 64)
		return n&accountDisable != 0, err == nil
	},
	// Locked for good; any other time is a lock-out that passes.
	// https://datatracker.ietf.org/doc/html/draft-behera-ldap-password-policy-11
	"pwdaccountlockedtime": func(v string) (bool, bool) { return v == lockedForGood, true },
	"nsaccountlock":        truth,
	"logindisabled":        truth,
}

const (
	controlAttribute = "userAccountControl"
	accountDisable   = 0x2
	lockedForGood    = "000001010000Z"
)

// truth reads LDAP's truth values, and the words that people write into texts.
func truth(v string) (yes, understood bool) {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "true", "yes", "1":
		return true, true
	case "false", "no", "0":
		return false, true
	}
	return false, false
}

// enabledAttribute is the attribute that tells who is enabled, and whether it is turned round; "" where none does.
func (s *server) enabledAttribute(f *facts) (name string, negated bool) {
	if s.Enabled != "" {
		name, negated = strings.CutPrefix(s.Enabled, "!")
		return name, negated
	}
	switch {
	case f.kind == kindActiveDirectory:
		return controlAttribute, false
	case f.has("pwdAccountLockedTime"):
		// Also where the schema cannot be read: whoever is locked must not count as enabled.
		return "pwdAccountLockedTime", false
	}
	return "", false
}

// enabled reads what an entry says of it. A value that is neither true nor false leaves it open, and so does an attribute of one's
// own that somebody lacks, unless it tells who is not enabled.
func enabled(name string, negated bool, values []string) (bool, error) {
	unreadable := fault.New(op, fault.Invalid, fault.EnabledUnreadable, name)
	read, known := knownSwitches[strings.ToLower(name)]
	switch {
	case name == "":
		return true, nil
	case len(values) > 1:
		return false, unreadable
	case len(values) == 0 && (known || negated):
		return true, nil
	case len(values) == 0:
		return false, unreadable
	case known:
		disabled, understood := read(values[0])
		if !understood {
			return false, unreadable
		}
		return !disabled, nil
	}
	yes, understood := truth(values[0])
	if !understood {
		return false, unreadable
	}
	return yes != negated, nil
}
