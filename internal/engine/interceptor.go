package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/backoff"
	"github.com/entraflow/entraflow/internal/fault"
)

// newInterceptor returns the worker interceptor through which every activity error leaves, and every panic. Temporal gets kind,
// reason, subject and request id. The worker's log gets, once, what helps to find the cause: these, the operation, and the
// types of the errors that led to it. The errors' own texts name people and go nowhere.
//
// waits.Retry is waited before another attempt where nothing asks for a certain time; without it the retry policies of the
// workflows hold.
func newInterceptor(log *slog.Logger, waits backoff.Policy) interceptor.WorkerInterceptor {
	return &workerInterceptor{log: log, waits: waits}
}

type workerInterceptor struct {
	interceptor.WorkerInterceptorBase
	log   *slog.Logger
	waits backoff.Policy
}

// InterceptActivity wraps each activity.
func (w *workerInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &activityInterceptor{log: w.log, waits: w.waits}
	i.Next = next
	return i
}

type activityInterceptor struct {
	interceptor.ActivityInboundInterceptorBase
	log   *slog.Logger
	waits backoff.Policy
}

// ExecuteActivity runs the activity, logs its error and replaces it.
func (i *activityInterceptor) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (result any, err error) {
	info := activity.GetInfo(ctx)
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, i.reported(ctx, info, &panicked{value: p, at: thrownAt()})
		}
	}()
	result, err = i.Next.ExecuteActivity(ctx, in)
	if err == nil || errors.Is(err, activity.ErrResultPending) {
		return result, err
	}
	return nil, i.reported(ctx, info, err)
}

// reported logs the error of an activity and gives what Temporal may know of it.
func (i *activityInterceptor) reported(ctx context.Context, info activity.Info, err error) error {
	wait := time.Duration(0)
	if i.waits.Retry != (backoff.Step{}) {
		wait = i.waits.Retry.After(int(info.Attempt))
	}
	f, told := wire.Report(err, wait)
	if f == nil {
		return told
	}
	i.log.LogAttrs(ctx, level(f.Kind), "an activity failed",
		slog.String("activity", info.ActivityType.Name), slog.String("workflow", info.WorkflowExecution.ID), slog.Int("attempt", int(info.Attempt)),
		slog.String("kind", string(f.Kind)), slog.String("reason", string(f.Reason)), slog.String("operation", f.Op),
		slog.String("subject", f.Subject), slog.String("requestId", f.RequestID), slog.Any("causes", fault.Causes(err)))
	return told
}

// level: a defect is an error. What needs an administrator or time is a warning, and what was decided about one person on
// purpose is none.
func level(k fault.Kind) slog.Level {
	switch {
	case k == fault.Internal:
		return slog.LevelError
	case k == fault.Denied || k.Retryable():
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// panicked is the error of an activity that panicked.
type panicked struct {
	value any
	at    string
}

func (p *panicked) Error() string { return "a panic" }

// Describe gives the type of what was thrown, and where; the value itself may be anybody's.
func (p *panicked) Describe() string { return fmt.Sprintf("panic with %T at %s", p.value, p.at) }

// thrownAt names the line that panicked. It must be called by the deferred function that recovers.
func thrownAt() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") || !more {
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
	}
}
