package provision_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
)

// The moments of the table: the attempt begins at now, what happened long ago is in its reads, and what happened just now
// need not be.
var (
	now     = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	long    = now.Add(-16 * time.Minute)
	justNow = now.Add(-time.Minute)
)

// Accounts of the table: the person's own, one whose link was taken off, and a stranger's with the person's name.
var (
	own      = &directory.Account{ID: "own", UserPrincipalName: "ann@contoso.com", Link: "contoso/staff/p1"}
	second   = &directory.Account{ID: "second", UserPrincipalName: "ann2@contoso.com", Link: "contoso/other/p1"}
	unlinked = &directory.Account{ID: "own", UserPrincipalName: "ann@contoso.com"}
	stranger = &directory.Account{ID: "stranger", UserPrincipalName: "ANN@contoso.com"}
)

const name = "ann@contoso.com"

func read(id string, a *directory.Account) map[string]*directory.Account {
	return map[string]*directory.Account{id: a}
}

func links(accounts ...*directory.Account) *[]*directory.Account { return &accounts }

func named(a *directory.Account) *provision.Reading { return &provision.Reading{Account: a} }

func bin(accounts ...*directory.Account) *provision.Bin {
	b := &provision.Bin{IDs: map[string]bool{}}
	for _, a := range accounts {
		b.IDs[a.ID] = true
		if a.Link != "" {
			b.Linked = append(b.Linked, a)
		}
	}
	return b
}

func created(upn string, at time.Time) *provision.CreateAttempt {
	return &provision.CreateAttempt{Name: provision.NameKey("contoso", upn), First: at, Last: at}
}

// evidence is of a person of whom the attempt knows nothing yet.
func evidence(change func(*provision.Evidence)) provision.Evidence {
	e := provision.Evidence{Connection: "contoso", User: "p1", Now: now, Settle: 15 * time.Minute, Patience: time.Minute}
	change(&e)
	return e
}

// nothing is what an attempt has when it has looked everywhere but at the name and the bin, and found nothing.
func nothing(change func(*provision.Evidence)) provision.Evidence {
	return evidence(func(e *provision.Evidence) {
		e.ByLink, e.Earlier, e.Name = links(), &provision.Earlier{}, name
		change(e)
	})
}

func stops(t *testing.T, step provision.Step, kind fault.Kind, reason fault.Reason) {
	t.Helper()
	require.Equal(t, provision.Stop, step.Do)
	require.Equal(t, kind, fault.KindOf(step.Err))
	require.Equal(t, reason, fault.Of(step.Err).Reason)
}

type rows map[string]struct {
	given provision.Evidence
	then  provision.Step
}

func (r rows) check(t *testing.T) {
	t.Helper()
	for title, row := range r {
		t.Run(title, func(t *testing.T) {
			step := provision.Locate(row.given)
			if row.then.Err != nil {
				stops(t, step, fault.KindOf(row.then.Err), fault.Of(row.then.Err).Reason)
				return
			}
			require.Equal(t, row.then, step)
		})
	}
}

func do(d provision.Do) provision.Step { return provision.Step{Do: d} }

func readByID(id string) provision.Step {
	return provision.Step{Do: provision.ReadByID, Account: id}
}

func linked(accounts ...*directory.Account) provision.Step {
	return provision.Step{Do: provision.Found, Match: plan.Match{Linked: accounts}}
}

func sameName(a *directory.Account) provision.Step {
	return provision.Step{Do: provision.Found, Match: plan.Match{SameName: a}}
}

func inBin(a *directory.Account) provision.Step {
	return provision.Step{Do: provision.Found, Match: plan.Match{Deleted: a}}
}

func restored(a *directory.Account) provision.Step {
	step := linked(a)
	step.Restored = true
	return step
}

func stop(kind fault.Kind, reason fault.Reason) provision.Step {
	return provision.Step{Err: fault.New("", kind, reason, "")}
}

