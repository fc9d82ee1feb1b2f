package graph

import (
	"context"

	"github.com/google/uuid"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/fault"
)

// AssignLicenses assigns and removes licenses in one atomic request; assigning replaces the disabled plans of a license
// that is there already. Without any it sends nothing. One write.
//
// https://learn.microsoft.com/graph/api/user-assignlicense
//
// Faults: UsageLocationMissing, LicensesExhausted, LicenseUnknown, LicenseDependency, LicenseConflict, LicenseInherited,
// ServicePlanUnknown (Invalid); LicenseNotAssigned (Stale); ConcurrentChange (Transient); otherwise as UpdateUser.
func (c *Client) AssignLicenses(ctx context.Context, id string, add []directory.License, remove []string, options ...Option) error {
	if id == "" {
		return missingArgument(opAssign, "id")
	}
	if len(add) == 0 && len(remove) == 0 {
		return nil
	}
	assigned := make([]models.AssignedLicenseable, len(add))
	for i, l := range add {
		sku, err := guid(l.SKU, directory.SkuID, fault.LicenseUnknown)
		if err != nil {
			return err
		}
		plans := make([]uuid.UUID, len(l.DisabledPlans))
		for j, p := range l.DisabledPlans {
			if plans[j], err = guid(p, directory.DisabledPlans, fault.ServicePlanUnknown); err != nil {
				return err
			}
		}
		m := models.NewAssignedLicense()
		m.SetSkuId(&sku)
		m.SetDisabledPlans(plans)
		assigned[i] = m
	}
	removed := make([]uuid.UUID, len(remove))
	for i, s := range remove {
		var err error
		if removed[i], err = guid(s, directory.SkuID, fault.LicenseUnknown); err != nil {
			return err
		}
	}
	body := users.NewItemAssignLicensePostRequestBody()
	// Both are required, and the SDK leaves out what is not set.
	body.SetAddLicenses(assigned)
	body.SetRemoveLicenses(removed)
	return c.call(ctx, opAssign, func(ctx context.Context) error {
		_, err := c.users().ByUserId(id).AssignLicense().Post(ctx, body, nil)
		return err
	}, options...)
}

// ReprocessLicenses makes the tenant try again what groups of the account could not give it, for example since there are licenses
// to be had again; nobody is sure to do that otherwise. What comes of it shows in the account's licenses some time later. One write.
//
// https://learn.microsoft.com/graph/api/user-reprocesslicenseassignment
//
// Faults: as UpdateUser.
func (c *Client) ReprocessLicenses(ctx context.Context, id string, options ...Option) error {
	if id == "" {
		return missingArgument(opReprocess, "id")
	}
	return c.call(ctx, opReprocess, func(ctx context.Context) error {
		_, err := c.users().ByUserId(id).ReprocessLicenseAssignment().Post(ctx, nil)
		return err
	}, options...)
}

func guid(s, subject string, reason fault.Reason) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.UUID{}, fault.Wrap(opAssign.name, fault.Invalid, reason, subject, err)
	}
	return id, nil
}

// SubscribedSKUs reads the tenant's subscriptions with their plans.
//
// https://learn.microsoft.com/graph/api/subscribedsku-list
//
// Faults: LicensesUnreadable (Denied); otherwise as ListUsers.
func (c *Client) SubscribedSKUs(ctx context.Context) ([]directory.SKU, error) {
	var skus []directory.SKU
	err := c.call(ctx, opSKUs, func(ctx context.Context) error {
		answer, err := c.skus().Get(ctx, nil)
		if err != nil {
			return err
		}
		if answer == nil || answer.GetValue() == nil {
			return errNoValue
		}
		skus = make([]directory.SKU, 0, len(answer.GetValue()))
		for _, s := range answer.GetValue() {
			skus = append(skus, sku(s))
		}
		return nil
	})
	return skus, err
}

func sku(s models.SubscribedSkuable) directory.SKU {
	out := directory.SKU{
		ID:         idOf(s.GetSkuId()),
		PartNumber: value(s.GetSkuPartNumber()),
		Consumed:   int(value(s.GetConsumedUnits())),
		Status:     value(s.GetCapabilityStatus()),
		AppliesTo:  value(s.GetAppliesTo()),
	}
	if units := s.GetPrepaidUnits(); units != nil {
		out.Enabled, out.Warning = int(value(units.GetEnabled())), int(value(units.GetWarning()))
	}
	for _, p := range s.GetServicePlans() {
		out.Plans = append(out.Plans, directory.ServicePlan{ID: idOf(p.GetServicePlanId()), Name: value(p.GetServicePlanName())})
	}
	return out
}

func idOf(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

// value is what a pointer of the SDK's models points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
