package provision

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
	"github.com/entraflow/entraflow/internal/plan"
)

// create makes the account; the change that it gives back names it. Where the name is taken it names none, and Locate looks for whose it is.
// What Graph refuses is left out, as far as an account can be without it, and the person is partly synced.
func (p *provisioning) create(ctx context.Context, c plan.Change) (plan.Change, error) {
	desired := p.person.Desired
	password, err := p.claim.Program.Password(p.claim.record, p.options.Random, func(ref string) (string, error) {
		return p.options.Secrets.Read(ctx, ref, fault.SecretUnreadable)
	})
	if err != nil {
		return c, err
	}
	if err := p.announceCreation(ctx); err != nil {
		return c, err
	}
	u := graph.NewUser{
		UserPrincipalName: desired.UserPrincipalName,
		Password:          password,
		Enabled:           c.Mark.Disabled == "",
		ResetPassword:     desired.ResetPassword,
		Attributes:        maps.Clone(desired.Attributes),
		Link:              directory.NewLink(p.in.Connection, p.claim.Name, p.person.ID).String(),
		Mark:              c.Mark.String(),
	}
	for tries := 0; ; tries++ {
		id, err := p.tenant.CreateUser(ctx, u, p.settings.Selection())
		without := dispensable(graph.RefusedAttributes(err))
		switch {
		case err == nil:
			p.remember(id)
			c.AccountID = id
			return c, nil
		case fault.Is(err, fault.AccountExists):
			p.evidence.Conflict, p.evidence.ByName, p.conflict = true, nil, err
			return c, p.noteRefusal(ctx)
		case !refused(ctx, err):
			return c, err
		case len(without) == 0 || tries >= maxRefusals:
			p.nothingCreated(ctx)
			return c, err
		}
		for _, name := range without {
			delete(u.Attributes, name)
		}
		c = withoutRefused(c, without, err)
	}
}

// dispensable are the attributes without which the account may be created; nil where one that was refused must be there. An immutable
// id that another account has must: the person may have that account.
func dispensable(refused []string) []string {
	for _, name := range refused {
		if a, _ := directory.FindAttribute(name); a.Required || name == directory.ImmutableID || a.Name != name {
			return nil
		}
	}
	return refused
}

// withoutRefused takes off the change what Graph refused, and says so.
func withoutRefused(c plan.Change, refused []string, err error) plan.Change {
	subject := refused
	if c.Outcome == plan.PartiallySynced && c.Reason == fault.Of(err).Reason && c.Subject != "" {
		subject = append(strings.Split(c.Subject, ", "), refused...)
	}
	c.Attributes = slices.DeleteFunc(slices.Clone(c.Attributes), func(name string) bool { return slices.Contains(refused, name) })
	c.Outcome, c.Reason, c.Subject = plan.PartiallySynced, fault.Of(err).Reason, strings.Join(subject, ", ")
	return c
}

// refused reports that Graph has answered a request and not carried it out.
func refused(ctx context.Context, err error) bool {
	kind := fault.KindOf(err)
	return err != nil && kind != fault.Uncertain && kind != fault.Internal && ctx.Err() == nil
}

// announceCreation notes, before the request, that an account may come into being under this name.
func (p *provisioning) announceCreation(ctx context.Context) error {
	now := p.options.Now()
	create := &CreateAttempt{Name: NameKey(p.in.Connection, p.person.Desired.UserPrincipalName), First: now, Last: now}
	if before := p.before.Create; before != nil && before.Name == create.Name {
		create.First = before.First
	}
	p.evidence.Create = create
	return p.keepNote(ctx)
}

// noteRefusal notes that nothing has been created as yet, where that is sure: who waits for the holder of the name to be seen then knows
// that it is not the person.
func (p *provisioning) noteRefusal(ctx context.Context) error {
	if p.before.Create.mayBe() {
		return nil
	}
	refused := *p.evidence.Create
	refused.Refused = true
	p.evidence.Create = &refused
	return p.keepNote(ctx)
}

// nothingCreated takes the announcement back: Graph has refused this request, and no request before it may have created
// anything.
func (p *provisioning) nothingCreated(ctx context.Context) {
	announced := p.evidence.Create
	if p.before.Create.mayBe() || announced == nil {
		return
	}
	p.evidence.Create = nil
	if p.keepNote(ctx) != nil {
		p.evidence.Create = announced
	}
}

// keepNote notes for the next attempt what may have been done so far.
func (p *provisioning) keepNote(ctx context.Context) error {
	return p.notes.Keep(ctx, Note{Create: p.evidence.Create, Restore: p.evidence.Restore, Adopt: p.evidence.Adopt})
}

// restore takes the account out of the bin. What differs then is written once it can be read, as for any linked one.
func (p *provisioning) restore(ctx context.Context, c plan.Change) error {
	repeated := p.before.Restore != nil && p.before.Restore.Account == c.AccountID
	p.evidence.Restore = &AccountAttempt{Account: c.AccountID, At: p.options.Now()}
	if err := p.keepNote(ctx); err != nil {
		return err
	}
	err := p.tenant.RestoreUser(ctx, c.AccountID)
	if name := p.person.Desired.UserPrincipalName; fault.Is(err, fault.AccountExists) && name != "" {
		// Somebody else has the name of before by now. The person's present one may be free.
		err = p.restoreAs(ctx, c.AccountID, name)
	}
	if refused(ctx, err) && p.before.Restore == nil {
		p.evidence.Restore = nil
		_ = p.keepNote(ctx)
	}
	switch {
	case fault.Is(err, fault.AccountExists):
		return fault.Wrap("restore user", fault.Refused, fault.UPNTaken, directory.UserPrincipalName, err)
	case repeated && fault.Is(err, fault.AccountNotFound):
		// An earlier attempt has taken it out, and the bin was read from a server that does not know.
	case err != nil:
		return err
	}
	// A rerun, because settings changed just now, has no note of this attempt.
	p.remember(c.AccountID)
	p.evidence.Restored = c.AccountID
	delete(p.evidence.ByID, c.AccountID)
	return nil
}

