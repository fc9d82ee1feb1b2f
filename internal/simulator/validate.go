package simulator

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// userChange is what the body of a POST or PATCH of a user asks for, after all checks that need no other object.
type userChange struct {
	set      map[string]any // :: exact name -> value; nil clears
	id       *string        // named in a PATCH, where it must be the user's own
	password bool
	manager  string // from manager@odata.bind
}

// judgeUser checks a body. The order is: names, types, what is required, sign-in name, password, values.
func (c *call) judgeUser(creating bool) (*userChange, *refusal) {
	ch := &userChange{set: map[string]any{}}
	for _, name := range sortedKeys(c.body) {
		if fail := c.judgeName(ch, name, creating); fail != nil {
			return nil, fail
		}
	}
	if fail := c.unavailable("User"); fail != nil {
		return nil, fail
	}
	for _, name := range sortedKeys(ch.set) {
		if fail := c.judgeType(ch, name); fail != nil {
			return nil, fail
		}
	}
	if creating {
		for _, name := range []string{"accountEnabled", "displayName", "mailNickname", "userPrincipalName"} {
			if ch.set[name] == nil {
				return nil, requiredValue(name, "User")
			}
		}
	}
	if upn, ok := ch.set["userPrincipalName"].(string); ok {
		if fail := c.t.judgeUPN(upn); fail != nil {
			return nil, fail
		}
		if d, _ := c.t.domain(upn[strings.IndexByte(upn, '@')+1:]); creating && d.Type == "Federated" && ch.set["onPremisesImmutableId"] == nil {
			return nil, badRequest("SourceAnchor is a required property for creation of a federated user")
		}
	}
	if fail := c.judgePassword(ch, creating); fail != nil {
		return nil, fail
	}
	for _, name := range sortedKeys(ch.set) {
		if fail := c.judgeValue(ch, name); fail != nil {
			return nil, fail
		}
	}
	return ch, nil
}

// judgeName sorts a member of the body: annotation, extension, property, or unknown.
func (c *call) judgeName(ch *userChange, name string, creating bool) *refusal {
	value := c.body[name]
	switch {
	case name == "manager@odata.bind" && creating:
		ref, _ := value.(string)
		ch.manager = c.reference(ref)
		return nil
	case strings.HasPrefix(name, "@odata."):
		return nil
	case isExtension(name):
		ch.set[name] = value // known to the tenant or not is judged for all of them together
		return nil
	case name == "id" && !creating:
		id, _ := value.(string)
		ch.id = &id
		return nil
	}
	p := userProperties.byName[name]
	switch {
	case p == nil:
		return c.unknown(userProperties, name, badOData("%s", textUnknown))
	case p.write == readOnly:
		c.s.stats.protocol("read-only property")
		return badRequest("Property '%s' is read-only and cannot be set.", name)
	case p.write == delegated:
		return denied()
	case name == "onPremisesExtensionAttributes" && creating && c.s.o.Behavior.RefuseExtensionAttributesOnCreate:
		return invalidValue(name, "User")
	}
	ch.set[name] = value
	return nil
}

// judgeType makes the JSON value what the property holds. Empty strings are refused everywhere.
func (c *call) judgeType(ch *userChange, name string) *refusal {
	v := ch.set[name]
	if v == nil {
		return nil
	}
	k := objectKind
	if p := userProperties.byName[name]; p != nil {
		k = p.kind
	} else if d := c.t.definition(name); d != nil {
		typed, fail := d.judge(v)
		if s, ok := v.(string); ok && s == "" {
			c.s.stats.protocol("empty string")
		}
		ch.set[name] = typed
		return fail
	}
	typed, fail := convert(v, k, name, "User")
	if fail == errEmpty {
		c.s.stats.protocol("empty string")
		fail = invalidValue(name, "User")
	}
	ch.set[name] = typed
	return fail
}

// errEmpty marks an empty string among the values; it is answered like any other invalid value.
var errEmpty = &refusal{}

