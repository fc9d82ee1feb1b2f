package api

import (
	"time"

	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/fault"
)

// TestInput is the argument of TestConnection.
type TestInput struct {
	// Config to test. Of its rules the sources of those that are enabled are looked at.
	Config config.Connection `json:"config"`
	// Pinned are the facts found by an earlier test; another tenant than that is a failure.
	Pinned Pinned `json:"pinned"`
}

// Status is how one check ended. Wire format.
type TestStatus string

const (
	// OK: nothing to do.
	TestOK TestStatus = "ok"
	// Warning: it works, but somebody should look.
	TestWarning TestStatus = "warning"
	// Failed: the connection cannot work before this is mended.
	TestFailed TestStatus = "failed"
	// Skipped: not looked at, because an earlier check failed.
	TestSkipped TestStatus = "skipped"
)

// Check is one line of a report.
type TestCheck struct {
	// Name of the check: secret, token, permissions, tenant, domains, licenses, extension properties; or endpoint alone.
	Name   string       `json:"name"`
	Status TestStatus   `json:"status"`
	Reason fault.Reason `json:"reason,omitempty"`
	// Message says what was found; for a failure, the cause.
	Message string `json:"message"`
	// Fix says what to do: always there for a failure or a warning, "" otherwise.
	Fix string `json:"fix,omitempty"`
	// RequestID is Microsoft's id of the request that failed, for a support case.
	RequestID string `json:"requestId,omitempty"`
}

// Report is the result of a connection test. It holds no personal data: the tenant's name, domains and license names are
// the organisation's.
type TestReport struct {
	// OK: no check failed.
	OK     bool        `json:"ok"`
	Checks []TestCheck `json:"checks"`
	// TenantID is the tenant's id, also where the configuration names a domain.
	TenantID   string `json:"tenantId,omitempty"`
	TenantName string `json:"tenantName,omitempty"`
	// FederatedDomains are those of the tenant's domains in which an account needs an immutable id.
	FederatedDomains []string `json:"federatedDomains,omitempty"`
	// LinkProperty and MarkProperty are the full names of the extension properties.
	LinkProperty string `json:"linkProperty,omitempty"`
	MarkProperty string `json:"markProperty,omitempty"`
	// Sources are what was found of the rules' sources. They say nothing about the connection: another rule may be all right.
	Sources []SourceTest `json:"sources,omitempty"`
	// At is when the test ended.
	At time.Time `json:"at"`
}

// SourceTest is what a connection test found of one source.
type SourceTest struct {
	// Rules are the enabled rules that read it.
	Rules []string `json:"rules"`
	// Place says where the people are.
	Place string `json:"place"`
	// Checks in their order; none follows one that failed.
	Checks []TestCheck `json:"checks"`
}

// Failure is the first failed check of a source; ok is false where there is none.
func (s *SourceTest) Failure() (c TestCheck, ok bool) {
	for _, c := range s.Checks {
		if c.Status == TestFailed {
			return c, true
		}
	}
	return TestCheck{}, false
}

// Failure is the first failed check; ok is false when there is none.
func (r *TestReport) Failure() (c TestCheck, ok bool) {
	for _, c := range r.Checks {
		if c.Status == TestFailed {
			return c, true
		}
	}
	return TestCheck{}, false
}
