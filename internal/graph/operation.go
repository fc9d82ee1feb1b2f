package graph

import "github.com/entraflow/entraflow/internal/directory"

// operation is one kind of call: its name in faults and traces, and what the table of answers must know of it.
type operation struct {
	name string
	// route is the path without ids.
	route string
	// write: the call may change something, so it costs write budget, and a lost answer leaves its result uncertain.
	write bool
	// account: the call is about one existing account, so a 404 or a 403 can be that account's.
	account bool
	// group: the call is about one existing group, so a 404 or a 403 can be that group's.
	group bool
	// members: the call changes members of the group, so a 404 can also be an account's.
	members bool
	// bind: the body of a write names members, so that it costs an unknown part of the write budget.
	bind bool
	// permissions are the application permissions of which one suffices; the first is the one that we ask for.
	// https://learn.microsoft.com/graph/permissions-reference
	permissions []string
}

var (
	userRead    = []string{"User.ReadWrite.All", "Directory.ReadWrite.All", "User.Read.All", "Directory.Read.All", "User.ReadBasic.All"}
	userWrite   = []string{"User.ReadWrite.All", "Directory.ReadWrite.All"}
	userDelete  = []string{"User.ReadWrite.All", "User.DeleteRestore.All"}
	userLicense = []string{"User.ReadWrite.All", "LicenseAssignment.ReadWrite.All", "Directory.ReadWrite.All"}
	userRevoke  = []string{"User.ReadWrite.All", "User.RevokeSessions.All"}
	orgRead     = []string{"Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All"}
	skuRead     = []string{"Organization.Read.All", "LicenseAssignment.Read.All", "Directory.Read.All", "Organization.ReadWrite.All", "Directory.ReadWrite.All"}
	appRead     = []string{"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Application.Read.All", "Directory.Read.All"}
	appWrite    = []string{"Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.ReadWrite.All"}
)

var (
	opListUsers     = operation{name: "list users", route: "/users", permissions: userRead}
	opReadUser      = operation{name: "read user", route: "/users/{id}", account: true, permissions: userRead}
	opReadUserByUPN = operation{name: "read user by name", route: "/users/{name}", account: true, permissions: userRead}
	opFindUsers     = operation{name: "find users by link", route: "/users?$filter", permissions: userRead}
	opCreateUser    = operation{name: "create user", route: "/users", write: true, permissions: userWrite}
	opUpdateUser    = operation{name: "update user", route: "/users/{id}", write: true, account: true, permissions: userWrite}
	opAssign        = operation{name: "assign licenses", route: "/users/{id}/assignLicense", write: true, account: true, permissions: userLicense}
	opReprocess     = operation{name: "reprocess licenses", route: "/users/{id}/reprocessLicenseAssignment", write: true, account: true, permissions: userWrite}
	opRevoke        = operation{name: "revoke sessions", route: "/users/{id}/revokeSignInSessions", write: true, account: true, permissions: userRevoke}
	opDeleteUser    = operation{name: "delete user", route: "/users/{id}", write: true, account: true, permissions: userDelete}
	opListDeleted   = operation{name: "list deleted users", route: "/directory/deletedItems/microsoft.graph.user", permissions: userRead}
	opRestoreUser   = operation{name: "restore user", route: "/directory/deletedItems/{id}/restore", write: true, account: true, permissions: userDelete}
	opSetManager    = operation{name: "set manager", route: "/users/{id}/manager/$ref", write: true, account: true, permissions: userWrite}
	opClearManager  = operation{name: "clear manager", route: "/users/{id}/manager/$ref", write: true, account: true, permissions: userWrite}
	opSKUs          = operation{name: "read subscribed skus", route: "/subscribedSkus", permissions: skuRead}
	opOrganization  = operation{name: "read organization", route: "/organization", permissions: orgRead}
	opExtensions    = operation{name: "list extension properties", route: "/applications(appId)/extensionProperties", permissions: appRead}
	opRegister      = operation{name: "register extension property", route: "/applications(appId)/extensionProperties", write: true, permissions: appWrite}
	opProbe         = operation{name: "probe extension properties", route: "/users?$filter", permissions: userRead}
	opToken         = operation{name: "acquire token", route: "/oauth2/v2.0/token"}
)

// Operations on groups. https://learn.microsoft.com/graph/permissions-reference has Group.ReadWrite.All for all of them.
var (
	groupRead    = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All", "Group.Read.All", "Directory.Read.All", "GroupMember.Read.All", "Group.ReadBasic.All"}
	groupCreate  = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All", "Group.Create"}
	groupWrite   = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All"}
	groupDelete  = []string{"Group.ReadWrite.All"}
	memberRead   = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All", "Group.Read.All", "Directory.Read.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All", "GroupMember.ReadBasic.All"}
	memberWrite  = []string{"Group.ReadWrite.All", "Directory.ReadWrite.All", "GroupMember.ReadWrite.All"}
	memberOfRead = []string{"Group.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All", "Group.Read.All", "User.Read.All", "Directory.Read.All", "GroupMember.Read.All"}
)

var (
	opListGroups      = operation{name: "list groups", route: "/groups", permissions: groupRead}
	opReadGroup       = operation{name: "read group", route: "/groups/{id}", group: true, permissions: groupRead}
	opReadGroupByName = operation{name: "read group by unique name", route: "/groups(uniqueName)", group: true, permissions: groupRead}
	opFindGroups      = operation{name: "find groups by link", route: "/groups?$filter", permissions: groupRead}
	opProbeGroups     = operation{name: opProbe.name, route: "/groups?$filter", permissions: groupRead}
	opListMembers     = operation{name: "list members", route: "/groups/{id}/members", group: true, permissions: memberRead}
	opMemberOf        = operation{name: "read groups of user", route: "/users/{id}/getMemberGroups", account: true, permissions: memberOfRead}
	opUpsertGroup     = operation{name: "create group", route: "/groups(uniqueName)", write: true, permissions: groupCreate}
	opUpdateGroup     = operation{name: "update group", route: "/groups/{id}", write: true, group: true, permissions: groupWrite}
	opDeleteGroup     = operation{name: "delete group", route: "/groups/{id}", write: true, group: true, permissions: groupDelete}
	opListBinGroups   = operation{name: "list deleted groups", route: "/directory/deletedItems/microsoft.graph.group", permissions: groupRead}
	opRestoreGroup    = operation{name: "restore group", route: "/directory/deletedItems/{id}/restore", write: true, group: true, permissions: groupWrite}
	opAddMembers      = operation{name: "add members", route: "/groups/{id}", write: true, group: true, members: true, bind: true, permissions: memberWrite}
	opAddMember       = operation{name: "add member", route: "/groups/{id}/members/$ref", write: true, group: true, members: true, permissions: memberWrite}
	opRemoveMember    = operation{name: "remove member", route: "/groups/{id}/members/{id}/$ref", write: true, group: true, members: true, permissions: memberWrite}
)

// special are the target attributes that are no ordinary properties of a user: they have fields or calls of their own.
var special = map[string]bool{
	directory.UserPrincipalName: true,
	directory.AccountEnabled:    true,
	directory.Password:          true,
	directory.ResetPassword:     true,
	directory.SkuID:             true,
	directory.DisabledPlans:     true,
	directory.Manager:           true,
}
