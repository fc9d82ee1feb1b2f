package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// The reference is what a sync is compared with: a parent that runs as many children as the sync has people, in the same
// window, each with two activities that do nothing. It is what Temporal itself costs.
const (
	referenceQueue   = "reference"
	referenceParent  = "ReferenceParent"
	referenceChild   = "ReferenceChild"
	referenceNothing = "ReferenceNothing"
	// referenceWindow is the window of a sync.
	referenceWindow = 50
	// referencePage is how many children pass before the parent asks whether its history has grown too long, as a sync
	// does after a page of its plan.
	referencePage = 500
)

type referenceInput struct {
	// From and To number the children, From inclusive.
	From, To int
}

// parentOfMany runs the children and continues as new where a sync would.
func parentOfMany(ctx workflow.Context, in referenceInput) error {
	running := 0
	var failed error
	drain := func() error { return workflow.Await(ctx, func() bool { return running == 0 }) }
	for i := in.From; i < in.To; i++ {
		if err := workflow.Await(ctx, func() bool { return running < referenceWindow }); err != nil {
			return err
		}
		running++
		workflow.Go(ctx, func(ctx workflow.Context) {
			id := fmt.Sprintf("%s/%d", workflow.GetInfo(ctx).WorkflowExecution.ID, i)
			child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id})
			if err := workflow.ExecuteChildWorkflow(child, referenceChild).Get(child, nil); err != nil {
				failed = err
			}
			running--
		})
		if (i+1-in.From)%referencePage == 0 && i+1 < in.To && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			if err := drain(); err != nil {
				return err
			}
			return workflow.NewContinueAsNewError(ctx, referenceParent, referenceInput{From: i + 1, To: in.To})
		}
	}
	if err := drain(); err != nil {
		return err
	}
	return failed
}

// childOfTwo runs the two activities one after the other.
func childOfTwo(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for range 2 {
		if err := workflow.ExecuteActivity(ctx, referenceNothing).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// startReference starts a worker with as many places as entraflow's.
func (b *bed) startReference(places int) (worker.Worker, error) {
	w := worker.New(b.client, referenceQueue, worker.Options{MaxConcurrentActivityExecutionSize: places})
	w.RegisterWorkflowWithOptions(parentOfMany, workflow.RegisterOptions{Name: referenceParent})
	w.RegisterWorkflowWithOptions(childOfTwo, workflow.RegisterOptions{Name: referenceChild})
	w.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: referenceNothing})
	if err := w.Start(); err != nil {
		return nil, fmt.Errorf("start the reference's worker: %w", err)
	}
	return w, nil
}

// reference runs one parent of n children and tells how long it took.
func (b *bed) reference(ctx context.Context, id string, n int) (time.Duration, error) {
	began := time.Now()
	run, err := b.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: referenceQueue},
		referenceParent, referenceInput{To: n})
	if err == nil {
		err = run.Get(ctx, nil)
	}
	if err != nil {
		return 0, fmt.Errorf("reference: %w", err)
	}
	return time.Since(began), nil
}
