package graph

import (
	"context"
	"errors"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/organization"
	"github.com/microsoftgraph/msgraph-sdk-go/subscribedskus"

	"github.com/entraflow/entraflow/internal/directory"
)

var errNoValue = errors.New("the answer has no value array")

func (c *Client) skus() *subscribedskus.SubscribedSkusRequestBuilder {
	return subscribedskus.NewSubscribedSkusRequestBuilderInternal(map[string]string{}, c.adapter)
}

// Organization reads the tenant: its id, name and verified domains.
//
// https://learn.microsoft.com/graph/api/organization-list
//
// Faults: PermissionDenied (Denied) with Organization.Read.All as subject; otherwise as ListUsers.
func (c *Client) Organization(ctx context.Context) (directory.Organization, error) {
	var org directory.Organization
	cfg := &organization.OrganizationRequestBuilderGetRequestConfiguration{
		QueryParameters: &organization.OrganizationRequestBuilderGetQueryParameters{Select: []string{"id", "displayName", "verifiedDomains"}},
	}
	err := c.call(ctx, opOrganization, func(ctx context.Context) error {
		answer, err := organization.NewOrganizationRequestBuilderInternal(map[string]string{}, c.adapter).Get(ctx, cfg)
		if err != nil {
			return err
		}
		if answer == nil || len(answer.GetValue()) == 0 {
			return errNoValue
		}
		o := answer.GetValue()[0]
		org = directory.Organization{ID: value(o.GetId()), DisplayName: value(o.GetDisplayName())}
		for _, d := range o.GetVerifiedDomains() {
			org.Domains = append(org.Domains, directory.Domain{
				Name:      value(d.GetName()),
				Federated: strings.EqualFold(value(d.GetTypeEscaped()), "Federated"),
				Default:   value(d.GetIsDefault()),
			})
		}
		return nil
	})
	return org, err
}
