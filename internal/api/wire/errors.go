// Package wire is the part of the contract in package api that needs Temporal's SDK: how an error crosses, and the search attributes.
package wire

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/fault"
)

// ErrorDetails are what Temporal is told of an error beside its reason (the error's type) and its sentence.
type ErrorDetails struct {
	Kind      fault.Kind   `json:"kind"`
	Reason    fault.Reason `json:"reason"`
	Subject   string       `json:"subject,omitempty"`
	RequestID string       `json:"requestId,omitempty"`
	// Open: nobody has learned whether the attempt, or one before, created an account or took one out of the recycle bin.
	Open bool `json:"open,omitempty"`
}

// openEnded is an error after which nobody knows whether there is a new account.
type openEnded struct{ error }

func (e *openEnded) Unwrap() error { return e.error }

// OpenEnded marks an error after which nobody knows whether the attempt, or one before, created an account or took one out of
// the recycle bin.
func OpenEnded(err error) error { return &openEnded{err} }

// Reported is the error as Temporal may know it. The error's type is the reason; whether and when it is tried again
// follows from the kind.
func Reported(err error) error {
	_, told := Report(err, 0)
	return told
}

// Report is Reported, with the fault that is told; nil for a cancellation. wait is waited before the next attempt where the
// fault asks for no certain time; 0 leaves it to the retry policy.
func Report(err error, wait time.Duration) (f *fault.Error, told error) {
	var done *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	var execution *temporal.WorkflowExecutionError
	switch {
	case errors.As(err, &done) && fault.Reason(done.Type()).Known():
		// The error of a workflow that was waited for has this form already.
		return FaultOf(done), done
	case errors.As(err, &cancelled), errors.Is(err, context.Canceled):
		return nil, temporal.NewCanceledError()
	case errors.As(err, &execution):
		// It ended badly without a reason of ours: terminated, timed out, cancelled.
		f = fault.New("", fault.Refused, fault.Stopped, "")
	default:
		f = fault.Of(err)
	}
	if f.Reason == fault.InternalError && errors.Is(err, context.DeadlineExceeded) {
		// The activity's own time was over.
		f = fault.New(f.Op, fault.Transient, fault.Interrupted, "")
	}
	var open *openEnded
	options := temporal.ApplicationErrorOptions{
		NonRetryable: !f.Kind.Retryable(),
		Details:      []any{ErrorDetails{Kind: f.Kind, Reason: f.Reason, Subject: f.Subject, RequestID: f.RequestID, Open: errors.As(err, &open)}},
	}
	if f.RetryAfter > 0 {
		wait = max(f.RetryAfter, time.Millisecond)
	}
	if f.Kind.Retryable() {
		options.NextRetryDelay = wait
	}
	if f.Kind != fault.Internal {
		// An expected answer is no defect of the worker: no error log, no failure metric.
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	return f, temporal.NewApplicationErrorWithOptions(f.Message(), string(f.Reason), options)
}

// Received is Reported's other side: the fault in the error of an activity or of a workflow that was awaited. Whoever awaits
// one applies it there, once. A cancellation stays what it is.
func Received(err error) error {
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	return FaultOf(err)
}

// FaultOf reads the fault back out of an activity's or child workflow's error. A child that somebody cancelled or terminated,
// or whose time was over, is Stopped (Refused); a step whose worker died is WorkerLost, one that nobody took up NoWorker
// (both Transient). Another error that is not ours is Internal.
func FaultOf(err error) *fault.Error {
	var e *temporal.ApplicationError
	if !errors.As(err, &e) || !fault.Reason(e.Type()).Known() {
		return unreported(err)
	}
	var d ErrorDetails
	if e.HasDetails() && e.Details(&d) == nil && d.Reason != "" {
		return &fault.Error{Kind: d.Kind, Reason: d.Reason, Subject: d.Subject, RequestID: d.RequestID}
	}
	reason := fault.Reason(e.Type())
	return &fault.Error{Kind: reason.Row().Kind, Reason: reason}
}

// unreported is the fault of an error that Temporal made, or of one that is not ours.
func unreported(err error) *fault.Error {
	var timeout *temporal.TimeoutError
	var terminated *temporal.TerminatedError
	var step *temporal.ActivityError
	var child *temporal.ChildWorkflowExecutionError
	var awaited *temporal.WorkflowExecutionError
	switch {
	case errors.As(err, &terminated), temporal.IsCanceledError(err):
		return fault.New("", fault.Refused, fault.Stopped, "")
	case !errors.As(err, &timeout):
		return fault.New("", fault.Internal, fault.InternalError, "")
	case (errors.As(err, &child) || errors.As(err, &awaited)) && !errors.As(err, &step):
		return fault.New("", fault.Refused, fault.Stopped, "")
	}
	// Once all the time for a step is used up, its last attempt says why; without one, nobody took it up.
	for timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE {
		var last *temporal.TimeoutError
		if !errors.As(timeout.Unwrap(), &last) {
			break
		}
		timeout = last
	}
	switch timeout.TimeoutType() {
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE:
		return fault.New("", fault.Transient, fault.NoWorker, "")
	}
	return fault.New("", fault.Transient, fault.WorkerLost, "")
}

// ResultOf reads what a workflow that failed had done, which its error carries after ErrorDetails; false where there is none.
func ResultOf(err error, result any) bool {
	var e *temporal.ApplicationError
	var d ErrorDetails
	return errors.As(err, &e) && e.HasDetails() && e.Details(&d, result) == nil
}
