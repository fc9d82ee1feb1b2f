package provision

import (
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
)

// Do is what comes next in looking for a person's account.
type Do string

const (
	// ReadByID reads the account Step.Account, which of all reads is the freshest.
	ReadByID Do = "read by id"
	// ReadByLink reads the accounts with the person's link under any rule that the connection has or had.
	ReadByLink Do = "read by link"
	// ReadByName reads the account that has the person's name.
	ReadByName Do = "read by name"
	// ReadBin reads the recycle bin.
	ReadBin Do = "read the bin"
	// AskEarlierRuns asks what earlier runs of the person did.
	AskEarlierRuns Do = "ask for earlier runs"
	// Evaluate evaluates the mappings of the rule that provisions a person without an account.
	Evaluate Do = "evaluate"
	// Wait ends the attempt; the next one may see more.
	Wait Do = "wait"
	// Stop ends the attempt with Step.Err.
	Stop Do = "stop"
	// Found: Step.Match is what there is of the person.
	Found Do = "found"
	// Absent: there is no account, or none that a creation would not meet as a conflict. Creating one is safe.
	Absent Do = "absent"
)

// Step is what comes next in looking for a person's account.
type Step struct {
	Do Do
	// Account to read.
	Account string
	// Match is what was found.
	Match plan.Match
	// Restored: the account found was in the recycle bin until this attempt, or one before it, took it out.
	Restored bool
	// Conflict: it is a name that is waited for, which takes seconds and not minutes.
	Conflict bool
	// Err is why nothing can be done.
	Err error
}

// Locate says what comes next in looking for a person's account, so that one person never gets two accounts whatever
// failed before, with as few reads as that allows.
//
// It is a chain of rules. Each of them either knows what comes next or leaves it to those after it.
func Locate(e Evidence) Step {
	for _, rule := range []func(*Evidence) *Step{
		afterRestoration, afterConflict, afterLostRestoration, afterLostAdoption, byKnownID, byPlan, byLink, byEarlierRuns, byEvaluation,
		afterLostCreation, inBin, byName,
	} {
		if step := rule(&e); step != nil {
			return *step
		}
	}
	return Step{Do: Absent}
}

// afterRestoration reads the account that this attempt took out of the bin. That it is there is sure.
func afterRestoration(e *Evidence) *Step {
	if e.Restored == "" {
		return nil
	}
	account, step := e.read(e.Restored)
	switch {
	case step != nil:
		return step
	case account == nil:
		return wait()
	}
	return e.takenOut(account)
}

// afterConflict looks for the account that has the name. One that cannot be seen yet is waited for: the conflict proves
// that it is there. What is never seen is not a user, or sits in a place that we cannot read. It is looked for as long as it may be the
// person's own account, and only for a moment where no creation before may have been carried out.
func afterConflict(e *Evidence) *Step {
	switch {
	case !e.Conflict:
		return nil
	case e.ByName == nil:
		return &Step{Do: ReadByName}
	case e.ByName.Account != nil:
		return e.named(e.ByName.Account)
	case e.Create != nil && (e.settled(e.Create.First) || e.Create.Refused && e.Now.Sub(e.Create.First) > e.Patience):
		return stop(fault.Refused, fault.UPNTaken, directory.UserPrincipalName)
	}
	return &Step{Do: Wait, Conflict: true}
}

// afterLostRestoration looks for the account that an earlier attempt may have taken out of the bin. Where it is neither
// among the accounts nor in the bin, only time tells which of the two reads lags; a second account for the person would be
// worse.
func afterLostRestoration(e *Evidence) *Step {
	if e.Restore == nil {
		return nil
	}
	account, step := e.read(e.Restore.Account)
	switch {
	case step != nil:
		return step
	case account != nil:
		return e.takenOut(account)
	case e.Name == "":
		return &Step{Do: Evaluate}
	case e.Bin == nil:
		return &Step{Do: ReadBin}
	case len(e.Bin.Linked) > 0:
		return e.binned()
	case !e.settled(e.Restore.At):
		return wait()
	}
	return nil
}

