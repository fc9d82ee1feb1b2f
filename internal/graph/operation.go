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
