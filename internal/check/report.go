// Package check proves that a connection can work, before it is saved or after: credentials, permissions, tenant,
// domains, licences and the extension properties that hold the link. Each check ends with its cause and its fix in words.
package check

import (
	"time"

	"github.com/entraflow/entraflow/internal/fault"
)

// Status is how one check ended. Wire format.
type Status string

const (
	// OK: nothing to do.
	OK Status = "ok"
	// Warning: it works, but somebody should look.
	Warning Status = "warning"
	// Failed: the connection cannot work before this is mended.
	Failed Status = "failed"
	// Skipped: not looked at, because an earlier check failed.
	Skipped Status = "skipped"
)

// Check is one line of a report.
type Check struct {
	// Name of the check: secret, token, permissions, tenant, domains, licences, extension properties; or endpoint alone.
	Name   string       `json:"name"`
	Status Status       `json:"status"`
	Reason fault.Reason `json:"reason,omitempty"`
	// Message says what was found; for a failure, the cause.
	Message string `json:"message"`
	// Fix says what to do: always there for a failure or a warning, "" otherwise.
	Fix string `json:"fix,omitempty"`
	// RequestID is Microsoft's id of the request that failed, for a support case.
	RequestID string `json:"requestId,omitempty"`
}

// Report is the result of a connection test. It holds no personal data: the tenant's name, domains and licence names are
// the organisation's.
type Report struct {
	// OK: no check failed.
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
	// TenantID is the tenant's id, also where the configuration names a domain.
	TenantID   string `json:"tenantId,omitempty"`
	TenantName string `json:"tenantName,omitempty"`
	// LinkProperty and MarkProperty are the full names of the extension properties.
	LinkProperty string `json:"linkProperty,omitempty"`
	MarkProperty string `json:"markProperty,omitempty"`
	// At is when the test ended.
	At time.Time `json:"at"`
}

// Failure is the first failed check; ok is false when there is none.
func (r *Report) Failure() (c Check, ok bool) {
	for _, c := range r.Checks {
		if c.Status == Failed {
			return c, true
		}
	}
	return Check{}, false
}
