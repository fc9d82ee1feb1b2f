package simulator

import "strings"

// any reports whether the token has one of the roles.
func (p *principal) any(roles []string) bool {
	for _, r := range roles {
		if p.roles[r] {
			return true
		}
	}
	return false
}

// allowed checks the token's roles against the route and, where it matters, the body.
func (c *call) allowed(a *app) bool {
	switch {
	case c.route.roles != nil:
		return c.who.any(c.route.roles)
	case c.route.pattern == "users/{id}":
		return c.mayUpdateUser(a)
	}
	return c.mayUpdateGroup()
}

// mayUpdateUser: the two broad permissions for everything but the password, the narrow ones each for their properties
// (https://learn.microsoft.com/graph/api/user-update#permissions).
func (c *call) mayUpdateUser(a *app) bool {
	broad := c.who.any(writeUsers)
	for name := range c.body {
		ok := broad
		switch name {
		case "passwordProfile":
			ok = (broad || c.who.roles["User-PasswordProfile.ReadWrite.All"]) && mayResetPasswords(a)
		case "accountEnabled":
			ok = broad || c.who.roles["User.EnableDisableAccount.All"]
		case "businessPhones", "mobilePhone":
			ok = broad || c.who.roles["User-Phone.ReadWrite.All"]
		case "otherMails":
			ok = broad || c.who.roles["User-Mail.ReadWrite.All"]
		}
		if !ok && name != "id" && !strings.HasPrefix(name, "@") {
			return false
		}
	}
	return broad || len(c.body) > 0
}

func (c *call) mayUpdateGroup() bool {
	if c.who.any(changeGroups) {
		return true
	}
	if strings.HasPrefix(c.args[0], "uniqueName=") && c.wantsCreate() {
		return c.who.any(createGroups)
	}
	for name := range c.body {
		if name != "members@odata.bind" && name != "id" && !strings.HasPrefix(name, "@") {
			return false
		}
	}
	return c.who.any(groupMembers)
}

// mayResetPasswords: an application needs an Entra role beside its permission.
func mayResetPasswords(a *app) bool {
	return hasDirectoryRole(a, "User Administrator", "Privileged Authentication Administrator", "Global Administrator")
}

// mayTouchAdmins: sensitive properties of holders of administrator roles need one of the two highest roles.
func mayTouchAdmins(a *app) bool {
	return hasDirectoryRole(a, "Privileged Authentication Administrator", "Global Administrator")
}

func hasDirectoryRole(a *app, names ...string) bool {
	for _, have := range a.directoryRoles {
		for _, n := range names {
			if strings.EqualFold(have, n) {
				return true
			}
		}
	}
	return false
}

// sensitive properties (https://learn.microsoft.com/graph/api/resources/users#who-can-perform-sensitive-actions).
var sensitive = map[string]bool{"accountEnabled": true, "businessPhones": true, "mobilePhone": true, "onPremisesImmutableId": true,
	"otherMails": true, "passwordProfile": true, "userPrincipalName": true}

// caller is the application that sent the request.
func (c *call) caller() *app { return c.t.app(c.who.clientID) }
