package ldap

import (
	"context"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// checkGroups asks for a page with one group, where the settings say where groups are.
func (s *Source) checkGroups(ctx context.Context, c *goldap.Conn) source.Finding {
	const step = "groups"
	refused := func(err error) source.Finding {
		cause, fix := fault.Of(err).Reason.Parts()
		found := source.Finding{Step: step, Err: err, Setting: "ldap.groups.baseDN", Message: cause, Fix: fix}
		if fault.Is(err, fault.SourceFilterRefused) {
			found.Setting = "ldap.groups.filter"
		}
		if hint := source.HintOf(err); hint != "" {
			found.Message += ": " + hint
		}
		return found
	}
	g, err := s.groupReading(ctx)
	if err != nil {
		return refused(err)
	}
	if err := s.groupsReadable(ctx, c, g); err != nil {
		return refused(err)
	}
	request := g.request(g.filter, g.id.id, "cn")
	request.Controls = append(request.Controls, goldap.NewControlPaging(1))
	result, err := s.search(ctx, c, request)
	if err != nil {
		return refused(err)
	}
	if len(result.Entries) == 0 {
		return source.Finding{Step: step, Warning: true, Message: "no group matches " + g.filter + " below " + g.base, Setting: "ldap.groups",
			Fix: "correct the filter or the base DN of the groups, unless there are none yet; an account without the right to read groups sees none, too"}
	}
	if _, err := g.group(result.Entries[0]); err != nil {
		return refused(err)
	}
	return source.Finding{Step: step, Message: "groups are found, by " + g.id.id}
}
