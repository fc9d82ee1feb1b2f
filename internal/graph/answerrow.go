package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/fault"
)

// answerRow is one row of the table that turns answers into faults: what it matches, and what is made of it. All conditions
// that are set must hold; the first row that matches wins.
type answerRow struct {
	// name is for tests and for the cause of the fault.
	name string
	// login: the row is for the sign-in service; else it is for Graph.
	login bool
	// status: one of these; empty is any.
	status []int
	// codes: error.code is one of these, in any case.
	codes []string
	// aadsts: one of the sign-in service's numbers.
	aadsts []int
	// conflicts: details has an ObjectConflict for one of these targets or, in an answer without details, the message says
	// that another object has the same value for one of them. "*" is any.
	conflicts []string
	// detail: one entry of details has this code; target, if set, must be that entry's.
	detail, target string
	// message: the message contains one of these, and the code is a generic one. Lower case.
	message []string
	// when: what the answer's words do not tell.
	when func(*answer) bool

	// refuses are the attributes that such an answer is known to be about where it names none; those that the request did not
	// have are left out. An answer that names attributes is about those.
	refuses []string

	kind    fault.Kind
	reason  fault.Reason
	subject func(*answer) string
	// wait is the wait of our own where the answer names none; nil leaves it to the caller's retry policy.
	wait func(backoff.Policy) backoff.Step
}

// match finds the first row; the last row of each service matches everything.
func match(a *answer) *answerRow {
	for i := range answerTable {
		if answerTable[i].matches(a) {
			return &answerTable[i]
		}
	}
	panic("the table of answers has no last row")
}

func (r *answerRow) matches(a *answer) bool {
	switch {
	case r.login != a.login,
		len(r.status) > 0 && !slices.Contains(r.status, a.status),
		len(r.codes) > 0 && !slices.ContainsFunc(r.codes, func(c string) bool { return strings.EqualFold(c, a.code) }),
		len(r.aadsts) > 0 && !slices.ContainsFunc(r.aadsts, func(n int) bool { return slices.Contains(a.aadsts, n) }),
		len(r.conflicts) > 0 && !slices.ContainsFunc(r.conflicts, a.conflictsOn),
		r.detail != "" && !a.hasDetail(r.detail, r.target),
		len(r.message) > 0 && !a.says(r.message),
		r.when != nil && !r.when(a):
		return false
	}
	return true
}

// says reports whether the message contains one of the texts. Graph asks clients to go by codes, so texts are looked at
// only where the code tells nothing.
func (a *answer) says(texts []string) bool {
	switch strings.ToLower(a.code) {
	case "request_badrequest", "badrequest":
	default:
		return false
	}
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(a.lower, t) })
}

func (a *answer) hasDetail(code, target string) bool {
	return slices.ContainsFunc(a.details, func(d detail) bool {
		return strings.EqualFold(d.Code, code) && (target == "" || strings.EqualFold(d.Target, target))
	})
}

func (a *answer) conflictsOn(target string) bool {
	if target == "*" {
		return a.hasDetail("ObjectConflict", "") || a.says([]string{"another object with the same value for property"})
	}
	return a.hasDetail("ObjectConflict", target) ||
		a.says([]string{"another object with the same value for property " + strings.ToLower(target) + " already"})
}

func on(name string) func(*answer) string { return func(*answer) string { return name } }

// attribute names what the answer is about: all attributes that it names, or those of the request that it is known to be
// about.
func attribute(a *answer) string { return strings.Join(a.attributes(), ", ") }

// refused are the attributes without which the request may succeed.
func (r *answerRow) refused(a *answer) []string {
	if a.status != 400 && a.status != 403 && a.status != 409 || r.kind.Retryable() {
		return nil
	}
	about := a.attributes()
	if len(r.refuses) > 0 {
		about = r.refuses
	}
	var out []string
	for _, name := range about {
		if slices.Contains(a.sent, name) {
			out = append(out, name)
		}
	}
	return out
}

// refusedNames is the subject of an answer that names no attributes and is known to be about some.
func refusedNames(names []string) func(*answer) string {
	return func(a *answer) string {
		return strings.Join((&answerRow{kind: fault.Invalid, refuses: names}).refused(a), ", ")
	}
}

func neededPermission(a *answer) string {
	if len(a.op.permissions) == 0 {
		return ""
	}
	return a.op.permissions[0]
}

func aadstsNumber(a *answer) string {
	if len(a.aadsts) == 0 {
		return ""
	}
	return fmt.Sprintf("AADSTS%d", a.aadsts[0])
}

func writing(a *answer) bool      { return a.op.write }
func onAccount(a *answer) bool    { return a.op.account }
func creating(a *answer) bool     { return a.op.name == opCreateUser.name }
func registering(a *answer) bool  { return a.op.name == opRegister.name }
func readingByUPN(a *answer) bool { return a.op.name == opReadUserByUPN.name }

func onGroup(a *answer) bool        { return a.op.group }
func upserting(a *answer) bool      { return a.op.name == opUpsertGroup.name }
func addingOne(a *answer) bool      { return a.op.name == opAddMember.name }
func removingMember(a *answer) bool { return a.op.name == opRemoveMember.name }
func aboutGroup(a *answer) bool     { return a.op.group || upserting(a) }

// namedAccount is the account of a membership request that the answer names; "" where it names none of them.
func namedAccount(a *answer) string {
	for _, id := range a.accountIDs {
		if strings.Contains(a.lower, strings.ToLower(id)) {
			return id
		}
	}
	return ""
}

func onExtensions(a *answer) bool {
	return a.op.name == opRegister.name || a.op.name == opExtensions.name
}
