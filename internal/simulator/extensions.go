package simulator

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// definition is a directory extension property.
type definition struct {
	id       string
	name     string // short
	fullName string // extension_<app id without dashes>_<name>
	dataType string
	targets  []string
	multi    bool
	usableAt time.Time
	app      *app
}

// dataTypes of extension properties (https://learn.microsoft.com/graph/api/application-post-extensionproperty).
var dataTypes = []string{"Binary", "Boolean", "DateTime", "Integer", "LargeInteger", "String"}

var extensionTargets = []string{"User", "Group", "AdministrativeUnit", "Application", "Device", "Organization"}

func fullExtensionName(clientID, name string) string {
	return "extension_" + strings.ReplaceAll(strings.ToLower(clientID), "-", "") + "_" + name
}

// derivedID makes a GUID that depends on two others, for ids that nobody stores.
func derivedID(a, b string) string {
	h := fnv.New128a()
	h.Write([]byte(a + b))
	sum := h.Sum(nil)
	var x, y uint64
	for i := range 8 {
		x, y = x<<8|uint64(sum[i]), y<<8|uint64(sum[8+i])
	}
	return formatID(x, y)
}

// definition finds a property by its full name, usable or not.
func (t *Tenant) definition(fullName string) *definition {
	for _, a := range t.apps {
		for _, d := range a.definitions {
			if strings.EqualFold(d.fullName, fullName) {
				return d
			}
		}
	}
	return nil
}

func (d *definition) usable(now time.Time) bool {
	return !d.app.noPrincipal && !now.Before(d.usableAt)
}

// registered finds a property, in any spelling, that an object of this kind can have and that has become usable.
func (c *call) registered(name, target string) *definition {
	d := c.t.definition(name)
	if d == nil || !d.usable(c.now) || !slices.Contains(d.targets, target) {
		return nil
	}
	return d
}

// unavailable refuses a write that names properties which cannot be used, and names all of them.
func (c *call) unavailable(target string) *refusal {
	var missing []string
	named := false
	for _, name := range sortedKeys(c.body) {
		if isExtension(name) {
			named = true
			if c.registered(name, target) == nil {
				missing = append(missing, name)
			}
		}
	}
	if named && len(missing) == 0 && c.s.flap() {
		for _, name := range sortedKeys(c.body) {
			if isExtension(name) {
				missing = append(missing, name)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return badRequest("The following extension properties are not available: %s.", strings.Join(missing, ","))
}

// respell takes away what a write replaces that was stored in another spelling: writes take any case, and reads need the
// one that was written.
func respell(props map[string]any, name string) (changed bool) {
	for have := range props {
		if have != name && strings.EqualFold(have, name) {
			delete(props, have)
			changed = true
		}
	}
	return changed
}

// judge checks a value: its type, and at most 256 characters.
func (d *definition) judge(v any) (any, *refusal) {
	invalid := func() (any, *refusal) { return nil, invalidValue(d.fullName, d.targets[0]) }
	if d.multi {
		list, fail := convert(v, listKind, d.fullName, "User")
		if fail != nil {
			return invalid()
		}
		for _, s := range list.([]string) {
			if utf8.RuneCountInString(s) > 256 {
				return invalid()
			}
		}
		return list, nil
	}
	switch d.dataType {
	case "Boolean":
		if _, ok := v.(bool); !ok {
			return invalid()
		}
	case "Integer", "LargeInteger":
		if _, ok := v.(float64); !ok {
			return invalid()
		}
	default:
		s, ok := v.(string)
		if !ok || s == "" || utf8.RuneCountInString(s) > 256 {
			return invalid()
		}
		if d.dataType == "DateTime" {
			if _, err := time.Parse(time.RFC3339, s); err != nil {
				return invalid()
			}
		}
	}
	return v, nil
}

// application finds the application of a path: by its object id, or by appId=….
func (c *call) application() (*app, *refusal) {
	key := c.args[0]
	var a *app
	if id, ok := strings.CutPrefix(key, "appId="); ok {
		a = c.t.app(id)
	} else if !isID(key) {
		return nil, badRequest("Invalid object identifier '%s'.", key)
	} else {
		a = c.t.appObject(key)
	}
	if a == nil {
		return nil, notFound(strings.TrimPrefix(key, "appId="))
	}
	return a, nil
}

func (a *app) fields() []field {
	return []field{{"id", a.objectID}, {"deletedDateTime", nil}, {"appId", a.clientID}, {"displayName", a.name},
		{"signInAudience", "AzureADMyOrg"}, {"identifierUris", []string{}}}
}

func getApplication(c *call) reply {
	a, fail := c.application()
	if fail != nil {
		return c.refuse(fail)
	}
	fields := append([]field{{"@odata.context", c.context("applications/$entity")}}, a.fields()...)
	return reply{status: http.StatusOK, render: func(b []byte) []byte { return appendFields(b, fields) }}
}

// value gives a property as a filter compares it.
func (a *app) value(name string) any {
	switch name {
	case "appId":
		return a.clientID
	case "displayName":
		return a.name
	}
	return nil
}

// listApplications knows the filters that find an application: appId eq, displayName eq and startsWith.
func listApplications(c *call) reply {
	var filter *expr
	if text := c.query.Get("$filter"); text != "" {
		var fail *refusal
		if filter, fail = parseFilter(text); fail != nil {
			return c.refuse(fail)
		}
		name := strings.ToLower(filter.name)
		switch {
		case name == "appid" && filter.op == "eq":
			filter.name = "appId"
		case name == "displayname" && (filter.op == "eq" || filter.op == "startswith"):
			filter.name = "displayName"
		default:
			return c.refuse(unsupportedClause(filter.name, "Application"))
		}
	}
	value := []any{}
	for _, a := range c.t.apps {
		if filter == nil || filter.matches(a) {
			value = append(value, a)
		}
	}
	context := c.context("applications")
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		b = append(b, `{"@odata.context":`...)
		b = appendText(b, context)
		b = append(b, `,"value":[`...)
		for i, a := range value {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendFields(b, a.(*app).fields())
		}
		return append(b, "]}"...)
	}}
}

func (d *definition) fields() []field {
	return []field{{"id", d.id}, {"deletedDateTime", nil}, {"appDisplayName", d.app.name}, {"dataType", d.dataType},
		{"isMultiValued", d.multi}, {"isSyncedFromOnPremises", false}, {"name", d.fullName}, {"targetObjects", d.targets}}
}

func (c *call) definitions(list []*definition, context string) reply {
	full := c.context(context)
	return reply{status: http.StatusOK, render: func(b []byte) []byte {
		b = append(b, `{"@odata.context":`...)
		b = appendText(b, full)
		b = append(b, `,"value":[`...)
		for i, d := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendFields(b, d.fields())
		}
		return append(b, "]}"...)
	}}
}