// adopt writes link and attributes to an account that is not the person's yet.
func (p *provisioning) adopt(ctx context.Context, s plan.Policy, c plan.Change) (plan.Change, error) {
	p.evidence.Adopt = &AccountAttempt{Account: c.AccountID, At: p.options.Now(), Disabled: c.Disable}
	if err := p.keepNote(ctx); err != nil {
		return c, err
	}
	c, err := p.patchAccepted(ctx, s, c)
	switch {
	case err == nil:
		p.remember(c.AccountID)
	case refused(ctx, err) && p.before.Adopt == nil:
		p.evidence.Adopt = nil
		_ = p.keepNote(ctx)
	}
	return c, err
}

// update writes what differs about the person's account. To disable it is a request of its own, and the first: nothing that
// Graph refuses about the rest keeps it open. The rest is then reported.
func (p *provisioning) update(ctx context.Context, s plan.Policy, c plan.Change) (plan.Change, error) {
	closing := c
	closing.Attributes = slices.DeleteFunc(slices.Clone(c.Attributes), func(name string) bool {
		return name != directory.AccountEnabled && name != plan.AttributeMark
	})
	if !c.Disable || len(closing.Attributes) == len(c.Attributes) {
		return p.patchAccepted(ctx, s, c)
	}
	if err := p.patch(ctx, s, closing); err != nil {
		return c, err
	}
	rest := c
	rest.Attributes = slices.DeleteFunc(slices.Clone(c.Attributes), func(name string) bool { return slices.Contains(closing.Attributes, name) })
	rest, err := p.patchAccepted(ctx, s, rest)
	if f := fault.Of(err); err != nil && !f.Kind.Retryable() {
		closing.Outcome, closing.Reason, closing.Subject = plan.PartiallySynced, f.Reason, f.Subject
		return closing, nil
	}
	c.Outcome, c.Reason, c.Subject = rest.Outcome, rest.Reason, rest.Subject
	c.Attributes = slices.DeleteFunc(slices.Clone(c.Attributes), func(name string) bool {
		return !slices.Contains(rest.Attributes, name) && !slices.Contains(closing.Attributes, name)
	})
	return c, err
}

// maxRefusals is how often a request is sent again without what Graph refused. Graph names one attribute at a time in most refusals.
const maxRefusals = 3

// patchAccepted writes what Graph lets us write: where it refuses some attributes, the others are written all the same, and the person
// is partly synced. Sign-in name and alias change together or not at all.
func (p *provisioning) patchAccepted(ctx context.Context, s plan.Policy, c plan.Change) (plan.Change, error) {
	var refusedAll []string
	for {
		err := p.patch(ctx, s, c)
		refused := graph.RefusedAttributes(err)
		if slices.Contains(refused, directory.UserPrincipalName) || slices.Contains(refused, directory.MailNickname) {
			refused = append(slices.Clone(refused), directory.UserPrincipalName, directory.MailNickname)
		}
		accepted := slices.DeleteFunc(slices.Clone(c.Attributes), func(name string) bool { return slices.Contains(refused, name) })
		if err == nil || len(accepted) == len(c.Attributes) || len(refusedAll) >= maxRefusals || fault.Of(err).Kind.Retryable() {
			return c, err
		}
		for _, name := range c.Attributes {
			if !slices.Contains(accepted, name) {
				refusedAll = append(refusedAll, name)
			}
		}
		c.Attributes = accepted
		c.Outcome, c.Reason, c.Subject = plan.PartiallySynced, fault.Of(err).Reason, strings.Join(refusedAll, ", ")
		if len(accepted) == 0 {
			return c, nil
		}
	}
}

// patch writes the account's differing attributes with one request.
func (p *provisioning) patch(ctx context.Context, s plan.Policy, c plan.Change) error {
	desired := p.person.Desired
	u := graph.Patch{Attributes: map[string]string{}}
	for _, name := range c.Attributes {
		switch name {
		case directory.UserPrincipalName:
			u.UserPrincipalName = &desired.UserPrincipalName
		case directory.AccountEnabled:
			u.Enabled = &c.Enable
		case plan.AttributeLink:
			link := directory.NewLink(s.Connection, s.Rule, p.person.ID).String()
			u.Link = &link
		case plan.AttributeMark:
			mark := c.Mark.String()
			u.Mark = &mark
		case directory.Manager:
			// SetManager, a request of its own.
		default:
			u.Attributes[name] = desired.Attributes[name]
		}
	}
	// The account was read a moment ago: that a server does not know it can only mean not yet. Should it be gone, the next
	// attempt's read tells.
	return p.tenant.UpdateUser(ctx, c.AccountID, u, s.Selection, graph.RecentlyWritten())
}
