package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	statusDone       = 0
	statusIncomplete = 1
	statusWrongUse   = 2
)

// failure is why a command did not do what was asked, in the words a person needs.
type failure struct {
	// status is the exit status.
	status int
	// what happened, and to what.
	what string
	// why it happened; nil when what says it all.
	why error
	// next is what to do about it.
	next string
	// reason is the stable code, where there is one.
	reason fault.Reason
	// printed: the command's result has been printed all the same, and says more.
	printed bool
}

func (f *failure) Error() string {
	s := f.what
	if f.why != nil {
		s += ": " + f.why.Error()
	}
	return s
}

func (f *failure) Unwrap() error { return f.why }

// incomplete ends a command whose result has been printed and is not all that was asked for.
func incomplete(next, format string, args ...any) error {
	return &failure{status: statusIncomplete, what: fmt.Sprintf(format, args...), next: next, printed: true}
}

// isPrinted reports that a command's result has been printed, whatever else the error says.
func isPrinted(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.printed
}

// told is the JSON of a command that did not do what was asked and has no other result.
type told struct {
	Error toldError `json:"error"`
}

// toldError says in parts what standard error says in a text.
type toldError struct {
	// Status is the exit status.
	Status  int          `json:"status"`
	Reason  fault.Reason `json:"reason,omitempty"`
	Message string       `json:"message"`
	Next    string       `json:"next,omitempty"`
	// Problems are what is wrong with a configuration file, each with its place.
	Problems config.Problems `json:"problems,omitempty"`
}

// report prints an error and gives the exit status. at is the command that it happened in.
func (a *app) report(at *cobra.Command, err error) int {
	f := failureOf(err)
	if !a.began {
		f = &failure{status: statusWrongUse, what: err.Error(), next: "see " + at.CommandPath() + " --help"}
	}
	if a.json() && !a.printed {
		advice := ""
		if f.reason != "" {
			advice = f.reason.Row().Fix
		}
		t := told{toldError{Status: f.status, Reason: f.reason, Message: f.Error(), Next: or(f.next, advice)}}
		errors.As(err, &t.Error.Problems)
		// Where standard output cannot be written to, standard error still tells.
		_ = a.print(t, "")
	}
	fmt.Fprintf(a.stderr, "starter: %s\n", terminal.Printable(f.Error()))
	if f.next != "" {
		fmt.Fprintf(a.stderr, "  next: %s\n", terminal.Printable(f.next))
	}
	return f.status
}

// failureOf finds or makes the failure of an error.
func failureOf(err error) *failure {
	var known *failure
	var problems config.Problems
	var refused *temporal.ApplicationError
	var own *fault.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &problems):
		return &failure{status: statusWrongUse, what: "the configuration cannot be used; nothing was done\n" + problems.Error(),
			next: "mend the lines above and try again"}
	case errors.As(err, &refused):
		return refusal(err, refused)
	case errors.As(err, &own):
		return &failure{status: statusOf(own.Kind), what: own.Error(), reason: own.Reason, next: hint(own)}
	case errors.Is(err, context.Canceled):
		return &failure{status: statusIncomplete, what: "interrupted"}
	}
	return &failure{status: statusIncomplete, what: err.Error()}
}

// refusal is what a workflow answered to a message.
func refusal(err error, e *temporal.ApplicationError) *failure {
	f := wire.FaultOf(err)
	if !fault.Reason(e.Type()).Known() {
		return &failure{status: statusIncomplete, what: e.Message()}
	}
	return &failure{status: statusOf(f.Kind), what: fmt.Sprintf("%s (%s)", e.Message(), f.Reason), reason: f.Reason, next: hint(f)}
}

// statusOf tells wrong use, after which nothing was done, from work that could not complete.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Refused, fault.Invalid, fault.NotFound:
		return statusWrongUse
	default:
		return statusIncomplete
	}
}

// unanswered explains an error of talking to Temporal about a connection.
func (t *link) unanswered(err error, connection string) error {
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
		return &failure{status: statusIncomplete, what: fmt.Sprintf("Temporal at %s has no namespace %s", t.address, t.namespace), next: "set TEMPORAL_NAMESPACE, or create the namespace"}
	case errors.As(err, &notFound):
		cause, _ := fault.ConnectionUnknown.Parts()
		return &failure{status: statusWrongUse, what: "connection " + connection + ": " + cause, reason: fault.ConnectionUnknown,
			next: "`starter connection list` shows those that exist; `starter apply -f FILE` makes a new one"}
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded), errors.As(err, &precondition):
		return diskFull(t.state, noWorker())
	case errors.As(err, &query), errors.As(err, &unavailable):
		return diskFull(t.state, &failure{status: statusIncomplete, what: fmt.Sprintf("Temporal at %s did not answer", t.address), why: err,
			next: "check the server and the worker's log"})
	}
	return err
}

// diskFull is the better explanation of an error where the development server of dir has no room to write; else the error is kept.
func diskFull(dir string, err error) error {
	if dir == "" {
		return err
	}
	why := devserver.Writable(dir)
	if why == nil {
		return err
	}
	return &failure{status: statusIncomplete, what: "Temporal cannot write its data", why: why,
		next: "make room on that disk; the development server and its worker then go on, or `up` starts them again"}
}

// noWorker is the failure of everything that a worker must answer.
func noWorker() *failure {
	return &failure{
		status: statusIncomplete, what: "no worker answers",
		next: "start one with `go run ./worker`, or run everything with `go run ./starter up -f FILE`",
	}
}

// wrongUse is a failure before anything was done.
func wrongUse(next, format string, args ...any) error {
	return &failure{status: statusWrongUse, what: fmt.Sprintf(format, args...), next: next}
}

// listed joins names for a sentence.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
