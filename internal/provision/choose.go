package provision

import (
	"context"
	"slices"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// find locates the person's account. Where the mapping gives several names, and the person has no account, it goes on to the next name
// while one is surely another's. What cannot be read is never taken for another's: Locate waits for it.
//
// Errors: those of locate; fault.UPNTaken where no name is left; fault.AccountOfAnother where nothing tells whose an account is.
func (p *provisioning) find(ctx context.Context) (plan.Match, error) {
	for {
		match, err := p.locate(ctx)
		if err != nil || len(p.person.Desired.Candidates) == 0 || len(match.Linked) > 0 || match.Deleted != nil || p.person.Err != nil {
			return match, err
		}
		taken, err := p.anothers(ctx, match.SameName)
		if err != nil {
			return match, err
		}
		next := p.candidate + 1
		if !taken {
			if next, err = p.laterOwn(ctx, match); err != nil || next == 0 {
				return match, err
			}
		}
		if p.candidate = next; p.candidate > len(p.person.Desired.Candidates) {
			return match, refuse("match", fault.UPNTaken, directory.UserPrincipalName)
		}
		p.giveName(nil)
		p.evidence.Name, p.evidence.Conflict, p.evidence.ByName, p.conflict = p.person.Desired.UserPrincipalName, false, nil, nil
	}
}

// laterOwn is which of the names behind a free one an account has that shows to be the person's, counted from 1; 0 for none. The free name may
// have become free since that account was made, and whoever has an account gets no second one. A plan has looked at all of them.
//
// Errors: fault.UPNTaken where such an account is that of an id that is gone, whose person may be this one; those of reading.
func (p *provisioning) laterOwn(ctx context.Context, match plan.Match) (int, error) {
	names := p.person.Desired.Candidates
	if match.SameName != nil || p.in.Planned != nil || p.evidence.Create != nil || p.evidence.Adopt != nil {
		return 0, nil
	}
	for i := p.candidate; i < len(names); i++ {
		holder, err := orNone(p.tenant.UserByUPN(ctx, names[i], p.settings.Selection()))
		if err != nil {
			return 0, err
		}
		if holder == nil {
			continue
		}
		switch p.policy().Holder(p.person, holder) {
		case plan.HolderSelf:
			// Who vouches for the person does not mean every account that nobody has.
			if !p.in.SamePerson {
				return i + 1, nil
			}
		case plan.HolderOtherID:
			another, err := p.anothers(ctx, holder)
			switch {
			case err != nil:
				return 0, err
			case !another:
				return 0, refuse("match", fault.UPNTaken, directory.UserPrincipalName)
			}
		case plan.HolderAnother, plan.HolderUnclear:
		}
	}
	return 0, nil
}

// giveName settles which of several names the person gets.
func (p *provisioning) giveName(linked []*directory.Account) {
	names := p.person.Desired.Candidates
	if len(names) == 0 {
		return
	}
	if len(linked) > 0 {
		p.person = p.person.Keeping(linked)
		return
	}
	if p.candidate == 0 {
		p.candidate = p.firstCandidate(names)
	}
	p.person.Desired.UserPrincipalName = names[min(p.candidate, len(names))-1]
}

// firstCandidate is the name to begin with: the one under which an attempt before this one may have created or adopted an account, so that
// it is looked for there; else the plan's; else the first.
func (p *provisioning) firstCandidate(names []string) int {
	if create := p.evidence.Create; create != nil {
		if i := slices.IndexFunc(names, func(name string) bool { return NameKey(p.in.Connection, name) == create.Name }); i >= 0 {
			return i + 1
		}
	}
	if adopt := p.evidence.Adopt; adopt != nil && p.evidence.ByID[adopt.Account] != nil {
		key := NameKey(p.in.Connection, p.evidence.ByID[adopt.Account].UserPrincipalName)
		if i := slices.IndexFunc(names, func(name string) bool { return NameKey(p.in.Connection, name) == key }); i >= 0 {
			return i + 1
		}
	}
	if p.in.Planned != nil && p.in.Planned.Candidate > 0 && p.in.Planned.Candidate <= len(names) {
		return p.in.Planned.Candidate
	}
	return 1
}

// anothers reports that a name is surely another person's: its holder is, or somebody of another rule wants it.
func (p *provisioning) anothers(ctx context.Context, holder *directory.Account) (bool, error) {
	if holder == nil {
		if p.in.Planned != nil && p.in.Planned.Candidate == p.candidate {
			// The plan has looked at what everybody wants.
			return false, nil
		}
		wanted, err := p.wanted(ctx, p.settings, p.person.Desired.UserPrincipalName)
		return wanted > 0, err
	}
	switch p.policy().Holder(p.person, holder) {
	case plan.HolderAnother:
		return true, nil
	case plan.HolderOtherID:
		// The person may have got a new id. While the other id is at a source, it is somebody else.
		l, _ := directory.ParseLink(holder.Link)
		if l.Hashed {
			return false, nil
		}
		claims, why, err := p.Provisioner.claims(ctx, p.settings, l.SourceID)
		return len(claims) > 0 || why == fault.PersonOutOfScope, err
	case plan.HolderUnclear:
		return false, refuse("match", fault.AccountOfAnother, directory.UserPrincipalName)
	case plan.HolderSelf:
	}
	return false, nil
}

// restoreAs takes an account out of the bin under the person's name or, where the mapping gives several, under the first that is free. A
// name is passed over only if its holder can be seen.
func (p *provisioning) restoreAs(ctx context.Context, id, name string) (err error) {
	names := p.person.Desired.Candidates
	if len(names) == 0 {
		names = []string{name}
	}
	for _, name := range names {
		if err = p.tenant.RestoreUserAs(ctx, id, name); !fault.Is(err, fault.AccountExists) {
			return err
		}
		if holder, readErr := orNone(p.tenant.UserByUPN(ctx, name, p.settings.Selection())); readErr != nil || holder == nil {
			return err
		}
	}
	return err
}
