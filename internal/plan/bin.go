package plan

import "github.com/entraflow/entraflow/internal/directory"

// recycleBin is what lies in the recycle bin, read when the first person has no account.
type recycleBin struct {
	read  func() ([]directory.Account, error)
	done  bool
	err   error
	byKey map[string]*directory.Account // :: person key -> account; nil where two carry one link
}

// deletedAccount is the account in the bin with exactly this person's link. The name proves nothing: it may have been another
// person's. Of two with one link nobody can say which it is, and neither is restored.
func (b *builder) deletedAccount(id string) *directory.Account {
	r := &b.bin
	if !r.done {
		r.done = true
		var accounts []directory.Account
		accounts, r.err = r.read()
		r.byKey = map[string]*directory.Account{}
		for i := range accounts {
			l, ok := directory.ParseLink(accounts[i].Link)
			if !ok || l.Connection != b.in.Connection {
				continue
			}
			if _, twice := r.byKey[l.PersonKey()]; twice {
				r.byKey[l.PersonKey()] = nil
				continue
			}
			r.byKey[l.PersonKey()] = &accounts[i]
		}
	}
	return r.byKey[directory.NewLink(b.in.Connection, "", id).PersonKey()]
}
