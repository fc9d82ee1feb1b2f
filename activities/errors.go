package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// ErrorDetails are what Temporal is told of an error beside its reason (the error's type) and its sentence.
type ErrorDetails struct {
	Kind      fault.Kind   `json:"kind"`
	Reason    fault.Reason `json:"reason"`
	Subject   string       `json:"subject,omitempty"`
	RequestID string       `json:"requestId,omitempty"`
}

// NewInterceptor returns the worker interceptor that rebuilds every activity error, and every panic, from kind, reason,
// subject and request id. Causes name people: they go to the worker's own log at debug level as a type only, never to
// Temporal.
func NewInterceptor(log *slog.Logger) interceptor.WorkerInterceptor {
	return &workerInterceptor{log: log}
}

type workerInterceptor struct {
	interceptor.WorkerInterceptorBase
	log *slog.Logger
}

// InterceptActivity wraps each activity.
func (w *workerInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &activityInterceptor{log: w.log}
	i.Next = next
	return i
}

type activityInterceptor struct {
	interceptor.ActivityInboundInterceptorBase
	log *slog.Logger
}

// ExecuteActivity runs the activity and replaces its error.
func (i *activityInterceptor) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			i.log.Error("an activity panicked", "activity", activity.GetInfo(ctx).ActivityType.Name, "panic", fmt.Sprintf("%T", p))
			result, err = nil, Reported(fault.New("", fault.Internal, fault.InternalError, ""))
		}
	}()
	// The waits that Graph's answers ask for grow with the attempt.
	ctx = graph.WithAttempt(ctx, int(activity.GetInfo(ctx).Attempt))
	result, err = i.Next.ExecuteActivity(ctx, in)
	if err == nil || errors.Is(err, activity.ErrResultPending) {
		return result, err
	}
	return nil, Reported(err)
}

// Reported is the error as Temporal may know it. The error's type is the reason; whether and when it is tried again
// follows from the kind.
func Reported(err error) error {
	var done *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	var execution *temporal.WorkflowExecutionError
	switch {
	case errors.As(err, &done):
		return rebuilt(done)
	case errors.As(err, &cancelled), errors.Is(err, context.Canceled):
		return temporal.NewCanceledError()
	case errors.As(err, &execution):
		// A workflow that was waited for ended badly without a reason of ours: terminated, timed out, cancelled.
		return Reported(fault.New("", fault.Refused, fault.Stopped, ""))
	case errors.Is(err, context.DeadlineExceeded):
		err = fault.New("", fault.Transient, fault.GraphTimeout, "")
	}
	f := fault.Of(err)
	options := temporal.ApplicationErrorOptions{
		NonRetryable: !f.Kind.Retryable(),
		Details:      []any{ErrorDetails{Kind: f.Kind, Reason: f.Reason, Subject: f.Subject, RequestID: f.RequestID}},
	}
	if f.RetryAfter > 0 && f.Kind.Retryable() {
		options.NextRetryDelay = max(f.RetryAfter, time.Millisecond)
	}
	if f.Kind != fault.Internal {
		// An expected answer is no defect of the worker: no error log, no failure metric.
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	return temporal.NewApplicationErrorWithOptions(f.Message(), string(f.Reason), options)
}

// rebuilt passes on an error that is already of our form and replaces any other.
func rebuilt(e *temporal.ApplicationError) error {
	if !fault.Reason(e.Type()).Known() {
		return Reported(fault.New("", fault.Internal, fault.InternalError, ""))
	}
	return e
}

// FaultOf reads the fault back out of an activity's or child workflow's error. An error that is not ours is Internal.
func FaultOf(err error) *fault.Error {
	var e *temporal.ApplicationError
	if !errors.As(err, &e) || !fault.Reason(e.Type()).Known() {
		var timeout *temporal.TimeoutError
		if errors.As(err, &timeout) {
			return fault.New("", fault.Transient, fault.GraphUnavailable, "")
		}
		return fault.New("", fault.Internal, fault.InternalError, "")
	}
	var d ErrorDetails
	if e.HasDetails() && e.Details(&d) == nil && d.Reason != "" {
		return &fault.Error{Kind: d.Kind, Reason: d.Reason, Subject: d.Subject, RequestID: d.RequestID}
	}
	return &fault.Error{Kind: fault.Internal, Reason: fault.Reason(e.Type())}
}
