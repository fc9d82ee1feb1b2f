package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// outside is what Microsoft Graph has and this slice has not: collections at the root, functions of a collection such as
// users/delta, and what hangs on one object, written users/*/messages. All in lower case.
var outside = func() map[string]bool {
	m := map[string]bool{}
	add := func(prefix, names string) {
		for _, n := range strings.Fields(names) {
			m[prefix+strings.ToLower(n)] = true
		}
	}
	add("", `me devices servicePrincipals sites drives drive shares teams teamwork chats communications policies roleManagement
		directoryRoles directoryRoleTemplates identity identityGovernance identityProtection auditLogs reports security
		deviceManagement deviceAppManagement planner education print contacts contracts schemaExtensions subscriptions invitations
		oauth2PermissionGrants groupSettings groupSettingTemplates groupLifecyclePolicies tenantRelationships admin agreements
		external places permissionGrants search solutions storage appCatalogs applicationTemplates authenticationMethodsPolicy
		certificateBasedAuthConfiguration dataPolicyOperations domainDnsRecords filterOperators functions scopedRoleMemberships`)
	for _, kind := range []string{"users", "groups", "applications", "directoryobjects"} {
		add(kind+"/", "delta validateProperties getUserOwnedObjects getById")
	}
	add("users/*/", `delta messages events calendar calendars calendarView calendarGroups mailFolders mailboxSettings drive drives photo
		photos directReports transitiveMemberOf ownedObjects ownedDevices registeredDevices createdObjects
		oauth2PermissionGrants appRoleAssignments authentication extensions onenote planner presence todo teamwork joinedTeams chats
		contacts contactFolders inferenceClassification insights outlook people settings activities managedDevices
		scopedRoleMemberOf getMemberObjects checkMemberGroups checkMemberObjects changePassword sendMail getMailTips
		exportPersonalData retryServiceProvisioning sponsors onlineMeetings followedSites employeeExperience cloudPCs`)
	add("groups/*/", `acceptedSenders calendar calendarView conversations createdOnBehalfOf drive drives events extensions
		groupLifecyclePolicies memberOf transitiveMembers transitiveMemberOf membersWithLicenseErrors onenote permissionGrants photo
		photos planner rejectedSenders settings sites team threads appRoleAssignments checkMemberGroups checkMemberObjects
		getMemberGroups getMemberObjects renew addFavorite removeFavorite subscribeByMail unsubscribeByMail
		retryServiceProvisioning`)
	add("applications/*/", `owners addPassword removePassword addKey removeKey federatedIdentityCredentials synchronization
		tokenIssuancePolicies tokenLifetimePolicies logo`)
	add("directory/", `administrativeUnits attributeSets customSecurityAttributeDefinitions deviceLocalCredentials
		federationConfigurations onPremisesSynchronization publicKeyInfrastructure subscriptions`)
	add("domains/*/", "verify verificationDnsRecords serviceConfigurationRecords domainNameReferences federationConfiguration forceDelete promote")
	add("organization/*/", "branding extensions certificateBasedAuthConfiguration")
	return m
}()

// beyond is the part of a path that Graph knows and the simulator does not; "" where there is none.
func beyond(segments []string) string {
	lower := make([]string, len(segments))
	for i, s := range segments {
		lower[i] = strings.ToLower(s)
	}
	keys := []string{lower[0]}
	if len(lower) > 1 {
		keys = append(keys, lower[0]+"/"+lower[1])
	}
	if len(lower) > 2 {
		keys = append(keys, lower[0]+"/*/"+lower[2])
	}
	for i, key := range keys {
		if outside[key] {
			if i == 2 {
				return segments[0] + "/{id}/" + segments[2]
			}
			return strings.Join(segments[:i+1], "/")
		}
	}
	return ""
}

// notHere is the refusal of what is outside. Graph documents 501 for features that it does not have, and no client takes it for
// a mistake of its own, or for the absence of an object.
func notHere(what string) *refusal {
	return &refusal{status: http.StatusNotImplemented, code: "NotImplemented",
		message: fmt.Sprintf("Microsoft Graph has '%s', and this simulator of it has not.", what)}
}
