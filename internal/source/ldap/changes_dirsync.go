package ldap

import (
	"context"
	"math"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// dirSyncObjectSecurity asks for what the account may read anyway, for which it needs no right to replicate.
// https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/2213a7f2-0a36-483c-b2a4-8574d53aa1e3
const dirSyncObjectSecurity = 1

// dirSyncIncrementalValues asks of a group's members for those who were added and removed, and not for all of them.
const dirSyncIncrementalValues = 0x80000000

// The control by which names come with the GUID of the entry before them: <GUID=…>;<SID=…>;CN=…. The value asks for GUIDs as text.
// https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/57056773-932c-4e55-9491-e13f49ba580c
const (
	controlExtendedDN = "1.2.840.113556.1.4.529"
	extendedDNAsText  = "\x30\x03\x02\x01\x01"
)

// nobody matches no entry.
const nobody = "(!(objectClass=*))"

// dirSync asks by the DirSync control. Its cookies are good on every domain controller.
type dirSync struct {
	*watch
	flags  int64
	cookie []byte
}

func (d *dirSync) begin(ctx context.Context) (resumed bool, err error) {
	if d.after.Feed == feedDirSync && len(d.after.Cookie) > 0 {
		d.cookie = d.after.Cookie
		// One request shows whether the cookie is taken; what it finds is asked for again.
		_, _, err := d.page(ctx, d.changedFilter())
		if err == nil {
			return true, nil
		}
		if !refused(err) {
			return false, err
		}
		d.cookie = nil
	}
	for {
		_, more, err := d.page(ctx, nobody)
		if err != nil {
			return false, err
		}
		d.cookie = more.Cookie
		if more.Flags == 0 {
			return false, nil
		}
	}
}

func (d *dirSync) next(ctx context.Context) (seen, error) {
	var s seen
	for {
		entries, more, err := d.page(ctx, d.changedFilter())
		if err != nil {
			return seen{}, err
		}
		for _, e := range entries {
			if err := d.changed(ctx, &s, e); err != nil {
				return seen{}, err
			}
		}
		d.cookie = more.Cookie
		if more.Flags == 0 {
			return s, nil
		}
	}
}

// changedFilter finds people, and the groups whose members are told.
func (d *dirSync) changedFilter() string { return "(|(objectClass=group)" + d.peopleFilter() + ")" }

// changed adds the person of an entry, or, of a group, those who became members or ceased to be.
func (d *dirSync) changed(ctx context.Context, s *seen, e *goldap.Entry) error {
	group := false
	for _, a := range e.Attributes {
		// Added ones are member;range=1-1, removed ones member;range=0-0.
		if name, _, _ := strings.Cut(a.Name, ";"); !strings.EqualFold(name, "member") {
			continue
		}
		group = true
		for _, member := range a.Values {
			guid, dn := splitDN(member)
			if !below(dn, d.BaseDN) {
				continue
			}
			if err := d.person(ctx, s, guid, dn); err != nil {
				return err
			}
		}
	}
	if group {
		return nil
	}
	return d.take(ctx, s, e)
}

// page asks once. The request is made each time: one that is used again sends its first cookie for ever.
func (d *dirSync) page(ctx context.Context, filter string) ([]*goldap.Entry, *goldap.ControlDirSync, error) {
	control := goldap.NewRequestControlDirSync(d.flags|dirSyncIncrementalValues, math.MaxInt32, d.cookie)
	result, err := d.ask(ctx, goldap.NewSearchRequest(d.domain(), goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false,
		filter, d.watched(), []goldap.Control{control, goldap.NewControlString(controlExtendedDN, false, extendedDNAsText)}))
	if err != nil {
		return nil, nil, err
	}
	answer, ok := goldap.FindControl(result.Controls, goldap.ControlTypeDirSync).(*goldap.ControlDirSync)
	if !ok || len(answer.Cookie) == 0 {
		return nil, nil, fault.Wrap(op, fault.Transient, fault.SourceIncomplete, d.place(), source.Hint("the server has answered without the DirSync control"))
	}
	return result.Entries, answer, nil
}

func (d *dirSync) position() position { return position{Feed: feedDirSync, Cookie: d.cookie} }
