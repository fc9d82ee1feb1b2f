package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/config"
	"github.com/entraflow/entraflow/internal/devserver"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/terminal"
)

// Exit statuses.
const (
	StatusDone       = 0
	StatusIncomplete = 1
	StatusWrongUse   = 2
)

// Failure is why a command did not do what was asked, in the words a person needs.
type Failure struct {
	// Status is the exit status.
	Status int
	// What happened, and to what.
	What string
	// Why it happened; nil when What says it all.
	Why error
	// Next is what to do about it.
	Next string
	// Reason is the stable code, where there is one.
	Reason fault.Reason
	// Printed: the command's result has been printed all the same, and says more.
	Printed bool
}

// Error is what happened and why.
func (f *Failure) Error() string {
	s := f.What
	if f.Why != nil {
		s += ": " + f.Why.Error()
	}
	return s
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Why }

// Incomplete ends a command whose result has been printed and is not all that was asked for.
func Incomplete(next, format string, args ...any) error {
	return &Failure{Status: StatusIncomplete, What: fmt.Sprintf(format, args...), Next: next, Printed: true}
}

// IsPrinted reports that a command's result has been printed, whatever else the error says.
func IsPrinted(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Printed
}

// errorReport is the JSON of a command that did not do what was asked and has no other result.
type errorReport struct {
	Error errorParts `json:"error"`
}

// errorParts says in parts what standard error says in a text.
type errorParts struct {
	// Status is the exit status.
	Status  int          `json:"status"`
	Reason  fault.Reason `json:"reason,omitempty"`
	Message string       `json:"message"`
	Next    string       `json:"next,omitempty"`
	// Problems are what is wrong with a configuration file, each with its place.
	Problems config.Problems `json:"problems,omitempty"`
}

// Report prints an error and gives the exit status. at is the command that it happened in.
func (a *Session) Report(at *cobra.Command, err error) int {
	f := FailureOf(err)
	if !a.Began {
		f = &Failure{Status: StatusWrongUse, What: err.Error(), Next: "see " + at.CommandPath() + " --help"}
	}
	if a.JSON() && !a.printed {
		advice := ""
		if f.Reason != "" {
			advice = f.Reason.Row().Fix
		}
		t := errorReport{errorParts{Status: f.Status, Reason: f.Reason, Message: f.Error(), Next: cmp.Or(f.Next, advice)}}
		errors.As(err, &t.Error.Problems)
		// Where standard output cannot be written to, standard error still tells.
		_ = a.Print(t, "")
	}
	fmt.Fprintf(a.Stderr, "%s: %s\n", a.Name(), terminal.Printable(f.Error()))
	if f.Next != "" {
		fmt.Fprintf(a.Stderr, "  next: %s\n", terminal.Printable(f.Next))
	}
	return f.Status
}

// FailureOf finds or makes the failure of an error.
func FailureOf(err error) *Failure {
	var known *Failure
	var problems config.Problems
	var refused *temporal.ApplicationError
	var own *fault.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &problems):
		return &Failure{Status: StatusWrongUse, What: "the configuration cannot be used; nothing was done\n" + problems.Error(),
			Next: "mend the lines above and try again"}
	case errors.As(err, &refused):
		return refusal(err, refused)
	case errors.As(err, &own):
		return &Failure{Status: statusOf(own.Kind), What: own.Error(), Reason: own.Reason, Next: Hint(own)}
	case errors.Is(err, context.Canceled):
		return &Failure{Status: StatusIncomplete, What: "interrupted"}
	}
	return &Failure{Status: StatusIncomplete, What: err.Error()}
}

// refusal is what a workflow answered to a message.
func refusal(err error, e *temporal.ApplicationError) *Failure {
	f := wire.FaultOf(err)
	if !fault.Reason(e.Type()).Known() {
		return &Failure{Status: StatusIncomplete, What: e.Message()}
	}
	return &Failure{Status: statusOf(f.Kind), What: fmt.Sprintf("%s (%s)", e.Message(), f.Reason), Reason: f.Reason, Next: Hint(f)}
}

// statusOf tells wrong use, after which nothing was done, from work that could not complete.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Refused, fault.Invalid, fault.NotFound:
		return StatusWrongUse
	default:
		return StatusIncomplete
	}
}

// Unanswered explains an error of talking to Temporal about a connection.
func (t *Link) Unanswered(err error, connection string) error {
	var notFound *serviceerror.NotFound
	var namespace *serviceerror.NamespaceNotFound
	var query *serviceerror.QueryFailed
	var unavailable *serviceerror.Unavailable
	var timeout *serviceerror.DeadlineExceeded
	var precondition *serviceerror.FailedPrecondition
	switch {
	case err == nil:
		return nil
	case errors.As(err, &namespace):
		return &Failure{Status: StatusIncomplete, What: fmt.Sprintf("Temporal at %s has no namespace %s", t.address, t.Namespace), Next: "set TEMPORAL_NAMESPACE, or create the namespace"}
	case errors.As(err, &notFound):
		cause, _ := fault.ConnectionUnknown.Parts()
		return &Failure{Status: StatusWrongUse, What: "connection " + connection + ": " + cause, Reason: fault.ConnectionUnknown,
			Next: "`starter connection list` shows those that exist; `starter apply -f FILE` makes a new one"}
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded), errors.As(err, &precondition):
		return DiskFull(t.State, noWorker())
	case errors.As(err, &query), errors.As(err, &unavailable):
		return DiskFull(t.State, &Failure{Status: StatusIncomplete, What: fmt.Sprintf("Temporal at %s did not answer", t.address), Why: err,
			Next: "check the server and the worker's log"})
	}
	return err
}

// DiskFull is the better explanation of an error where the development server of dir has no room to write; else the error is kept.
func DiskFull(dir string, err error) error {
	if dir == "" {
		return err
	}
	why := devserver.Writable(dir)
	if why == nil {
		return err
	}
	return &Failure{Status: StatusIncomplete, What: "Temporal cannot write its data", Why: why,
		Next: "make room on that disk; the development server and its worker then go on, or `up` starts them again"}
}

// noWorker is the failure of everything that a worker must answer.
func noWorker() *Failure {
	return &Failure{
		Status: StatusIncomplete, What: "no worker answers",
		Next: "start one with `go run ./worker`, or run everything with `go run ./starter up -f FILE`",
	}
}

// WrongUse is a failure before anything was done.
func WrongUse(next, format string, args ...any) error {
	return &Failure{Status: StatusWrongUse, What: fmt.Sprintf(format, args...), Next: next}
}

// IsWrongUse reports that an error says that nothing was done because of what was asked.
func IsWrongUse(err error) bool { return err != nil && FailureOf(err).Status == StatusWrongUse }