// convert checks a JSON value against a kind.
func convert(v any, k kind, name, resource string) (any, *refusal) {
	switch k {
	case textKind, dateKind:
		s, ok := v.(string)
		if !ok {
			return nil, badOData("Cannot convert a value to target type 'Edm.String' because of conflict between input format string/number and parameter 'IEEE754Compatible' false/true.")
		}
		if s == "" {
			return nil, errEmpty
		}
		return s, nil
	case flagKind:
		b, ok := v.(bool)
		if !ok {
			return nil, badOData("Cannot convert the literal to the expected type 'Edm.Boolean'.")
		}
		return b, nil
	case listKind:
		list, ok := v.([]any)
		if !ok {
			return nil, badOData("An unexpected 'PrimitiveValue' node was found for property named '%s' when reading from the JSON reader. A 'StartArray' node was expected.", name)
		}
		out := make([]string, 0, len(list))
		for _, e := range list {
			s, ok := e.(string)
			if !ok {
				return nil, badOData("Cannot convert the literal to the expected type 'Edm.String'.")
			}
			if s == "" {
				return nil, errEmpty
			}
			out = append(out, s)
		}
		return out, nil
	}
	return v, nil
}

const upnSigns = "'.-_!#^~$"

// judgeUPN checks a sign-in name (https://learn.microsoft.com/entra/identity/authentication/concept-sspr-policy).
func (t *Tenant) judgeUPN(upn string) *refusal {
	const text = "Property userPrincipalName is invalid."
	invalid := func(code string) *refusal {
		r := badRequest(text)
		r.details = []detail{{code, text, "userPrincipalName"}}
		return r
	}
	local, domain, ok := strings.Cut(upn, "@")
	switch {
	case !ok || strings.Contains(domain, "@") || local == "" || domain == "",
		len(upn) > 113 || len(local) > 64 || len(domain) > 48,
		strings.HasSuffix(local, "."):
		return invalid("InvalidValue")
	}
	for _, r := range local {
		if !letterOrDigit(r) && !strings.ContainsRune(upnSigns, r) {
			return invalid("InvalidCharacter")
		}
	}
	if _, ok := t.domain(domain); !ok {
		return badRequest("The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.")
	}
	return nil
}

func letterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// judgePassword takes the password out of the change: it is never kept.
func (c *call) judgePassword(ch *userChange, creating bool) *refusal {
	raw, there := ch.set["passwordProfile"]
	delete(ch.set, "passwordProfile")
	if !there || raw == nil {
		if creating {
			return badRequest("A password must be specified to create a new user.")
		}
		if there {
			return invalidValue("passwordProfile", "User")
		}
		return nil
	}
	profile, ok := raw.(map[string]any)
	if !ok {
		return badOData("%s", textUnknown)
	}
	for _, name := range sortedKeys(profile) {
		switch name {
		case "password", "@odata.type":
		case "forceChangePasswordNextSignIn", "forceChangePasswordNextSignInWithMfa":
			if _, ok := profile[name].(bool); !ok && profile[name] != nil {
				return badOData("Cannot convert the literal to the expected type 'Edm.Boolean'.")
			}
		default:
			c.s.stats.protocol("unknown property")
			return badOData("%s", textUnknown)
		}
	}
	password, _ := profile["password"].(string)
	if password == "" {
		if creating {
			return badRequest("A password must be specified to create a new user.")
		}
	} else if !strongPassword(password) {
		return badRequest("The specified password does not comply with password complexity requirements. Please provide a different password.")
	}
	ch.password = true
	return nil
}

const passwordSigns = "@#$%^&*-_!+=[]{}|\\:',.?/`~\"();<> "

// strongPassword: 8 to 256 characters, three of the four classes, nothing outside them.
func strongPassword(p string) bool {
	n := utf8.RuneCountInString(p)
	if n < 8 || n > 256 {
		return false
	}
	var lower, upper, digit, sign int
	for _, r := range p {
		switch {
		case r >= 'a' && r <= 'z':
			lower = 1
		case r >= 'A' && r <= 'Z':
			upper = 1
		case r >= '0' && r <= '9':
			digit = 1
		case strings.ContainsRune(passwordSigns, r):
			sign = 1
		default:
			return false
		}
	}
	return lower+upper+digit+sign >= 3
}

