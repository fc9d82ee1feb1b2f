package ldap

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// The control that lets a search find deleted entries.
const controlShowDeleted = "1.2.840.113556.1.4.417"

// updateNumbers asks by uSNChanged. Each domain controller has numbers of its own, so a position is good only for the
// database of the controller that it is from.
type updateNumbers struct {
	*watch
	invocation string
	usn        int64
}

func (u *updateNumbers) begin(ctx context.Context) (resumed bool, err error) {
	service := u.about("dsServiceName")
	if len(service) == 0 {
		return false, u.denied("the server does not say which domain controller it is", nil)
	}
	result, err := u.ask(ctx, goldap.NewSearchRequest(service[0], goldap.ScopeBaseObject, goldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{"invocationId"}, nil))
	if err != nil {
		return false, err
	}
	if len(result.Entries) == 0 || len(result.Entries[0].GetEqualFoldRawAttributeValue("invocationId")) == 0 {
		return false, u.denied("the account cannot read invocationId of the domain controller", nil)
	}
	u.invocation = hex.EncodeToString(result.Entries[0].GetEqualFoldRawAttributeValue("invocationId"))
	highest, err := u.highest(ctx)
	if err != nil {
		return false, err
	}
	if u.after.Feed == feedNumbers && u.after.Invocation == u.invocation && u.after.USN <= highest {
		u.usn = u.after.USN
		return true, nil
	}
	u.usn = highest
	return false, nil
}

// highest is the number of the last update of the controller.
func (u *updateNumbers) highest(ctx context.Context) (int64, error) {
	root, err := u.ask(ctx, rootRequest())
	if err != nil {
		return 0, err
	}
	if len(root.Entries) == 0 {
		return 0, fault.New(op, fault.Transient, fault.SourceUnavailable, u.place())
	}
	n, err := strconv.ParseInt(root.Entries[0].GetEqualFoldAttributeValue("highestCommittedUSN"), 10, 64)
	if err != nil {
		return 0, u.denied("the server does not say how many updates it had", nil)
	}
	return n, nil
}

func (u *updateNumbers) next(ctx context.Context) (seen, error) {
	highest, err := u.highest(ctx)
	if err != nil || highest == u.usn {
		return seen{}, err
	}
	since := fmt.Sprintf("(uSNChanged>=%d)(uSNChanged<=%d)", u.usn+1, highest)
	var s seen
	if err := u.find(ctx, &s, u.BaseDN, "(&"+since+u.peopleFilter()+")"); err != nil {
		return seen{}, err
	}
	// Whoever was deleted lies elsewhere, where many accounts may not look.
	if err := u.find(ctx, &s, u.domain(), "(&(isDeleted=TRUE)"+since+u.peopleFilter()+")", goldap.NewControlString(controlShowDeleted, true, "")); err != nil {
		return seen{}, err
	}
	u.usn = highest
	return s, nil
}

func (u *updateNumbers) find(ctx context.Context, s *seen, base, filter string, controls ...goldap.Control) error {
	paging := goldap.NewControlPaging(pageSize)
	for {
		result, err := u.ask(ctx, goldap.NewSearchRequest(base, goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false, filter,
			[]string{"objectGUID", u.reading.id, "isDeleted", "lastKnownParent"}, append([]goldap.Control{paging}, controls...)))
		if err != nil {
			return err
		}
		for _, e := range result.Entries {
			if err := u.take(ctx, s, e); err != nil {
				return err
			}
		}
		answer, ok := goldap.FindControl(result.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging)
		if !ok {
			return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, u.place(), source.Hint(errNoPaging))
		}
		if len(answer.Cookie) == 0 {
			return nil
		}
		paging.SetCookie(answer.Cookie)
	}
}

func (u *updateNumbers) position() position {
	return position{Feed: feedNumbers, Invocation: u.invocation, USN: u.usn}
}