func listExtensions(c *call) reply {
	a, fail := c.application()
	if fail != nil {
		return c.refuse(fail)
	}
	list := slices.Clone(a.definitions)
	if text := c.query.Get("$filter"); text != "" {
		e, fail := parseFilter(text)
		if fail != nil {
			return c.refuse(fail)
		}
		if e.op != "eq" || !strings.EqualFold(e.name, "name") {
			return c.refuse(unsupportedClause(e.name, "ExtensionProperty"))
		}
		list = slices.DeleteFunc(list, func(d *definition) bool { return !same(d.fullName, e.values[0]) })
	}
	return c.definitions(list, fmt.Sprintf("applications('%s')/extensionProperties", a.objectID))
}

// availableExtensions shows what has become usable, of all applications.
func availableExtensions(c *call) reply {
	var list []*definition
	for _, a := range c.t.apps {
		for _, d := range a.definitions {
			if d.usable(c.now) {
				list = append(list, d)
			}
		}
	}
	return c.definitions(list, "directoryObjects/extensionProperties")
}

func getExtension(c *call) reply {
	a, fail := c.application()
	if fail != nil {
		return c.refuse(fail)
	}
	for _, d := range a.definitions {
		if strings.EqualFold(d.id, c.args[1]) {
			return c.oneDefinition(http.StatusOK, a, d)
		}
	}
	return c.refuse(notFound(c.args[1]))
}

func (c *call) oneDefinition(status int, a *app, d *definition) reply {
	fields := append([]field{{"@odata.context", c.context(fmt.Sprintf("applications('%s')/extensionProperties/$entity", a.objectID))}}, d.fields()...)
	return reply{status: status, render: func(b []byte) []byte { return appendFields(b, fields) }}
}

// mayDefine: Application.ReadWrite.OwnedBy covers only applications that the caller's service principal owns.
func (c *call) mayDefine(a *app) bool {
	if c.who.any(writeExtension[1:]) {
		return true
	}
	return a.clientID == c.who.clientID && a.ownsItself
}

func createExtension(c *call) reply {
	a, fail := c.application()
	if fail != nil {
		return c.refuse(fail)
	}
	if !c.mayDefine(a) {
		return c.refuse(denied())
	}
	d := &definition{id: c.t.newID(), app: a, usableAt: c.now.Add(c.t.delay)}
	for _, key := range sortedKeys(c.body) {
		switch key {
		case "name", "dataType", "targetObjects", "isMultiValued", "@odata.type":
		default:
			c.s.stats.protocol("unknown property")
			return c.refuse(badOData("%s", textUnknown))
		}
	}
	d.name, _ = c.body["name"].(string)
	d.dataType, _ = c.body["dataType"].(string)
	d.multi, _ = c.body["isMultiValued"].(bool)
	targets, _ := c.body["targetObjects"].([]any)
	for _, raw := range targets {
		target, _ := raw.(string)
		if !slices.Contains(extensionTargets, target) {
			return c.refuse(invalidValue("targetObjects", "ExtensionProperty"))
		}
		d.targets = append(d.targets, target)
	}
	switch {
	case d.name == "":
		return c.refuse(requiredValue("name", "ExtensionProperty"))
	case !validExtensionName(d.name):
		return c.refuse(invalidValue("name", "ExtensionProperty"))
	case d.dataType == "":
		return c.refuse(requiredValue("dataType", "ExtensionProperty"))
	case !slices.Contains(dataTypes, d.dataType):
		return c.refuse(invalidValue("dataType", "ExtensionProperty"))
	case len(d.targets) == 0:
		return c.refuse(requiredValue("targetObjects", "ExtensionProperty"))
	}
	d.fullName = fullExtensionName(a.clientID, d.name)
	if c.t.definition(d.fullName) != nil {
		return c.refuse(&refusal{status: http.StatusBadRequest, code: codeMultiple,
			message: fmt.Sprintf("An extension property exists with the name %s.", d.fullName)})
	}
	a.definitions = append(a.definitions, d)
	return c.oneDefinition(http.StatusCreated, a, d)
}

func validExtensionName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return len(name) <= 120
}

// deleteExtension takes the definition away; the values stay with the objects and show again when it is made anew.
func deleteExtension(c *call) reply {
	a, fail := c.application()
	if fail != nil {
		return c.refuse(fail)
	}
	if !c.mayDefine(a) {
		return c.refuse(denied())
	}
	i := slices.IndexFunc(a.definitions, func(d *definition) bool { return strings.EqualFold(d.id, c.args[1]) })
	if i < 0 {
		return c.refuse(notFound(c.args[1]))
	}
	a.definitions = slices.Delete(slices.Clone(a.definitions), i, i+1)
	return noContent()
}
