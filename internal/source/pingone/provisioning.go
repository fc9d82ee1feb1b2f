package pingone

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// Provisioning is what an environment has configured in PingOne itself: https://developer.pingidentity.com/pingone-api/platform/
// identity-propagation-provisioning.html. Reading it needs the role Environment Admin.
type Provisioning struct {
	Stores []ProvisioningStore
	Rules  []ProvisioningRule
}

// ProvisioningStore is a place that PingOne provisions from or to.
type ProvisioningStore struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Type of a connection to Entra is AzureActiveDirectorySAML2.
	Type string `json:"type"`
	// Managed: people are deprovisioned when a rule is deleted.
	Managed       bool           `json:"managed"`
	Configuration map[string]any `json:"configuration"`
}

// ProvisioningRule provisions from one store to another.
type ProvisioningRule struct {
	ID                   string                `json:"id"`
	Name                 string                `json:"name"`
	Active               bool                  `json:"active"`
	SourceStore          reference             `json:"sourceStore"`
	TargetStore          reference             `json:"targetStore"`
	PopulationExpression string                `json:"populationExpression"`
	Populations          []reference           `json:"populations"`
	Groups               []reference           `json:"groups"`
	Mappings             []ProvisioningMapping `json:"-"`
}

// ProvisioningMapping gives one attribute of the target its value: an attribute of the person, or an expression.
type ProvisioningMapping struct {
	SourceAttribute string `json:"sourceAttribute"`
	Expression      string `json:"expression"`
	TargetAttribute string `json:"targetAttribute"`
	Type            string `json:"attributeMappingType"`
}

type reference struct {
	ID string `json:"id"`
}

// ReadProvisioning reads an environment's provisioning, complete or with an error.
//
// Errors: those of a source's reads, SourceAccessDenied (Denied) where the application lacks the role.
func ReadProvisioning(ctx context.Context, env source.Environment, e Environment) (*Provisioning, error) {
	opened, err := Store.Opener(env)(&Settings{PingOne: e}, source.Use{})
	if err != nil {
		return nil, err
	}
	c := opened.(*Source).client
	p := &Provisioning{}
	if err := objects(ctx, c, c.path("propagation", "stores"), &p.Stores); err != nil {
		return nil, err
	}
	if err := objects(ctx, c, c.path("propagation", "rules"), &p.Rules); err != nil {
		return nil, err
	}
	for i := range p.Rules {
		if err := objects(ctx, c, c.path("propagation", "rules", p.Rules[i].ID, "mappings"), &p.Rules[i].Mappings); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// objects reads all pages of a collection, whatever its name in the answer is.
func objects[T any](ctx context.Context, c *client, address string, all *[]T) error {
	first := address
	for pages := 0; address != ""; pages++ {
		var page struct {
			Links struct {
				Next struct {
					Href string `json:"href"`
				} `json:"next"`
			} `json:"_links"`
			Embedded map[string]json.RawMessage `json:"_embedded"`
		}
		err := c.get(ctx, address, &page)
		switch {
		case errors.Is(err, errNotFound):
			return fault.New(op, fault.Invalid, fault.SourcePlaceUnknown, c.place())
		case err != nil:
			return err
		case len(page.Embedded) != 1 || pages == 1000:
			return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, c.place(), source.Hint("an answer about the provisioning has no list"))
		}
		for _, text := range page.Embedded {
			var some []T
			if err := json.Unmarshal(text, &some); err != nil {
				return fault.Wrap(op, fault.Transient, fault.SourceIncomplete, c.place(), source.Hint("an answer about the provisioning has no list"))
			}
			*all = append(*all, some...)
		}
		if address = page.Links.Next.Href; address == "" {
			break
		}
		next, err := url.Parse(address)
		if err != nil || !strings.HasPrefix(address, c.api+"/") || next.User != nil || address == first {
			return fault.Wrap(op, fault.Invalid, fault.SourceIncomplete, c.place(), source.Hint("a next link leads away from PingOne's API"))
		}
	}
	return nil
}
