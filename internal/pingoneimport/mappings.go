package pingoneimport

import (
	"regexp"
	"strings"

	"github.com/entraflow/entraflow/internal/directory"
	"github.com/entraflow/entraflow/internal/mapping"
	"github.com/entraflow/entraflow/internal/mapping/field"
	"github.com/entraflow/entraflow/internal/source/pingone"
)

// userMapping is the type of mappings of people's attributes; "" stands for it.
const userMapping = "userAttributeMapping"

// mappings writes those of a rule in PingOne's order.
func (w *writer) mappings(rule string, r pingone.ProvisioningRule) {
	written := map[string]bool{}
	for _, m := range r.Mappings {
		place := rule + ", " + m.TargetAttribute
		attribute, known := directory.FindAttribute(m.TargetAttribute)
		switch {
		case m.Type != "" && !strings.EqualFold(m.Type, userMapping):
			w.left("      ", place, "the mapping of a group's attribute "+m.TargetAttribute)
		case !known && strings.Contains(strings.ToLower(m.TargetAttribute), "password"):
			w.left("      ", place, "entraflow does not write the attribute "+m.TargetAttribute+", and its value may be a secret")
		case !known:
			w.left("      ", place, "entraflow does not write the attribute "+m.TargetAttribute+" ("+origin(m)+")")
		case written[attribute.Name]:
			w.left("      ", place, "a second mapping of "+attribute.Name)
		case attribute.Name == directory.Password:
			// The expression may hold a password in clear text.
			written[attribute.Name] = true
			w.left("      ", place, "how PingOne makes the first password, which may be a secret; each person gets a random one")
			w.line("      password: 'randomPassword(24)'")
		default:
			value, err := carried(attribute, m)
			if err != "" {
				w.left("      ", place, m.TargetAttribute+": "+err+" ("+origin(m)+")")
				continue
			}
			written[attribute.Name] = true
			w.line("      %s: %s", attribute.Name, value)
		}
	}
	if len(r.Mappings) == 0 {
		w.left("      ", rule+", mappings", "the rule has no mappings of its own, and PingOne does not tell the defaults of the connection")
	}
	// Without these the file would be refused, and without a word about what is missing.
	for _, needed := range []struct{ attribute, value string }{
		{directory.UserPrincipalName, "user.username"}, {directory.MailNickname, `user.username.split("@")[0]`},
		{directory.DisplayName, `user.name.given + " " + user.name.family`}, {directory.Password, "randomPassword(24)"},
	} {
		if !written[needed.attribute] {
			w.line("      # PingOne has no mapping, or none that could be carried over; correct this one:")
			w.line("      %s: %s", needed.attribute, scalar(needed.value))
		}
	}
}

// origin is what a mapping says in PingOne.
func origin(m pingone.ProvisioningMapping) string {
	if m.Expression != "" {
		return "PingOne: " + m.Expression
	}
	return "PingOne's attribute " + m.SourceAttribute
}

// dotted is an attribute, or one of its parts.
var dotted = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// carried is the value of a mapping as it is written in the file, or why there is none.
func carried(attribute directory.Attribute, m pingone.ProvisioningMapping) (value, why string) {
	var e expr
	switch {
	case m.Expression != "":
		all, err := words(m.Expression)
		if err == nil && len(all) == 2 && (all[0].kind == literal || isTruth(all[0])) {
			return constant(attribute, all[0])
		}
		text, err := translate(m.Expression)
		if err != nil {
			return "", err.Error()
		}
		e.text = text
	case dotted.MatchString(m.SourceAttribute):
		e.text = "user." + strings.TrimPrefix(m.SourceAttribute, "user.")
	default:
		return "", "no expression, and no attribute whose name is known"
	}
	return scalar(e.text), refused(attribute, field.Spec{Expression: e.text})
}

func isTruth(w word) bool {
	return w.kind == name && (strings.EqualFold(w.text, "true") || strings.EqualFold(w.text, "false"))
}

// constant is the same value for everybody.
func constant(attribute directory.Attribute, w word) (value, why string) {
	if isTruth(w) {
		text := strings.ToLower(w.text)
		return "{value: " + text + "}", refused(attribute, field.Spec{Value: text == "true"})
	}
	return "{value: " + scalar(w.text) + "}", refused(attribute, field.Spec{Value: strings.Map(printable, w.text)})
}

// refused is why the configuration would refuse a mapping; "" where it would not.
func refused(attribute directory.Attribute, spec field.Spec) string {
	problems, _ := mapping.Check(mapping.Rule{Mappings: map[string]field.Spec{attribute.Name: spec}})
	for _, p := range problems {
		if p.Key == attribute.Name {
			return p.Message
		}
	}
	return ""
}