// A first attempt on demand: link, earlier runs, name, bin, and then a creation is safe.
func TestLocateOnDemand(t *testing.T) {
	t.Parallel()
	rows{
		"the link is read first":                      {evidence(func(e *provision.Evidence) {}), do(provision.ReadByLink)},
		"one account has it":                          {evidence(func(e *provision.Evidence) { e.ByLink = links(own) }), linked(own)},
		"two accounts have it: plan.Decide refuses":   {evidence(func(e *provision.Evidence) { e.ByLink = links(own, second) }), linked(own, second)},
		"none has it: filters lag, so runs are asked": {evidence(func(e *provision.Evidence) { e.ByLink = links() }), do(provision.AskEarlierRuns)},
		"no run knows: the name is needed": {evidence(func(e *provision.Evidence) {
			e.ByLink, e.Earlier = links(), &provision.Earlier{}
		}), do(provision.Evaluate)},
		"nobody has looked into the bin yet":          {nothing(func(e *provision.Evidence) {}), do(provision.ReadBin)},
		"the account is in the bin":                   {nothing(func(e *provision.Evidence) { e.Bin = bin(own) }), inBin(own)},
		"two are in the bin, and one must be wrong":   {nothing(func(e *provision.Evidence) { e.Bin = bin(own, second) }), stop(fault.Refused, fault.LinkDuplicate)},
		"nowhere: the creation tells of a taken name": {nothing(func(e *provision.Evidence) { e.Bin = bin() }), do(provision.Absent)},
	}.check(t)
}

// A later attempt, and one that may not create or only looks, reads the name before it calls it free.
func TestLocateThoroughly(t *testing.T) {
	t.Parallel()
	thorough := func(change func(*provision.Evidence)) provision.Evidence {
		return nothing(func(e *provision.Evidence) {
			e.Thorough, e.Bin = true, bin()
			change(e)
		})
	}
	rows{
		"the name is read":        {thorough(func(e *provision.Evidence) {}), do(provision.ReadByName)},
		"nobody has it":           {thorough(func(e *provision.Evidence) { e.ByName = named(nil) }), do(provision.Absent)},
		"a stranger has it":       {thorough(func(e *provision.Evidence) { e.ByName = named(stranger) }), sameName(stranger)},
		"the person has it (lag)": {thorough(func(e *provision.Evidence) { e.ByName = named(own) }), provision.Step{Do: provision.Found, Match: plan.Match{Linked: []*directory.Account{own}, SameName: own}}},
	}.check(t)
}