// afterLostAdoption looks at the account that an earlier attempt may have adopted. Under its name it is adopted again. Where
// the person has another name by now, or where the account would look as if somebody else had disabled it, reads must first be
// sure to show whether it has the person's link.
func afterLostAdoption(e *Evidence) *Step {
	if e.Adopt == nil {
		return nil
	}
	account, step := e.read(e.Adopt.Account)
	switch {
	case step != nil:
		return step
	case account != nil && e.isOurs(account):
		return linked(account)
	case e.settled(e.Adopt.At):
		return nil
	case e.Name == "":
		return &Step{Do: Evaluate}
	case account != nil && strings.EqualFold(account.UserPrincipalName, e.Name) && !e.Adopt.Disabled:
		return &Step{Do: Found, Match: plan.Match{SameName: account}}
	}
	return wait()
}

// byKnownID reads the account that an earlier pass, the plan or a recent run names.
func byKnownID(e *Evidence) *Step {
	id := e.known()
	if id == "" {
		return nil
	}
	account, step := e.read(id)
	switch {
	case step != nil:
		return step
	case account != nil && e.isOurs(account):
		return linked(account)
	case id == e.Account && !e.settled(e.AccountSince):
		return wait()
	case account == nil || id == e.Account:
		return nil
	case id != e.Planned.Account:
		// What a recent run gave the person: the read may be older than the link.
		return wait()
	case e.open():
		// A rerun, without the plan, would not know what may be there.
		return nil
	}
	return stop(fault.Stale, fault.LinkChanged, "")
}

// known is the object id of the person's account that an earlier pass, the plan, or this worker a short time ago has found. An account that the plan found in the bin is read there, and one with nothing but the name is not the person's yet.
func (e *Evidence) known() string {
	switch {
	case e.Account != "":
		return e.Account
	case e.trustsPlan() && e.Remembered != "":
		return e.Remembered
	case e.Planned.Action == plan.Restore || e.Planned.Action == plan.Adopt:
		return ""
	}
	return e.Planned.Account
}

// trustsPlan: the plan's complete read showed no account of the person, was sure to show one, and nothing has been tried since.
func (e *Evidence) trustsPlan() bool {
	without := e.Planned.Action == plan.Create || e.Planned.Action == plan.Adopt
	return without && !e.Planned.Missed && !e.Planned.Outdated && !e.Thorough && !e.open()
}

// byPlan trusts the plan that found no account of the person.
//
// Temporal's list of runs is costly to ask for every person, and the plan has asked for all of them. Who was not on that
// list and has been created since was created under the name that the plan saw, as long as the source is the same: that the
// creation meets as a conflict.
func byPlan(e *Evidence) *Step {
	switch {
	case !e.trustsPlan() || e.Remembered != "":
		return nil
	case e.Name == "":
		return &Step{Do: Evaluate}
	case e.Planned.Action == plan.Adopt:
		return byPlannedName(e)
	}
	return &Step{Do: Absent}
}

// byPlannedName reads the account that had the person's name when the plan was made.
func byPlannedName(e *Evidence) *Step {
	account, step := e.read(e.Planned.Account)
	switch {
	case step != nil:
		return step
	case account == nil:
		return nil
	case e.isOurs(account):
		return linked(account)
	case !strings.EqualFold(account.UserPrincipalName, e.Name):
		return stop(fault.Stale, fault.PlanChanged, "")
	}
	return &Step{Do: Found, Match: plan.Match{SameName: account}}
}

// byLink looks for the link. More than one account with it is for plan.Decide to refuse.
func byLink(e *Evidence) *Step {
	switch {
	case e.ByLink == nil:
		return &Step{Do: ReadByLink}
	case len(*e.ByLink) > 0:
		return linked(*e.ByLink...)
	}
	return nil
}

