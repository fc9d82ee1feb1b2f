package check

import (
	"context"
	"slices"
	"time"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/graph"
)

const (
	// tries is how often one request of a test is made while the service has a passing trouble.
	tries = 5
	// triesUnreachable: a host that is not there is seldom there a moment later, and each try may take long to fail.
	triesUnreachable = 2
	// longestSilence is how long a test leaves the service alone when asked to; the window of its write limit is shorter.
	longestSilence = 3 * time.Minute
)

// patient is a tenant whose passing troubles are waited out: a connection that fails its test provisions nobody until
// somebody tests it again, and one refused request in a thousand is no reason for that.
type patient struct {
	Tenant
	r *run
}

func (p patient) FreshToken(ctx context.Context) (info graph.TokenInfo, err error) {
	err = p.r.patiently(ctx, func() (err error) { info, err = p.Tenant.FreshToken(ctx); return err })
	return info, err
}

func (p patient) Organization(ctx context.Context) (org directory.Organization, err error) {
	err = p.r.patiently(ctx, func() (err error) { org, err = p.Tenant.Organization(ctx); return err })
	return org, err
}

func (p patient) SubscribedSKUs(ctx context.Context) (skus []directory.SKU, err error) {
	err = p.r.patiently(ctx, func() (err error) { skus, err = p.Tenant.SubscribedSKUs(ctx); return err })
	return skus, err
}

func (p patient) ProbeExtension(ctx context.Context, sel directory.Selection) error {
	return p.r.patiently(ctx, func() error { return p.Tenant.ProbeExtension(ctx, sel) })
}

// patiently repeats a request while its trouble may be over in a moment.
func (r *run) patiently(ctx context.Context, request func() error) error {
	for try := 1; ; try++ {
		err := request()
		if !passing(err, try) {
			return err
		}
		pause, d := r.o.Obey, fault.Of(err).RetryAfter
		if d <= 0 {
			pause, d = r.o.Pause, r.o.Waits.Test.After(try)
		}
		r.o.Progress("the service has a passing trouble; trying again in " + d.Round(time.Second).String())
		if pause(ctx, d) != nil {
			return fault.Wrap("test", fault.Transient, fault.Interrupted, "", err)
		}
	}
}

// passing reports whether another try is worth making.
func passing(err error, try int) bool {
	f := fault.Of(err)
	switch {
	case f == nil || f.RetryAfter > longestSilence:
		return false
	case !slices.Contains([]fault.Kind{fault.Transient, fault.Throttled, fault.Uncertain}, f.Kind):
		return false
	case f.Reason == fault.EndpointUntrusted, f.Reason == fault.SimulatorNotRunning, f.Reason == fault.Interrupted:
		return false
	case f.Reason == fault.LoginUnreachable, f.Reason == fault.GraphUnreachable:
		return try < triesUnreachable
	}
	return try < tries
}