// A plan has read the whole tenant: what it found saves reads, and what it may have missed is looked for.
func TestLocateWithAPlan(t *testing.T) {
	t.Parallel()
	planned := func(change func(*provision.Evidence)) provision.Evidence {
		return evidence(func(e *provision.Evidence) {
			e.Planned.Action = plan.Create
			change(e)
		})
	}
	found := func(action plan.Action, change func(*provision.Evidence)) provision.Evidence {
		return planned(func(e *provision.Evidence) {
			e.Planned = provision.Finding{Action: action, Account: "own"}
			change(e)
		})
	}
	rows{
		"no account: nothing is read":                   {planned(func(e *provision.Evidence) {}), do(provision.Evaluate)},
		"no account: it is created":                     {planned(func(e *provision.Evidence) { e.Name = name }), do(provision.Absent)},
		"this worker made one meanwhile":                {planned(func(e *provision.Evidence) { e.Remembered = "own" }), readByID("own")},
		"this worker adopted one, link not yet visible": {planned(func(e *provision.Evidence) { e.Remembered, e.ByID = "own", read("own", unlinked) }), do(provision.Wait)},
		"this worker made one, not yet visible":         {planned(func(e *provision.Evidence) { e.Remembered, e.ByID = "own", read("own", nil) }), do(provision.ReadByLink)},
		"the plan may have missed a run":                {planned(func(e *provision.Evidence) { e.Planned.Outdated = true }), do(provision.ReadByLink)},
		"the plan's read missed links":                  {planned(func(e *provision.Evidence) { e.Planned.Missed = true }), do(provision.ReadByLink)},
		"a later attempt trusts it no more":             {planned(func(e *provision.Evidence) { e.Thorough = true }), do(provision.ReadByLink)},
		"nor does one after a lost answer":              {planned(func(e *provision.Evidence) { e.Create = created(name, long) }), do(provision.ReadByLink)},
		"the plan has looked into the bin":              {nothing(func(e *provision.Evidence) { e.Planned, e.Thorough = provision.Finding{Action: plan.Create}, true }), do(provision.ReadByName)},
		"an account: it is read by id":                  {found(plan.Update, func(e *provision.Evidence) {}), readByID("own")},
		"it is there":                                   {found(plan.Update, func(e *provision.Evidence) { e.ByID = read("own", own) }), linked(own)},
		"it is gone":                                    {found(plan.Update, func(e *provision.Evidence) { e.ByID = read("own", nil) }), do(provision.ReadByLink)},
		"it is gone: nobody has looked into the bin": {nothing(func(e *provision.Evidence) {
			e.Planned, e.ByID = provision.Finding{Action: plan.Update, Account: "own"}, read("own", nil)
		}), do(provision.ReadBin)},
		"it is the person's no more":          {found(plan.Update, func(e *provision.Evidence) { e.ByID = read("own", unlinked) }), stop(fault.Stale, fault.LinkChanged)},
		"adoption needs the name":             {found(plan.Adopt, func(e *provision.Evidence) {}), do(provision.Evaluate)},
		"adoption reads the account":          {found(plan.Adopt, func(e *provision.Evidence) { e.Name = name }), readByID("own")},
		"adoption under the name":             {found(plan.Adopt, func(e *provision.Evidence) { e.ByID, e.Name = read("own", unlinked), name }), sameName(unlinked)},
		"adoption when the name has changed":  {found(plan.Adopt, func(e *provision.Evidence) { e.ByID, e.Name = read("own", unlinked), "new@contoso.com" }), stop(fault.Stale, fault.PlanChanged)},
		"adoption of one linked meanwhile":    {found(plan.Adopt, func(e *provision.Evidence) { e.ByID, e.Name = read("own", own), name }), linked(own)},
		"adoption when a recent run made one": {found(plan.Adopt, func(e *provision.Evidence) { e.Remembered = "other" }), readByID("other")},
		"adoption in a later attempt":         {found(plan.Adopt, func(e *provision.Evidence) { e.Thorough = true }), do(provision.ReadByLink)},
		"an account in the bin is read there": {found(plan.Restore, func(e *provision.Evidence) {}), do(provision.ReadByLink)},
		"it is":                               {nothing(func(e *provision.Evidence) { e.Planned.Action = plan.Restore }), do(provision.ReadBin)},
		"after a lost answer no plan makes Stale": {found(plan.Update, func(e *provision.Evidence) {
			e.ByID, e.Create = read("own", unlinked), created(name, justNow)
		}), do(provision.ReadByLink)},
	}.check(t)
}

// A pass of the same run knows its account.
func TestLocateWhatAnEarlierPassMade(t *testing.T) {
	t.Parallel()
	pass := func(since time.Time, change func(*provision.Evidence)) provision.Evidence {
		return evidence(func(e *provision.Evidence) {
			e.Account, e.AccountSince = "own", since
			change(e)
		})
	}
	rows{
		"it is read by id":                {pass(justNow, func(e *provision.Evidence) {}), readByID("own")},
		"it is there":                     {pass(justNow, func(e *provision.Evidence) { e.ByID = read("own", own) }), linked(own)},
		"it is not visible yet":           {pass(justNow, func(e *provision.Evidence) { e.ByID = read("own", nil) }), do(provision.Wait)},
		"somebody has deleted it":         {pass(long, func(e *provision.Evidence) { e.ByID = read("own", nil) }), do(provision.ReadByLink)},
		"its link is not visible yet":     {pass(justNow, func(e *provision.Evidence) { e.ByID = read("own", unlinked) }), do(provision.Wait)},
		"somebody has taken the link off": {pass(long, func(e *provision.Evidence) { e.ByID = read("own", unlinked) }), do(provision.ReadByLink)},
	}.check(t)
}

