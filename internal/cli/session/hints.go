package session

import (
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
)

// hints are the commands that go on from a reason. The reason's own sentence names none, since it reaches people who have no
// command line before them. SUBJECT is what the fault is about; a hint with it is for a fault that has one.
var hints = map[fault.Reason]string{
	fault.SimulatorNotRunning:   "`starter up -f FILE` starts it, and so does `starter simulator`",
	fault.ConnectionInvalid:     "`starter connection show SUBJECT` says what failed; when that is mended: starter connection test SUBJECT",
	fault.ConnectionDisabled:    "starter connection enable SUBJECT",
	fault.RuleUnknown:           "`starter rule list` shows those that exist",
	fault.ApprovalUnknown:       "`starter plan` shows the hash",
	fault.PersonReplaced:        samePersonHint,
	fault.AccountOfAnother:      samePersonHint,
	fault.LinkedFromOtherSource: samePersonHint,
}

const samePersonHint = "`starter user provision` with --same-person vouches for the person"

// Hint is the command that goes on from a fault; "" where there is none.
func Hint(f *fault.Error) string {
	h := hints[f.Reason]
	if f.Subject == "" && strings.Contains(h, "SUBJECT") {
		return ""
	}
	return strings.ReplaceAll(h, "SUBJECT", f.Subject)
}
