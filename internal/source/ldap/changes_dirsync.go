package ldap

import (
	"context"
	"math"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// dirSyncObjectSecurity asks for what the account may read anyway, for which it needs no right to replicate.
// https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/2213a7f2-0a36-483c-b2a4-8574d53aa1e3
const dirSyncObjectSecurity = 1

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
		_, _, err := d.page(ctx, d.peopleFilter())
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
		entries, more, err := d.page(ctx, d.peopleFilter())
		if err != nil {
			return seen{}, err
		}
		for _, e := range entries {
			if err := d.take(ctx, &s, e); err != nil {
				return seen{}, err
			}
		}
		d.cookie = more.Cookie
		if more.Flags == 0 {
			return s, nil
		}
	}
}

// page asks once. The request is made each time: one that is used again sends its first cookie for ever.
func (d *dirSync) page(ctx context.Context, filter string) ([]*goldap.Entry, *goldap.ControlDirSync, error) {
	control := goldap.NewRequestControlDirSync(d.flags, math.MaxInt32, d.cookie)
	result, err := d.ask(ctx, goldap.NewSearchRequest(d.domain(), goldap.ScopeWholeSubtree, goldap.NeverDerefAliases, 0, 0, false,
		filter, d.watched(), []goldap.Control{control}))
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
