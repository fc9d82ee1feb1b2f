package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/entraflow/entraflow/internal/api"
	"github.com/entraflow/entraflow/internal/api/wire"
	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/provision"
)

// ProvisionAccount brings one person's account to what source, filter and mappings say, as provision.Provision tells.
func (a *Activities) ProvisionAccount(ctx context.Context, in api.ProvisionInput) (api.ProvisionResult, error) {
	h := &heartbeater{}
	defer h.start(ctx)()
	done, err := a.Provisioner.Provision(ctx, in, attempt(ctx), heartbeatNotes{h, a.options.Temporal})
	if open := new(provision.OpenEnded); errors.As(err, &open) {
		err = wire.OpenEnded(err)
	}
	if err == nil && in.Planned == nil {
		done.Groups, err = a.hasGroups(ctx, in.Connection, done.Rule)
	}
	return done, err
}

// RemoveAccount deprovisions one person, as provision.Remove tells.
func (a *Activities) RemoveAccount(ctx context.Context, in api.RemoveInput) (api.ProvisionResult, error) {
	defer heartbeat(ctx)()
	done, err := a.Provisioner.Remove(ctx, in, attempt(ctx))
	if err == nil && in.Planned == nil && !in.RuleDeletion {
		done.Groups, err = a.hasGroups(ctx, in.Connection, done.Rule)
	}
	return done, err
}

// hasGroups reports that a rule has groups, so that a run of one person sees to the memberships.
func (a *Activities) hasGroups(ctx context.Context, connection, rule string) (bool, error) {
	if rule == "" {
		return false, nil
	}
	s, err := a.settings.AtLeast(ctx, connection, 0)
	if err != nil {
		return false, err
	}
	r, _ := s.Config.Rule(rule)
	return len(r.Groups) > 0, nil
}

// AssignLicenses adds and removes a person's licenses, as provision.AssignLicenses tells.
func (a *Activities) AssignLicenses(ctx context.Context, in api.LicenseInput) (api.LicenseResult, error) {
	defer heartbeat(ctx)()
	return a.Provisioner.AssignLicenses(ctx, in, attempt(ctx))
}

// SetManager gives an account its manager, or takes the manager away, as provision.SetManager tells.
func (a *Activities) SetManager(ctx context.Context, in api.ManagerInput) error {
	defer heartbeat(ctx)()
	return a.Provisioner.SetManager(ctx, in, attempt(ctx))
}

// RevokeSessions ends a person's sessions, as provision.RevokeSessions tells.
func (a *Activities) RevokeSessions(ctx context.Context, in api.RevokeInput) error {
	defer heartbeat(ctx)()
	return a.Provisioner.RevokeSessions(ctx, in, attempt(ctx))
}

// attempt is which of the attempts at an activity this is.
func attempt(ctx context.Context) provision.Attempt {
	info := activity.GetInfo(ctx)
	return provision.Attempt{Number: int(info.Attempt), Since: info.ScheduledTime}
}

// heartbeatNotes keeps the notes of attempts in the activity's heartbeats.
type heartbeatNotes struct {
	heartbeater *heartbeater
	temporal    client.Client
}

// Last reads the note that the attempt before left, and repeats it with each beat from now on.
//
// Errors: Transient (InternalError) when it cannot be decoded: what it says may not be forgotten.
func (n heartbeatNotes) Last(ctx context.Context) (last provision.Note, err error) {
	if !activity.HasHeartbeatDetails(ctx) {
		return last, nil
	}
	if err := activity.GetHeartbeatDetails(ctx, &last); err != nil {
		return last, fault.Wrap("read heartbeat", fault.Transient, fault.InternalError, "", err)
	}
	n.heartbeater.mu.Lock()
	defer n.heartbeater.mu.Unlock()
	n.heartbeater.details = last
	return last, nil
}

// Keep records a note.
func (n heartbeatNotes) Keep(ctx context.Context, note provision.Note) error {
	return n.heartbeater.note(ctx, n.temporal, note)
}
