package simulator

import (
	"net/http"
	"net/url"
	"strings"
)

// route is one request that the simulator knows: what it costs, who may send it, and what it does.
type route struct {
	method  string
	pattern string // relative to /v1.0/; {x} stands for anything
	units   int    // resource units before modifiers
	writes  int
	list    bool     // answers pages of a collection
	roles   []string // any of these application permissions
	handle  func(*call) reply
	parts   []string
}

var (
	readUsers      = []string{"User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	writeUsers     = []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}
	deleteUsers    = []string{"User.DeleteRestore.All", "User.ReadWrite.All"}
	readBin        = []string{"User.Read.All", "User.ReadWrite.All", "User.DeleteRestore.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	userLicenses   = []string{"LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	readSKUs       = []string{"LicenseAssignment.Read.All", "LicenseAssignment.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readOrg        = []string{"Organization.Read.All", "Organization.ReadWrite.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readGroups     = []string{"Group.ReadBasic.All", "GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	createGroups   = []string{"Group.Create", "Group.ReadWrite.All", "Directory.ReadWrite.All"}
	changeGroups   = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"}
	groupMembers   = []string{"GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"}
	groupLicenses  = []string{"LicenseAssignment.ReadWrite.All", "Group.ReadWrite.All"}
	readApps       = []string{"Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	writeExtension = []string{"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All"}
)

// routes, those with fixed words before those with placeholders. Costs:
// https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
var routes []route

func init() {
	get, post, patch, put, del := http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete
	routes = []route{
		{get, "users", 2, 0, true, readUsers, listUsers, nil},
		{post, "users", 1, 1, false, writeUsers, createUser, nil},
		{get, "users/$count", 1, 0, false, readUsers, countUsers, nil},
		{get, "users/{id}", 1, 0, false, readUsers, getUser, nil},
		{patch, "users/{id}", 1, 1, false, nil, updateUser, nil}, // permission depends on the properties
		{del, "users/{id}", 1, 1, false, deleteUsers, deleteUser, nil},
		{get, "users/{id}/manager", 1, 0, false, readUsers, getManager, nil},
		{put, "users/{id}/manager/$ref", 1, 1, false, writeUsers, putManager, nil},
		{del, "users/{id}/manager/$ref", 1, 1, false, writeUsers, deleteManager, nil},
		{post, "users/{id}/revokeSignInSessions", 1, 1, false, []string{"User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}, revokeSessions, nil},
		{post, "users/{id}/assignLicense", 1, 1, false, userLicenses, assignUserLicense, nil},
		{post, "users/{id}/reprocessLicenseAssignment", 1, 1, false, []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}, reprocessLicenses, nil},
		{get, "users/{id}/licenseDetails", 2, 0, false, append([]string{"LicenseAssignment.Read.All"}, readUsers[1:]...), licenseDetails, nil},
		{post, "users/{id}/getMemberGroups", 2, 0, false, append([]string{"GroupMember.Read.All", "Group.ReadWrite.All"}, readUsers[1:]...), memberGroups, nil},
		{get, "users/{id}/memberOf", 2, 0, true, []string{"Directory.Read.All", "Group.ReadBasic.All", "GroupMember.ReadBasic.All", "Directory.ReadWrite.All"}, memberOf, nil},
		{get, "subscribedSkus", 3, 0, false, readSKUs, listSKUs, nil},
		{get, "organization", 1, 0, false, readOrg, getOrganization, nil},
		{get, "organization/{id}", 1, 0, false, readOrg, getOneOrganization, nil},
		{get, "domains", 1, 0, false, []string{"Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}, listDomains, nil},
		{get, "applications", 2, 0, false, readApps, listApplications, nil},
		{get, "applications/{app}", 1, 0, false, readApps, getApplication, nil},
		{get, "applications/{app}/extensionProperties", 1, 0, false, readApps, listExtensions, nil},
		{post, "applications/{app}/extensionProperties", 1, 1, false, writeExtension, createExtension, nil},
		{get, "applications/{app}/extensionProperties/{id}", 1, 0, false, readApps, getExtension, nil},
		{del, "applications/{app}/extensionProperties/{id}", 1, 1, false, writeExtension, deleteExtension, nil},
		{post, "directoryObjects/getAvailableExtensionProperties", 1, 0, false, readApps, availableExtensions, nil},
		{post, "directoryObjects/getByIds", 3, 0, false, []string{"Directory.Read.All", "Directory.ReadWrite.All"}, objectsByIDs, nil},
		{get, "directory/deletedItems", 1, 0, true, append(readBin, readGroups...), binWithoutType, nil},
		{get, "directory/deletedItems/microsoft.graph.user", 1, 0, true, readBin, listDeletedUsers, nil},
		{get, "directory/deletedItems/microsoft.graph.group", 1, 0, true, readGroups, listDeletedGroups, nil},
		{get, "directory/deletedItems/{id}", 1, 0, false, append(readBin, readGroups...), getDeleted, nil},
		{post, "directory/deletedItems/{id}/restore", 1, 1, false, append(deleteUsers, changeGroups[0]), restoreDeleted, nil},
		{del, "directory/deletedItems/{id}", 1, 1, false, append(deleteUsers, changeGroups[0]), purgeDeleted, nil},
		{get, "groups", 1, 0, true, readGroups, listGroups, nil},
		{post, "groups", 1, 1, false, createGroups, createGroup, nil},
		{get, "groups/{id}", 1, 0, false, readGroups, getGroup, nil},
		{patch, "groups/{id}", 1, 1, false, nil, updateGroup, nil}, // permission depends on what is changed
		{del, "groups/{id}", 1, 1, false, []string{"Group.ReadWrite.All"}, deleteGroup, nil},
		{get, "groups/{id}/members", 3, 0, true, append([]string{"GroupMember.ReadBasic.All"}, readGroups...), listMembers, nil},
		{get, "groups/{id}/members/microsoft.graph.user", 3, 0, true, append([]string{"GroupMember.ReadBasic.All"}, readGroups...), listMembers, nil},
		{post, "groups/{id}/members/$ref", 1, 1, false, groupMembers, addMember, nil},
		{get, "groups/{id}/members/$ref", 1, 0, true, readGroups, memberRefs, nil},
		{get, "groups/{id}/members/{member}/$ref", 1, 0, false, readGroups, memberRef, nil},
		{del, "groups/{id}/members/{member}/$ref", 1, 1, false, groupMembers, removeMember, nil},
		{del, "groups/{id}/members/{member}", 1, 1, false, deleteUsers, deleteMemberObject, nil},
		{get, "groups/{id}/members/$count", 1, 0, false, append([]string{"GroupMember.ReadBasic.All"}, readGroups...), countMembers, nil},
		{get, "groups/{id}/owners", 1, 0, true, readGroups, listOwners, nil},
		{get, "groups/{id}/owners/microsoft.graph.user", 1, 0, true, readGroups, listOwners, nil},
		{get, "groups/{id}/owners/$count", 1, 0, false, readGroups, countOwners, nil},
		{post, "groups/{id}/owners/$ref", 1, 1, false, changeGroups, addOwner, nil},
		{get, "groups/{id}/owners/{owner}/$ref", 1, 0, false, readGroups, ownerRef, nil},
		{del, "groups/{id}/owners/{owner}/$ref", 1, 1, false, changeGroups, removeOwner, nil},
		{post, "groups/{id}/assignLicense", 1, 1, false, groupLicenses, assignGroupLicense, nil},
	}
	for i := range routes {
		routes[i].parts = strings.Split(routes[i].pattern, "/")
	}
}

// keyMark stands before a part that was a key in parentheses. Only such a key may begin with a dollar
// (https://learn.microsoft.com/graph/api/user-get).
const keyMark = "\x00"

// casts are the collections behind which a type's name chooses objects, in lower case.
var casts = map[string]bool{"deleteditems": true, "members": true, "owners": true}

// tenantPrefix takes the tenant off a path: /v1.0/{tenant}/users is another way to write /v1.0/users.
func tenantPrefix(segments []string) (tenant string, rest []string) {
	if len(segments) > 1 && (isID(segments[0]) || strings.Contains(segments[0], ".")) {
		return segments[0], segments[1:]
	}
	return "", segments
}

// split takes a path apart. users('x') and groups(uniqueName='x') become two parts, as users/x is; a namespace in front of
// an action is dropped.
func split(escaped string) ([]string, *refusal) {
	rest := strings.Trim(strings.TrimPrefix(escaped, "/v1.0"), "/")
	var out []string
	for _, part := range strings.Split(rest, "/") {
		text, err := url.PathUnescape(part)
		if err != nil || strings.Contains(text, keyMark) {
			return nil, badOData("The request URI is not valid.")
		}
		if len(out) > 0 && !casts[strings.ToLower(out[len(out)-1])] {
			text = strings.TrimPrefix(text, "microsoft.graph.")
		}
		if name, key, ok := strings.Cut(text, "("); ok && strings.HasSuffix(key, ")") {
			out = append(out, name)
			key = strings.TrimSuffix(key, ")")
			if alternate, value, named := strings.Cut(key, "="); named && !strings.HasPrefix(key, "'") {
				out = append(out, keyMark+alternate+"="+unquote(value))
			} else if key != "" {
				out = append(out, keyMark+unquote(key))
			}
			continue
		}
		out = append(out, text)
	}
	return out, nil
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'")
	}
	return s
}

// match finds the route of a request. known is false when no route of any method has this path.
func match(method string, segments []string) (found *route, args []string, known bool, fail *refusal) {
	longest := 0
	for i := range routes {
		rt := &routes[i]
		n, values := fits(rt.parts, segments)
		longest = max(longest, n)
		if n != len(rt.parts) || n != len(segments) {
			continue
		}
		known = true
		if rt.method == method {
			return rt, values, true, nil
		}
	}
	if known {
		return nil, nil, true, &refusal{status: http.StatusMethodNotAllowed, code: codeBadRequest,
			message: textMethod}
	}
	return nil, nil, false, noSegment(strings.TrimPrefix(segments[min(longest, len(segments)-1)], keyMark))
}

// fits counts how many parts of a pattern a path follows.
func fits(parts, segments []string) (n int, args []string) {
	for n < len(parts) && n < len(segments) {
		part, seg := parts[n], segments[n]
		switch {
		case part[0] == '{':
			if seg == "" || strings.HasPrefix(seg, "$") {
				return n, args
			}
			args = append(args, strings.TrimPrefix(seg, keyMark))
		case !strings.EqualFold(part, seg):
			return n, args
		}
		n++
	}
	return n, args
}

// units is what a request costs: $select takes one off, $expand adds one, a small $top takes one off, at least one.
func (c *call) units() int {
	n := c.route.units
	if c.query.Get("$select") != "" {
		n--
	}
	if c.query.Get("$expand") != "" {
		n++
	}
	if top := c.query.Get("$top"); len(top) == 1 || len(top) == 2 && top < "20" {
		n--
	}
	return max(n, 1)
}

func (c *call) writes() int {
	if _, binds := c.body["members@odata.bind"]; binds && c.route.pattern == "groups/{id}" {
		return max(c.s.o.Quota.BindCost, 1)
	}
	return c.route.writes
}
