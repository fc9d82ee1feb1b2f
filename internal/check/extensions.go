package check

import (
	"context"
	"slices"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

// extensions sees to it that the two properties exist and can be used.
func (r *run) extensions(ctx context.Context) bool {
	const name = "extension properties"
	r.report.LinkProperty = graph.ExtensionName(r.o.Config.ClientID, graph.LinkProperty)
	r.report.MarkProperty = graph.ExtensionName(r.o.Config.ClientID, graph.MarkProperty)
	sel := directory.Selection{LinkProperty: r.report.LinkProperty, MarkProperty: r.report.MarkProperty}

	if r.o.Config.Preferences.Policy.Observes() {
		return r.unwritten(ctx, name, sel)
	}
	registered, err := r.register(ctx)
	if fault.KindOf(err) == fault.Denied {
		return r.unregistrable(ctx, name, sel, err)
	}
	if err == nil {
		err = r.await(ctx, sel)
	}
	if err != nil {
		return r.fail(name, err)
	}
	if r.info.Readable && !r.mayRegister() {
		r.add(api.TestCheck{Name: name, Status: api.TestWarning, Reason: fault.PermissionDenied,
			Message: "usable; " + registering + " is not granted, which is only needed to register them again",
			Fix:     "Nothing needs to be done as long as nobody deletes the properties."})
		return true
	}
	did := "usable: "
	if registered {
		did = "registered and usable: "
	}
	return r.ok(name, did+r.report.LinkProperty+", "+r.report.MarkProperty)
}

// unwritten: where nothing may be written, properties that do not exist are not registered, and nobody counts as linked.
func (r *run) unwritten(ctx context.Context, name string, sel directory.Selection) bool {
	err := r.t.ProbeExtension(ctx, sel)
	switch {
	case err == nil:
		return r.ok(name, "usable: "+r.report.LinkProperty+", "+r.report.MarkProperty)
	case fault.Is(err, fault.ExtensionMissing), fault.Is(err, fault.ExtensionNotReady):
		r.report.LinkProperty, r.report.MarkProperty = "", ""
		r.add(api.TestCheck{Name: name, Status: api.TestWarning, Reason: fault.WithheldByPolicy,
			Message: "not registered, since the policy is observe: no account counts as provisioned by this connection",
			Fix:     "Nothing needs to be done. With another policy, `apply` tests again and registers them."})
		return true
	}
	return r.fail(name, err)
}

// unregistrable: the properties cannot be listed or registered. That is only a warning where an administrator has created
// them. Whether they are just too new cannot be told without the permission to list them.
func (r *run) unregistrable(ctx context.Context, name string, sel directory.Selection, denied error) bool {
	err := r.t.ProbeExtension(ctx, sel)
	switch {
	case err == nil:
		r.add(api.TestCheck{Name: name, Status: api.TestWarning, Reason: fault.PermissionDenied,
			Message: "the properties are usable, but without " + registering + " they cannot be registered again should they be deleted",
			Fix:     "Nothing needs to be done as long as nobody deletes the properties."})
		return true
	case fault.KindOf(err).Retryable() && !fault.Is(err, fault.ExtensionNotReady):
		return r.fail(name, err)
	}
	return r.fail(name, fault.Wrap("test", fault.Denied, fault.ExtensionDenied, "", denied))
}

// register creates those of the two properties that do not exist. After a registration whose answer was lost it looks
// before it registers again.
func (r *run) register(ctx context.Context) (registered bool, err error) {
	err = r.patiently(ctx, func() error {
		did, err := r.registerMissing(ctx)
		registered = registered || did
		return err
	})
	return registered, err
}

func (r *run) registerMissing(ctx context.Context) (registered bool, err error) {
	existing, err := r.t.ExtensionProperties(ctx)
	if err != nil {
		return false, err
	}
	for _, short := range []string{graph.LinkProperty, graph.MarkProperty} {
		if slices.Contains(existing, graph.ExtensionName(r.o.Config.ClientID, short)) {
			continue
		}
		if _, err := r.t.RegisterExtensionProperty(ctx, short); err != nil {
			return registered || fault.KindOf(err) == fault.Uncertain, err
		}
		registered = true
	}
	return registered, nil
}

// await looks until the properties can be used. A user is never created without them.
func (r *run) await(ctx context.Context, sel directory.Selection) error {
	deadline := r.o.Now().Add(r.o.Patience)
	for look := 1; ; look++ {
		err := r.t.ProbeExtension(ctx, sel)
		if fault.Is(err, fault.ExtensionMissing) {
			// A registration that was confirmed does not always last when several follow each other.
			if _, again := r.register(ctx); fault.KindOf(again) == fault.Denied || fault.Is(again, fault.Interrupted) {
				return again
			}
		} else if err == nil || !fault.KindOf(err).Retryable() {
			return err
		}
		wait := r.o.Waits.Definition.After(look)
		if kind := fault.KindOf(err); kind == fault.Throttled || kind == fault.Transient {
			wait = max(wait, fault.Of(err).RetryAfter)
		}
		if r.o.Now().Add(wait).After(deadline) {
			if !fault.Is(err, fault.ExtensionMissing) && !fault.Is(err, fault.ExtensionNotReady) {
				return err // Something else kept us from looking.
			}
			return fault.Wrap("test", fault.NotReady, fault.ExtensionNotReady, "", err)
		}
		r.o.Progress("waiting for the new extension properties to become usable; this takes seconds to minutes")
		if err := r.o.Pause(ctx, wait); err != nil {
			return fault.Wrap("test", fault.Transient, fault.Interrupted, "", err)
		}
	}
}
