package provision_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/plan"
	"github.com/entraflow/entraflow/internal/provision"
)

// modelRun is one run of a person's workflow, with what its history tells of its activities.
type modelRun struct {
	user       string
	activities []*modelActivity
	// closed is when it ended; zero while it runs.
	closed time.Time
}

// modelActivity is one ProvisionAccount with all its attempts.
type modelActivity struct {
	// account was created or restored, as the result says.
	account string
	// ended is when it told how it ended; zero where it never did. open: it left open whether it had created anything.
	ended time.Time
	open  bool
}

// death ends an attempt in the middle, as the death of its worker does.
type death struct{}

// modelNotes are the heartbeats of one activity.
type modelNotes struct {
	*model
	last *provision.Note
}

func (n modelNotes) Last(context.Context) (provision.Note, error) { return *n.last, nil }

func (n modelNotes) Keep(_ context.Context, note provision.Note) error {
	n.mayDie("before a note")
	if n.once(n.trouble) {
		return fault.New("note", fault.Transient, fault.TemporalUnavailable, "")
	}
	*n.last = note
	n.mayDie("after a note")
	return nil
}

// Of tells what earlier runs did, as their histories do.
func (m *model) Of(_ context.Context, _, user string, since time.Time) (earlier provision.Earlier, err error) {
	m.mayDie("reading histories")
	if m.once(m.trouble) {
		return earlier, fault.New("read histories", fault.Transient, fault.TemporalUnavailable, "")
	}
	for _, run := range slices.Backward(m.runs) {
		if run.user != user || !run.closed.IsZero() && !run.closed.After(since) {
			continue
		}
		for _, a := range run.activities {
			at := a.ended
			switch {
			case a == m.current:
				continue
			case a.account != "":
				return provision.Earlier{Account: a.account}, nil
			case !at.IsZero() && !a.open:
				continue
			case at.IsZero() && run.closed.IsZero():
				at = m.clock
			case at.IsZero():
				at = run.closed
			}
			if at.After(earlier.CutOff) {
				earlier.CutOff = at
			}
		}
	}
	return earlier, nil
}

// maxPasses is that of the workflow.
const maxPasses = 5

// provision is the workflow ProvisionUser.
func (m *model) provision(user string, in api.ProvisionInput) {
	run := &modelRun{user: user}
	m.runs = append(m.runs, run)
	in.Connection, in.User = "contoso", user
	m.note("run for %s, planned %+v", user, in.Planned)
	for range maxPasses {
		done, err := m.activity(run, in)
		if m.last = done; err != nil {
			m.last.Reason = fault.Of(err).Reason
		}
		switch {
		case errors.Is(err, errStopped):
			m.note("run for %s terminated", user)
		case fault.KindOf(err) == fault.Stale:
			if in.Planned != nil {
				in.Hold = fault.PlanChanged
			}
			in.Planned, in.Revision, in.Rule = nil, 0, ""
			continue
		case err == nil && done.Action != plan.None:
			in.AccountID = done.AccountID
			if m.once(m.trouble) {
				// A license found the plan out of date.
				in.Planned, in.Revision, in.Rule = nil, 0, ""
				continue
			}
		}
		break
	}
	run.closed = m.clock
}

var errStopped = errors.New("the run was terminated")

// activity is ProvisionAccount with its retries, on whichever worker.
func (m *model) activity(run *modelRun, in api.ProvisionInput) (api.ProvisionResult, error) {
	a := &modelActivity{}
	run.activities = append(run.activities, a)
	m.current = a
	defer func() { m.current = nil }()
	since, note := m.clock, provision.Note{}
	for n := 1; m.clock.Sub(since) < 4*time.Hour; n++ {
		worker := m.IntN(len(m.workers))
		done, err, died := m.attempt(worker, in, provision.Attempt{Number: n, Since: since}, modelNotes{m, &note})
		m.note("attempt %d: %s %s %s, %v, died %t", n, done.Action, done.Reason, done.AccountID, err, died)
		if (died || err != nil) && m.once(m.trouble) {
			return done, errStopped
		}
		m.change()
		f := fault.Of(err)
		switch {
		case died:
			m.restart(worker)
			m.clock = m.clock.Add(20 * time.Second)
		case err == nil:
			a.ended, a.open = m.clock, done.Open
			if done.Given {
				a.account = done.AccountID
			}
			return done, nil
		case f.Kind.Retryable():
			m.clock = m.clock.Add(max(f.RetryAfter, min(time.Second<<min(n-1, 10), 2*time.Minute)))
		default:
			a.ended, a.open = m.clock, errors.As(err, new(*provision.OpenEnded))
			return done, err
		}
	}
	return api.ProvisionResult{}, errStopped
}

func (m *model) attempt(worker int, in api.ProvisionInput, n provision.Attempt, notes modelNotes) (done api.ProvisionResult, err error, died bool) {
	defer m.dies(&died)
	done, err = m.workers[worker].Provision(context.Background(), in, n, notes)
	return done, err, false
}

// dies takes the death of a worker for what it is.
func (m *model) dies(died *bool) {
	if p := recover(); p != nil {
		if _, ok := p.(death); !ok {
			panic(p)
		}
		*died = true
	}
}

// remove is the workflow DeprovisionUser.
func (m *model) remove(user string, in api.RemoveInput) {
	in.Connection, in.User = "contoso", user
	since := m.clock
	for n := 1; n < 20; n++ {
		err, died := m.removal(in, provision.Attempt{Number: n, Since: since})
		m.note("removal of %s: %v, died %t", user, err, died)
		if !died && (err == nil || !fault.KindOf(err).Retryable()) {
			return
		}
		m.clock = m.clock.Add(20 * time.Second)
	}
}

func (m *model) removal(in api.RemoveInput, n provision.Attempt) (err error, died bool) {
	defer m.dies(&died)
	_, err = m.workers[0].Remove(context.Background(), in, n)
	return err, false
}