// judgeValue checks lengths and the rules of single properties.
func (c *call) judgeValue(ch *userChange, name string) *refusal {
	v, p := ch.set[name], userProperties.byName[name]
	if p == nil {
		return nil // an extension, judged with its type
	}
	if v == nil {
		switch {
		case name == "onPremisesImmutableId" && c.s.o.Behavior.KeepImmutableID:
			return invalidValue(name, "User")
		case name == "usageLocation":
			return badRequest("Property usageLocation is invalid.")
		case p.kept:
			return invalidValue(name, "User")
		}
		return nil
	}
	if p.max > 0 {
		long := false
		each(v, func(s string) { long = long || utf8.RuneCountInString(s) > p.max })
		if long {
			return invalidValue(name, "User")
		}
	}
	ok := true
	switch name {
	case "usageLocation":
		if !usageLocations[v.(string)] {
			return badRequest("Property usageLocation is invalid.")
		}
	case "mailNickname":
		ok = validNickname(v.(string))
	case "onPremisesImmutableId":
		ok = !strings.ContainsAny(v.(string), "$_")
	case "mail":
		ok = strings.Count(v.(string), "@") == 1 && !strings.ContainsAny(v.(string), " ,;")
	case "otherMails":
		list := v.([]string)
		ok = len(list) <= 250
		for _, m := range list {
			ok = ok && strings.Contains(m, "@")
		}
	case "businessPhones":
		ok = len(v.([]string)) <= 1
	case "passwordPolicies":
		for _, s := range strings.Split(v.(string), ",") {
			switch strings.TrimSpace(s) {
			case "DisableStrongPassword", "DisablePasswordExpiration", "None":
			default:
				ok = false
			}
		}
	case "userType":
		ok = v == "Member" || v == "Guest"
	case "onPremisesExtensionAttributes":
		m, isMap := v.(map[string]any)
		ok = isMap
		for key, x := range m {
			s, isText := x.(string)
			ok = ok && (extensionAttributes[key] || key == "@odata.type") && (x == nil || isText && s != "" && utf8.RuneCountInString(s) <= 1024)
		}
	}
	if !ok {
		return invalidValue(name, "User")
	}
	return nil
}

func validNickname(s string) bool {
	for _, r := range s {
		if r > 127 || r < 32 || strings.ContainsRune(`@()\[]";:<>, `, r) {
			return false
		}
	}
	return true
}

// extensionAttributes are the fifteen that Exchange has.
var extensionAttributes = func() map[string]bool {
	m := map[string]bool{}
	for i := 1; i <= 15; i++ {
		m[fmt.Sprintf("extensionAttribute%d", i)] = true
	}
	return m
}()

// reference is referenced, and counts a reference to another cloud's Graph: each has directory objects of its own
// (https://learn.microsoft.com/graph/deployments).
func (c *call) reference(ref string) string {
	if u, err := url.Parse(ref); err == nil {
		if graph := u.Scheme + "://" + u.Host; resources[graph] && graph != graphAudience {
			c.s.stats.protocol("reference to another cloud")
		}
	}
	return referenced(ref)
}

// referenced takes the id or name out of an @odata.id, "" when it is none. The host may be any; the path may begin with a
// version or a tenant, and may end with the object's type, as the directory's own addresses do.
func referenced(ref string) string {
	u, err := url.Parse(ref)
	if err != nil {
		return ""
	}
	parts, fail := split(u.EscapedPath())
	if fail != nil {
		return ""
	}
	for i := len(parts) - 2; i >= 0 && i >= len(parts)-3; i-- {
		switch strings.ToLower(parts[i]) {
		case "users", "directoryobjects", "groups":
			return strings.TrimPrefix(parts[i+1], keyMark)
		}
	}
	return ""
}
