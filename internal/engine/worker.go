package engine

import (
	"context"
	"net"
	"net/http"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/entraflow/entraflow/activities"
	"github.com/entraflow/entraflow/internal/api"
)

// Worker serves the task queue that all workers share, and one of its own for the pages of plans and lists that it keeps in
// its memory.
type Worker struct {
	shared, own worker.Worker
	// watches keeps the watches of sources going until its context ends; nil where sources are not watched.
	watches func(context.Context)
	end     context.CancelFunc
	// listen opens the endpoint for webhooks, and webhooks serves it.
	listen   func(context.Context) (*http.Server, net.Listener, error)
	webhooks *http.Server
	// closeSources gives back the connections that sources keep.
	closeSources func()
}

// serveWebhooks takes webhooks from now on, where the environment has an address for them.
//
// Errors: an address in use, a secret or certificate that cannot be read.
func (w *Worker) serveWebhooks() error {
	server, listener, err := w.listen(context.Background())
	if err != nil || server == nil {
		return err
	}
	w.webhooks = server
	go func() { _ = server.Serve(listener) }() // It ends with Shutdown.
	return nil
}

// stopWebhooks lets requests under way end.
func (w *Worker) stopWebhooks() {
	if w.webhooks == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = w.webhooks.Shutdown(ctx) // Whoever is cut off sends again.
}

// watch begins to keep watches, once the worker can carry them out.
func (w *Worker) watch() {
	if w.watches == nil {
		return
	}
	ctx, end := context.WithCancel(context.Background())
	w.end = end
	go w.watches(ctx)
}

func (w *Worker) stopWatching() {
	if w.end != nil {
		w.end()
	}
}

// Worker makes a Temporal worker for all of entraflow's workflows and activities; the caller starts and stops it.
func (e *Engine) Worker() *Worker {
	interceptors := []interceptor.WorkerInterceptor{newInterceptor(e.parts.Log, e.waits)}
	options := worker.Options{
		MaxConcurrentActivityExecutionSize: e.parts.Environment.Activities,
		// The SDK would hold heartbeats back until four fifths of the timeout have passed.
		MaxHeartbeatThrottleInterval: activities.HeartbeatEvery,
		// Some seconds for people under way to be left in an orderly state; what is cut off is taken up by the next worker.
		WorkerStopTimeout: 10 * time.Second,
		Interceptors:      interceptors,
	}
	w := &Worker{shared: worker.New(e.parts.Client, api.TaskQueue, options), listen: e.listenForWebhooks, closeSources: e.closeSources}
	if e.parts.Environment.Watch {
		w.watches = e.keepWatches
	}
	options.DisableWorkflowWorker = true
	w.own = worker.New(e.parts.Client, e.queue(), options)
	Register(w.shared)
	// Which of them come to the worker's own queue is for whoever starts them to say.
	w.shared.RegisterActivity(e.activities)
	w.own.RegisterActivity(e.activities)
	return w
}

// queue is the task queue that this engine's worker alone serves. A restarted worker has another one, since it has lost what
// it kept.
func (e *Engine) queue() string { return api.WorkerQueue(e.parts.WorkerID) }

// Start starts the worker. Its own queue comes first: whatever it keeps can be asked for from then on.
func (w *Worker) Start() error {
	if err := w.serveWebhooks(); err != nil {
		return err
	}
	if err := w.own.Start(); err != nil {
		w.stopWebhooks()
		return err
	}
	if err := w.shared.Start(); err != nil {
		w.own.Stop()
		w.stopWebhooks()
		return err
	}
	w.watch()
	return nil
}

// Stop lets activities under way end, for some seconds.
func (w *Worker) Stop() {
	w.stopWebhooks()
	w.stopWatching()
	done := make(chan struct{})
	go func() {
		w.own.Stop()
		close(done)
	}()
	w.shared.Stop()
	<-done
	w.closeSources()
}

// Run starts the worker and stops it when interrupted, or returns the error that ended it.
func (w *Worker) Run(interrupt <-chan any) error {
	defer w.closeSources()
	if err := w.serveWebhooks(); err != nil {
		return err
	}
	defer w.stopWebhooks()
	if err := w.own.Start(); err != nil {
		return err
	}
	defer w.own.Stop()
	w.watch()
	defer w.stopWatching()
	return w.shared.Run(interrupt)
}
