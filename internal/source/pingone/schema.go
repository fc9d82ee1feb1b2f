package pingone

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// standard are the attributes that every user of PingOne can have.
// https://apidocs.pingidentity.com/pingone/platform/v1/api/#users
var standard = []string{
	"account", "accountId", "address", "createdAt", "email", "emailVerified", "enabled", "environment", "externalId", "id", "identityProvider",
	"lastSignOn", "lifecycle", "locale", "mfaEnabled", "mobilePhone", "name", "nickname", "photo", "population", "preferredLanguage", "primaryPhone",
	"timezone", "title", "type", "updatedAt", "username", "verifyStatus",
}

// schema is what is known of the attributes of an environment's users.
type schema struct {
	names []string
	// open: the attributes of one's own could not be read, so that any name may be right.
	open bool
}

// Columns are PingOne's own attributes and those that the environment has added.
func (s *Source) Columns(ctx context.Context) (source.Columns, error) {
	names, err := s.columns(ctx)
	if err != nil {
		return source.Columns{}, err
	}
	c := source.Columns{Names: names, Typed: true, HasEnabled: true}
	s.mu.Lock()
	open := s.schema.open
	s.mu.Unlock()
	if open {
		c.Warnings = []string{"the worker application may not read the environment's schema, so that a mistyped attribute of your own cannot be found"}
	}
	return c, nil
}

// columns are the fields of each record. The schema is read once.
func (s *Source) columns(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	known := s.schema
	s.mu.Unlock()
	if known == nil {
		read, err := s.readSchema(ctx)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.schema, known = read, read
		s.mu.Unlock()
	}
	names := slices.Clone(known.names)
	if known.open {
		names = append(names, s.use.Attributes...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// readSchema reads the attributes of users. An application with the least role may not: then every name is taken.
func (s *Source) readSchema(ctx context.Context) (*schema, error) {
	var schemas struct {
		Embedded struct {
			Schemas []struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"schemas"`
		} `json:"_embedded"`
	}
	unknown := &schema{names: standard, open: true}
	err := s.get(ctx, s.path("schemas"), &schemas)
	switch {
	case fault.Is(err, fault.SourceAccessDenied), errors.Is(err, errNotFound), fault.Is(err, fault.SourcePlaceUnknown):
		return unknown, nil
	case err != nil:
		return nil, err
	}
	i := slices.IndexFunc(schemas.Embedded.Schemas, func(c struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}) bool {
		return strings.EqualFold(c.Name, "User")
	})
	if i < 0 {
		return unknown, nil
	}
	var attributes struct {
		Embedded struct {
			Attributes []struct {
				Name string `json:"name"`
			} `json:"attributes"`
		} `json:"_embedded"`
	}
	err = s.get(ctx, s.path("schemas", schemas.Embedded.Schemas[i].ID, "attributes"), &attributes)
	switch {
	case fault.Is(err, fault.SourceAccessDenied), errors.Is(err, errNotFound):
		return unknown, nil
	case err != nil:
		return nil, err
	}
	read := &schema{names: slices.Clone(standard)}
	for _, a := range attributes.Embedded.Attributes {
		read.names = append(read.names, a.Name)
	}
	return read, nil
}
