package ldap

import (
	"context"
	"fmt"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Check looks at address, certificate, sign-in, base DN, filter and attributes, in this order, and stops at the first that fails.
func (s *Source) Check(ctx context.Context) []source.Finding {
	var findings []source.Finding
	ok := func(step, message string) {
		findings = append(findings, source.Finding{Step: step, Message: message})
	}
	c, t, err := s.dialTapped(ctx)
	if err != nil {
		return append(findings, s.refused(err))
	}
	defer func() { _ = c.Close() }()
	ok("address", "the server answers, "+map[bool]string{true: "encrypted", false: "without encryption"}[t == nil || t.encrypted()])
	if s.BindDN == "" {
		findings = append(findings, source.Finding{Step: "sign-in", Warning: true, Message: "nobody signs in: the directory is read anonymously",
			Setting: "ldap.bindDN", Fix: "name an account that may read the people, unless the directory is public"})
	} else {
		ok("sign-in", "the server accepts the account and its password")
	}
	f, err := s.ask(ctx, c)
	if err != nil {
		return append(findings, s.refused(err))
	}
	if err := s.readable(ctx, c); err != nil {
		return append(findings, s.refused(err))
	}
	ok("base DN", s.BaseDN+" can be read")
	r, err := s.reading(ctx)
	if err != nil {
		return append(findings, s.refused(err))
	}
	if !f.has(r.id) {
		return append(findings, source.Finding{Step: "id", Message: "the directory has no attribute " + r.id, Setting: "ldap.id",
			Err: fault.New(op, fault.Invalid, fault.SourceColumnMissing, r.id), Fix: "name another attribute that never changes, such as employeeNumber"})
	}
	if r.enabled != "" && !f.has(r.enabled) {
		return append(findings, source.Finding{Step: "enabled", Message: "the directory has no attribute " + r.enabled, Setting: "ldap.enabled",
			Err: fault.New(op, fault.Invalid, fault.SourceColumnMissing, r.enabled), Fix: "name the attribute that tells who is enabled"})
	}
	findings = append(findings, s.checkSearch(ctx, c, r))
	if findings[len(findings)-1].Err != nil {
		return findings
	}
	findings = append(findings, s.checkChanges(ctx, r))
	if s.Directory.Groups != (Groups{}) {
		findings = append(findings, s.checkGroups(ctx, c))
	}
	return findings
}

// checkSearch asks for a page with one entry, without any attribute of it but the id.
func (s *Source) checkSearch(ctx context.Context, c *goldap.Conn, r *reading) source.Finding {
	request := s.request(r.filter, goldap.NewControlPaging(1))
	request.Attributes = []string{r.id}
	result, err := s.search(ctx, c, request)
	if err == nil && goldap.FindControl(result.Controls, goldap.ControlTypePaging) == nil {
		err = fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, s.place(), source.Hint(errNoPaging))
	}
	if err == nil && len(result.Entries) > 0 {
		_, err = r.record(entryOf(result.Entries[0]))
	}
	switch {
	case err != nil:
		return s.refused(err)
	case len(result.Entries) == 0:
		return source.Finding{Step: "filter", Warning: true, Message: "nobody matches " + r.filter + " below " + s.BaseDN, Setting: "ldap.filter",
			Fix: "correct the filter or the base DN, unless there is nobody yet; an account without the right to read people sees nobody, too"}
	}
	return source.Finding{Step: "filter", Message: fmt.Sprintf("people are found, by %s as a directory of kind %s", r.id, r.facts.kind)}
}

// refused is the finding of an error: the step that failed, the cause, and the setting that mends it.
func (s *Source) refused(err error) source.Finding {
	f := fault.Of(err)
	found := source.Finding{Err: err, Step: "address", Setting: "ldap.url"}
	switch f.Reason {
	case fault.SourceCertificateRefused:
		found.Step, found.Setting = "certificate", "ldap.ca"
	case fault.SourceLoginRefused:
		found.Step, found.Setting = "sign-in", "ldap.bindPassword"
	case fault.SourceSecretUnreadable, fault.SecretNotAllowed:
		found.Step, found.Setting = "secret", "ldap.bindPassword"
		if strings.Contains(f.Subject, "ldap.ca") || f.Subject == s.CA && s.CA != "" {
			found.Setting = "ldap.ca"
		}
	case fault.SourcePlaceUnknown, fault.SourceAccessDenied:
		found.Step, found.Setting = "base DN", "ldap.baseDN"
	case fault.SourceFilterRefused:
		found.Step, found.Setting = "filter", "ldap.filter"
	case fault.SourceIDEmpty, fault.SourceMalformed:
		found.Step, found.Setting = "id", "ldap.id"
	case fault.SourceIncomplete:
		found.Step, found.Setting = "pages", "ldap.baseDN"
	}
	cause, fix := f.Reason.Parts()
	found.Message, found.Fix = cause, fix
	if hint := source.HintOf(err); hint != "" {
		found.Message += ": " + hint
	}
	return found
}