// byEarlierRuns looks for an account that the person got so lately that filters do not show it yet. If it cannot be read, it
// has been deleted since, or cannot be seen yet: the bin tells of the one, and only time of the other. Without the link it may
// have been read as it was before it was adopted.
func byEarlierRuns(e *Evidence) *Step {
	if e.Earlier == nil {
		return &Step{Do: AskEarlierRuns}
	}
	if e.Earlier.Account == "" {
		return nil
	}
	account, step := e.read(e.Earlier.Account)
	switch {
	case step != nil:
		return step
	case account != nil && e.isOurs(account):
		return linked(account)
	case account != nil:
		return wait()
	case e.Bin == nil:
		return &Step{Do: ReadBin}
	case !e.Bin.IDs[strings.ToLower(e.Earlier.Account)]:
		return wait()
	}
	// The bin may keep the link to itself; the account is then not to be restored, and not in the way either.
	return e.binned()
}

// byEvaluation asks for the name, which all that follows needs.
func byEvaluation(e *Evidence) *Step {
	if e.Name == "" {
		return &Step{Do: Evaluate}
	}
	return nil
}

// afterLostCreation: an earlier attempt, or an earlier run that somebody ended in the middle of it, may have created the
// account under another name than the person has now. Until reads are sure to show it, nothing is created: two accounts for
// one person are worse than a late one.
func afterLostCreation(e *Evidence) *Step {
	otherName := e.Create.mayBe() && e.Create.Name != NameKey(e.Connection, e.Name) && !e.settled(e.Create.Last)
	cutOff := !e.Earlier.CutOff.IsZero() && !e.settled(e.Earlier.CutOff)
	if otherName || cutOff {
		return wait()
	}
	return nil
}

// inBin looks for the person's account in the recycle bin, where the plan saw one or nobody has looked yet.
func inBin(e *Evidence) *Step {
	// A plan looks there for those of whom it finds no account. One that it found may have been deleted since.
	lookedBefore := e.Create != nil || e.Planned.Action == plan.Create || e.Planned.Action == plan.Adopt
	switch {
	case e.Restore == nil && lookedBefore:
		return nil
	case e.Bin == nil:
		return &Step{Do: ReadBin}
	}
	return e.binned()
}

// byName looks for the name. With nothing uncertain behind us, creating tells as surely as reading whether it is taken, and
// in the usual case saves the read.
func byName(e *Evidence) *Step {
	switch {
	case !e.Thorough && e.Create == nil:
		return nil
	case e.ByName == nil:
		return &Step{Do: ReadByName}
	case e.ByName.Account != nil:
		return e.named(e.ByName.Account)
	}
	return nil
}

// read is the account with the id, nil where it cannot be seen, or the step that reads it.
func (e *Evidence) read(id string) (*directory.Account, *Step) {
	account, done := e.ByID[id]
	if !done {
		return nil, &Step{Do: ReadByID, Account: id}
	}
	return account, nil
}

// takenOut concludes from an account that came out of the bin.
func (e *Evidence) takenOut(account *directory.Account) *Step {
	if !e.isOurs(account) {
		return stop(fault.Refused, fault.LinkChanged, "")
	}
	found := linked(account)
	found.Restored = true
	return found
}

// binned concludes from the accounts in the bin with the person's link: nil where there is none. Of two, nobody knows which
// one is the person's.
func (e *Evidence) binned() *Step {
	switch len(e.Bin.Linked) {
	case 0:
		return nil
	case 1:
		return &Step{Do: Found, Match: plan.Match{Deleted: e.Bin.Linked[0]}}
	}
	return stop(fault.Refused, fault.LinkDuplicate, "")
}

// named concludes from the account that has the name.
func (e *Evidence) named(account *directory.Account) *Step {
	found := &Step{Do: Found, Match: plan.Match{SameName: account}}
	if e.isOurs(account) {
		found.Match.Linked = []*directory.Account{account}
	}
	return found
}

func linked(accounts ...*directory.Account) *Step {
	return &Step{Do: Found, Match: plan.Match{Linked: accounts}}
}

func wait() *Step { return &Step{Do: Wait} }

func stop(kind fault.Kind, reason fault.Reason, subject string) *Step {
	return &Step{Do: Stop, Err: fault.New("match", kind, reason, subject)}
}