// What earlier runs created is found although no filter shows it.
func TestLocateWhatEarlierRunsMade(t *testing.T) {
	t.Parallel()
	made := func(change func(*provision.Evidence)) provision.Evidence {
		return evidence(func(e *provision.Evidence) {
			e.ByLink, e.Earlier = links(), &provision.Earlier{Account: "own"}
			change(e)
		})
	}
	gone := read("own", nil)
	rows{
		"it is read by id":                    {made(func(e *provision.Evidence) {}), readByID("own")},
		"it is there":                         {made(func(e *provision.Evidence) { e.ByID = read("own", own) }), linked(own)},
		"its link is not visible yet":         {made(func(e *provision.Evidence) { e.ByID = read("own", unlinked) }), do(provision.Wait)},
		"invisible or deleted: the bin tells": {made(func(e *provision.Evidence) { e.ByID = gone }), do(provision.ReadBin)},
		"invisible":                           {made(func(e *provision.Evidence) { e.ByID, e.Bin = gone, bin() }), do(provision.Wait)},
		"deleted":                             {made(func(e *provision.Evidence) { e.ByID, e.Bin = gone, bin(own) }), inBin(own)},
		"deleted, and the bin hides links":    {made(func(e *provision.Evidence) { e.ByID, e.Bin = gone, bin(unlinked) }), do(provision.Evaluate)},
		"cut off: nothing is created yet":     {nothing(func(e *provision.Evidence) { e.Earlier.CutOff = justNow }), do(provision.Wait)},
		"cut off long ago":                    {nothing(func(e *provision.Evidence) { e.Earlier.CutOff = long }), do(provision.ReadBin)},
	}.check(t)
}

// After a creation whose answer was lost.
func TestLocateAfterALostCreation(t *testing.T) {
	t.Parallel()
	lost := func(upn string, at time.Time, change func(*provision.Evidence)) provision.Evidence {
		return nothing(func(e *provision.Evidence) {
			e.Create, e.Thorough = created(upn, at), true
			change(e)
		})
	}
	rows{
		"the link is read":                     {evidence(func(e *provision.Evidence) { e.Create = created(name, justNow) }), do(provision.ReadByLink)},
		"the same name: it is read":            {lost(name, justNow, func(e *provision.Evidence) {}), do(provision.ReadByName)},
		"in another case it is the same":       {lost("ANN@contoso.com", justNow, func(e *provision.Evidence) {}), do(provision.ReadByName)},
		"the same name, free: it is safe":      {lost(name, justNow, func(e *provision.Evidence) { e.ByName = named(nil) }), do(provision.Absent)},
		"another name: it may yet appear":      {lost("old@contoso.com", justNow, func(e *provision.Evidence) {}), do(provision.Wait)},
		"another name, long ago":               {lost("old@contoso.com", long, func(e *provision.Evidence) {}), do(provision.ReadByName)},
		"another name, tried again since then": {lost("old@contoso.com", long, func(e *provision.Evidence) { e.Create.Last = justNow }), do(provision.Wait)},
		"another name, and it was refused":     {lost("old@contoso.com", justNow, func(e *provision.Evidence) { e.Create.Refused = true }), do(provision.ReadByName)},
	}.check(t)
}

// After a creation that was refused because the name is taken.
func TestLocateAfterAConflict(t *testing.T) {
	t.Parallel()
	conflict := func(at time.Time, by *provision.Reading) provision.Evidence {
		return nothing(func(e *provision.Evidence) { e.Conflict, e.Create, e.ByName = true, created(name, at), by })
	}
	refused := func(first time.Time) provision.Evidence {
		e := conflict(first, named(nil))
		e.Create.Refused = true
		return e
	}
	rows{
		"who has it is read":                     {conflict(justNow, nil), do(provision.ReadByName)},
		"the person":                             {conflict(justNow, named(own)), provision.Step{Do: provision.Found, Match: plan.Match{Linked: []*directory.Account{own}, SameName: own}}},
		"a stranger":                             {conflict(justNow, named(stranger)), sameName(stranger)},
		"somebody who is not visible yet":        {conflict(justNow, named(nil)), provision.Step{Do: provision.Wait, Conflict: true}},
		"something that nobody ever sees":        {conflict(long, named(nil)), stop(fault.Refused, fault.UPNTaken)},
		"who cannot be the person, for a moment": {refused(now.Add(-time.Second)), provision.Step{Do: provision.Wait, Conflict: true}},
		"who cannot be the person":               {refused(now.Add(-2 * time.Minute)), stop(fault.Refused, fault.UPNTaken)},
	}.check(t)
}

