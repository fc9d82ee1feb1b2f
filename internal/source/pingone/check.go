package pingone

import (
	"context"
	"errors"
	"net/url"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Check looks at sign-in, rights and filter, in this order, and stops at the first that fails.
func (s *Source) Check(ctx context.Context) []source.Finding {
	if _, err := s.accessToken(ctx); err != nil {
		return []source.Finding{refused("sign-in", err)}
	}
	findings := []source.Finding{{Step: "sign-in", Message: "PingOne gives the worker application a token"}}
	var p page
	if err := s.get(ctx, s.path("users")+"?limit=1", &p); err != nil {
		return append(findings, refused("people", err))
	}
	findings = append(findings, source.Finding{Step: "people", Message: "the application may read the environment's people"})
	scope := s.scope()
	if scope == "" {
		return findings
	}
	if err := s.get(ctx, s.path("users")+"?limit=1&filter="+url.QueryEscape(scope), &p); err != nil {
		return append(findings, refused("filter", err))
	}
	if p.Embedded == nil || p.Embedded.Users == nil || len(*p.Embedded.Users) == 0 {
		return append(findings, source.Finding{Step: "filter", Warning: true, Message: "populations and filter include nobody", Setting: "pingone.filter",
			Fix: "correct them, unless there is nobody yet"})
	}
	return append(findings, source.Finding{Step: "filter", Message: "populations and filter include people"})
}

// refused is the finding of an error: the cause, and the setting that mends it.
func refused(step string, err error) source.Finding {
	f := fault.Of(err)
	found := source.Finding{Step: step, Err: err}
	if errors.Is(err, errNotFound) {
		f = fault.New(op, fault.Invalid, fault.SourcePlaceUnknown, "")
		found.Err = f
	}
	switch f.Reason {
	case fault.SourceLoginRefused, fault.SourceSecretUnreadable, fault.SecretNotAllowed:
		found.Setting = "pingone.clientSecret"
	case fault.SourcePlaceUnknown:
		found.Setting = "pingone.environmentId"
	case fault.SourceFilterRefused:
		found.Setting = "pingone.filter"
	case fault.SourceUnavailable, fault.SourceCertificateRefused:
		found.Setting = "pingone.region"
	}
	found.Message, found.Fix = f.Reason.Parts()
	if f.Reason == fault.SourceAccessDenied {
		found.Fix = "give the worker application the role Identity Data Read Only for the environment, or for its populations"
	}
	if hint := source.HintOf(err); hint != "" {
		found.Message += ": " + hint
	}
	return found
}
