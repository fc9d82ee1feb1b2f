package ldap

import (
	"context"
	"regexp"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/entraflow/entraflow/internal/fault"
)

// facts are what a server says of itself. They are asked once.
type facts struct {
	kind string
	// attributes are the names that the schema has, in lower case, each with its first name; nil where the schema cannot be read.
	attributes map[string]attributeType
	// contexts are the roots of the trees that the server has; none where it does not say.
	contexts []string
}

// attributeType is what the schema says of an attribute.
type attributeType struct {
	// name is the first of its names.
	name string
	// binary: its values are no text.
	binary bool
}

// activeDirectory is the capability by which Active Directory and Samba tell that they are one.
// https://learn.microsoft.com/openspecs/windows_protocols/ms-adts/3ed61e6c-cfdc-487d-9f02-5a3397be3772
const activeDirectory = "1.2.840.113556.1.4.800"

// known asks the server what it is, once.
func (s *server) known(ctx context.Context) (*facts, error) {
	s.mu.Lock()
	f := s.facts
	s.mu.Unlock()
	if f != nil {
		return f, nil
	}
	err := s.with(ctx, func(c *goldap.Conn) (err error) {
		f, err = s.ask(ctx, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts = f
	return f, nil
}

func (s *server) ask(ctx context.Context, c *goldap.Conn) (*facts, error) {
	root, err := s.rootDSE(ctx, c)
	if err != nil {
		return nil, err
	}
	f := &facts{kind: s.Kind, contexts: root.GetEqualFoldAttributeValues("namingContexts")}
	if s.Kind == "" || s.Kind == kindAuto {
		f.kind = kindOf(root)
	}
	place := root.GetEqualFoldAttributeValue("subschemaSubentry")
	if place == "" {
		return f, nil
	}
	schema, err := s.search(ctx, c, goldap.NewSearchRequest(place, goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"attributeTypes"}, nil))
	switch {
	case fault.Is(err, fault.SourceAccessDenied), fault.Is(err, fault.SourcePlaceUnknown):
		return f, nil // Names are then taken as they are written.
	case err != nil:
		return nil, err
	}
	for _, entry := range schema.Entries {
		for _, definition := range entry.GetEqualFoldAttributeValues("attributeTypes") {
			f.learn(definition)
		}
	}
	return f, nil
}

// rootDSE is what a server tells everybody of itself.
func (s *server) rootDSE(ctx context.Context, c *goldap.Conn) (*goldap.Entry, error) {
	result, err := s.search(ctx, c, goldap.NewSearchRequest("", goldap.ScopeBaseObject, goldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"objectClass", "supportedCapabilities", "supportedControl", "vendorName", "subschemaSubentry", "namingContexts",
			"defaultNamingContext", "dsServiceName", "configContext"}, nil))
	if err != nil {
		return nil, err
	}
	if len(result.Entries) == 0 {
		return &goldap.Entry{}, nil
	}
	return result.Entries[0], nil
}

func kindOf(root *goldap.Entry) string {
	if slices.Contains(root.GetEqualFoldAttributeValues("supportedCapabilities"), activeDirectory) {
		return kindActiveDirectory
	}
	if slices.ContainsFunc(root.GetEqualFoldAttributeValues("objectClass"), func(c string) bool { return strings.EqualFold(c, "OpenLDAProotDSE") }) {
		return kindOpenLDAP
	}
	return kindGeneric
}

var (
	definedNames  = regexp.MustCompile(`\bNAME\s+(?:'([^']*)'|\(([^)]*)\))`)
	definedSyntax = regexp.MustCompile(`\bSYNTAX\s+'?([0-9.]+)`)
	quotedName    = regexp.MustCompile(`'([^']*)'`)
)

// binarySyntaxes are those whose values are no text: octet strings, certificates, pictures and the like.
// https://www.rfc-editor.org/rfc/rfc4517
var binarySyntaxes = []string{
	"1.3.6.1.4.1.1466.115.121.1.4", "1.3.6.1.4.1.1466.115.121.1.5", "1.3.6.1.4.1.1466.115.121.1.8", "1.3.6.1.4.1.1466.115.121.1.9",
	"1.3.6.1.4.1.1466.115.121.1.10", "1.3.6.1.4.1.1466.115.121.1.23", "1.3.6.1.4.1.1466.115.121.1.28", "1.3.6.1.4.1.1466.115.121.1.40",
	"1.2.840.113556.1.4.907",
}

// learn reads one definition of the schema (RFC 4512).
func (f *facts) learn(definition string) {
	m := definedNames.FindStringSubmatch(definition)
	if m == nil {
		return
	}
	names := []string{m[1]}
	if m[2] != "" {
		names = nil
		for _, n := range quotedName.FindAllStringSubmatch(m[2], -1) {
			names = append(names, n[1])
		}
	}
	if len(names) == 0 {
		return
	}
	t := attributeType{name: names[0]}
	if syntax := definedSyntax.FindStringSubmatch(definition); syntax != nil {
		t.binary = slices.Contains(binarySyntaxes, syntax[1])
	}
	if f.attributes == nil {
		f.attributes = map[string]attributeType{}
	}
	for _, n := range names {
		f.attributes[strings.ToLower(n)] = t
	}
}

// has reports whether the schema has an attribute, or cannot tell.
func (f *facts) has(name string) bool {
	if f.attributes == nil {
		return true
	}
	base, _, _ := strings.Cut(strings.ToLower(name), ";")
	_, ok := f.attributes[base]
	return ok
}

// canonical writes an attribute's description in one way: the first of its names in lower case, with its options.
func (f *facts) canonical(description string) string {
	base, options, _ := strings.Cut(strings.ToLower(description), ";")
	if t, ok := f.attributes[base]; ok {
		base = strings.ToLower(t.name)
	}
	if options != "" {
		return base + ";" + options
	}
	return base
}

// binary reports that an attribute's values are no text.
func (f *facts) binary(description string) bool {
	base, options, _ := strings.Cut(strings.ToLower(description), ";")
	return f.attributes[base].binary || slices.Contains(strings.Split(options, ";"), "binary") || base == "objectguid" || base == "objectsid"
}