// After an adoption whose answer was lost: under another name by now, nothing is done until reads are sure to show it.
func TestLocateAfterALostAdoption(t *testing.T) {
	t.Parallel()
	lost := func(at time.Time, change func(*provision.Evidence)) provision.Evidence {
		return evidence(func(e *provision.Evidence) {
			e.Adopt = &provision.AccountAttempt{Account: "own", At: at}
			change(e)
		})
	}
	rows{
		"it is read by id":          {lost(justNow, func(e *provision.Evidence) {}), readByID("own")},
		"it has the link":           {lost(justNow, func(e *provision.Evidence) { e.ByID = read("own", own) }), linked(own)},
		"it shows none: the name":   {lost(justNow, func(e *provision.Evidence) { e.ByID = read("own", unlinked) }), do(provision.Evaluate)},
		"under its name, again":     {lost(justNow, func(e *provision.Evidence) { e.ByID, e.Name = read("own", unlinked), name }), sameName(unlinked)},
		"unless it was disabled":    {lost(justNow, func(e *provision.Evidence) { e.ByID, e.Name, e.Adopt.Disabled = read("own", unlinked), name, true }), do(provision.Wait)},
		"under another name":        {lost(justNow, func(e *provision.Evidence) { e.ByID, e.Name = read("own", unlinked), "new@contoso.com" }), do(provision.Wait)},
		"it cannot be seen":         {lost(justNow, func(e *provision.Evidence) { e.ByID, e.Name = read("own", nil), name }), do(provision.Wait)},
		"it has none, and long ago": {lost(long, func(e *provision.Evidence) { e.ByID = read("own", unlinked) }), do(provision.ReadByLink)},
	}.check(t)
}

// After a restoration, also one whose answer was lost.
func TestLocateAfterARestoration(t *testing.T) {
	t.Parallel()
	lost := func(at time.Time, change func(*provision.Evidence)) provision.Evidence {
		return evidence(func(e *provision.Evidence) {
			e.Restore = &provision.AccountAttempt{Account: "own", At: at}
			change(e)
		})
	}
	gone := read("own", nil)
	rows{
		"this attempt's is read by id":          {lost(justNow, func(e *provision.Evidence) { e.Restored = "own" }), readByID("own")},
		"it is there":                           {lost(justNow, func(e *provision.Evidence) { e.Restored, e.ByID = "own", read("own", own) }), restored(own)},
		"it is not visible yet":                 {lost(long, func(e *provision.Evidence) { e.Restored, e.ByID = "own", gone }), do(provision.Wait)},
		"it is the person's no more":            {lost(justNow, func(e *provision.Evidence) { e.Restored, e.ByID = "own", read("own", unlinked) }), stop(fault.Refused, fault.LinkChanged)},
		"an earlier attempt's is read by id":    {lost(justNow, func(e *provision.Evidence) {}), readByID("own")},
		"that one is there":                     {lost(justNow, func(e *provision.Evidence) { e.ByID = read("own", own) }), restored(own)},
		"that one is somebody else's":           {lost(justNow, func(e *provision.Evidence) { e.ByID = read("own", unlinked) }), stop(fault.Refused, fault.LinkChanged)},
		"whoever cannot be judged fails early":  {lost(justNow, func(e *provision.Evidence) { e.ByID = gone }), do(provision.Evaluate)},
		"it is looked for in the bin":           {lost(justNow, func(e *provision.Evidence) { e.ByID, e.Name = gone, name }), do(provision.ReadBin)},
		"it is there still":                     {lost(justNow, func(e *provision.Evidence) { e.ByID, e.Name, e.Bin = gone, name, bin(own) }), inBin(own)},
		"neither here nor there: one read lags": {lost(justNow, func(e *provision.Evidence) { e.ByID, e.Name, e.Bin = gone, name, bin() }), do(provision.Wait)},
		"neither here nor there, long ago":      {lost(long, func(e *provision.Evidence) { e.ByID, e.Name, e.Bin = gone, name, bin() }), do(provision.ReadByLink)},
	}.check(t)
}
