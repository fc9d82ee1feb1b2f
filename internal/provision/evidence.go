package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/plan"
)

// Evidence is what is known of one person's account at one moment of an attempt: what the attempt was told, what attempts
// and runs before it left behind, what it has read, and what it has done. Locate concludes from it what comes next.
type Evidence struct {
	// Connection and User are the person.
	Connection, User string
	// Now is when the attempt began. All reads are later, so what had settled by then is sure to be in them.
	Now time.Time
	// Settle is how long what was written may stay invisible to reads.
	Settle time.Duration
	// Patience is for how long the holder of a name is looked for where the holder cannot be the person.
	Patience time.Duration
	// Thorough: a name is not taken to be free because a creation would meet it as a conflict. So it is in every attempt but
	// the first, where nothing may be created, and for whoever only looks.
	Thorough bool

	// Planned is what the plan of a sync found; zero in a run on demand.
	Planned Finding
	// Account is what an earlier pass of the same run created or changed, and AccountSince when this pass began.
	Account      string
	AccountSince time.Time

	// Create, Restore and Adopt are what an attempt before this one, or this one, may have done; nil when none has.
	Create  *CreateAttempt
	Restore *AccountAttempt
	Adopt   *AccountAttempt
	// Remembered is the account that this worker gave the person within the settling time.
	Remembered string
	// Earlier is what earlier runs did; nil until they have been asked for.
	Earlier *Earlier

	// Name is the user principal name that the person should have; "" until the mappings have been evaluated.
	Name string
	// ByID holds the accounts that were read by id; nil stands for one that could not be seen.
	ByID map[string]*directory.Account
	// ByLink are the accounts with the person's link; nil until they have been read.
	ByLink *[]*directory.Account
	// ByName is what has the name; nil until it has been read.
	ByName *Reading
	// Bin is the recycle bin; nil until it has been read.
	Bin *Bin

	// Restored is the account that this attempt took out of the recycle bin.
	Restored string
	// Conflict: this attempt's creation was refused because the name is taken.
	Conflict bool
}

// Finding is what the plan of a sync found of a person.
type Finding struct {
	// Action is what is planned; "" without a plan.
	Action plan.Action
	// Account is the one found.
	Account string
	// Missed: the plan's read of the tenant showed fewer links than were known, so it proves nobody's account missing.
	Missed bool
	// Outdated: when the plan was made, a run had ended so lately that the plan's read of the tenant may have missed its
	// account; or the source has changed since.
	Outdated bool
}

// CreateAttempt says that an account may have been created.
type CreateAttempt struct {
	// Name stands for the account's name (NameKey).
	Name string `json:"name"`
	// First is when a creation under this name was tried first, and Last when it was tried last.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Refused: the last creation was refused because the name is taken, and none before it may have been carried out.
	Refused bool `json:"refused,omitempty"`
}

// AccountAttempt says that an account may have been taken out of the recycle bin, or may have been adopted.
type AccountAttempt struct {
	Account string    `json:"account"`
	At      time.Time `json:"at"`
	// Disabled: the adoption disabled the account.
	Disabled bool `json:"disabled,omitempty"`
}

// Earlier is what a person's runs within the settling time tell.
type Earlier struct {
	// Account was created, restored or adopted by one of them; "" when none was.
	Account string
	// CutOff is when one of them was ended in the middle of something that may have been that; zero when none was.
	CutOff time.Time
}

// Reading is what a read showed; Account is nil where it showed none.
type Reading struct{ Account *directory.Account }

// Bin is what a complete read of the recycle bin showed.
type Bin struct {
	// Linked are the accounts with the person's link.
	Linked []*directory.Account
	// IDs are the ids of all accounts, in lower case.
	IDs map[string]bool
}

// NameKey stands for a user principal name where it must not be stored.
func NameKey(connection, upn string) string {
	sum := sha256.Sum256([]byte(connection + "\x00" + strings.ToLower(upn)))
	return hex.EncodeToString(sum[:8])
}

// isOurs reports that an account carries the person's link, under whichever rule.
func (e *Evidence) isOurs(a *directory.Account) bool { return isLinkOf(a, e.Connection, e.User) }

func isLinkOf(a *directory.Account, connection, user string) bool {
	l, ok := directory.ParseLink(a.Link)
	return ok && l.IsOf(connection, user)
}

// settled reports that what happened then is sure to be in this attempt's reads.
func (e *Evidence) settled(then time.Time) bool { return e.Now.Sub(then) > e.Settle }

// open reports that nobody knows yet what came of a creation, restoration or adoption. What the plan says does not count
// then: only this attempt, and those after it, know what to look for.
func (e *Evidence) open() bool { return e.Create.mayBe() || e.Restore != nil || e.Adopt != nil }

// mayBe reports that the account may have been created.
func (c *CreateAttempt) mayBe() bool { return c != nil && !c.Refused }
