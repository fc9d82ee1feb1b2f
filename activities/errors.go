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

	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// NewInterceptor returns the worker interceptor that rebuilds every activity error, and every panic, from kind, reason,
// subject and request id. Causes name people: they go to the worker's own log at debug level as a type only, never to
// Temporal.
//
// pace multiplies the waits before another attempt where nothing asks for a certain one: with 1 (or 0) the retry policies
// of the workflows hold, which cannot know of it.
func NewInterceptor(log *slog.Logger, pace float64) interceptor.WorkerInterceptor {
	return &workerInterceptor{log: log, pace: pace}
}

type workerInterceptor struct {
	interceptor.WorkerInterceptorBase
	log  *slog.Logger
	pace float64
}

// InterceptActivity wraps each activity.
func (w *workerInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &activityInterceptor{log: w.log, pace: w.pace}
	i.Next = next
	return i
}

type activityInterceptor struct {
	interceptor.ActivityInboundInterceptorBase
	log  *slog.Logger
	pace float64
}

// ExecuteActivity runs the activity and replaces its error.
func (i *activityInterceptor) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			i.log.Error("an activity panicked", "activity", activity.GetInfo(ctx).ActivityType.Name, "panic", fmt.Sprintf("%T", p))
			result, err = nil, wire.Reported(fault.New("", fault.Internal, fault.InternalError, ""))
		}
	}()
	// The waits that Graph's answers ask for grow with the attempt.
	ctx = graph.WithAttempt(ctx, int(activity.GetInfo(ctx).Attempt))
	result, err = i.Next.ExecuteActivity(ctx, in)
	if err == nil || errors.Is(err, activity.ErrResultPending) {
		return result, err
	}
	return nil, i.paced(wire.Reported(err), activity.GetInfo(ctx).Attempt)
}

// paced shortens the wait of the retry policy.
func (i *activityInterceptor) paced(err error, attempt int32) error {
	var e *temporal.ApplicationError
	if i.pace == 0 || i.pace == 1 || !errors.As(err, &e) || e.NonRetryable() || e.NextRetryDelay() > 0 {
		return err
	}
	var details []any
	var d wire.ErrorDetails
	if e.HasDetails() && e.Details(&d) == nil {
		details = []any{d}
	}
	policy := min(time.Second<<min(attempt-1, 10), 2*time.Minute)
	return temporal.NewApplicationErrorWithOptions(e.Message(), e.Type(), temporal.ApplicationErrorOptions{
		Details: details, Category: e.Category(), NextRetryDelay: max(time.Duration(float64(policy)*i.pace), time.Millisecond),
	})
}
