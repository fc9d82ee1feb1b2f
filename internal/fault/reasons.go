package fault

import "strings"

// Reason is a stable code for what happened. Reasons are wire format: they stand in histories, results and search
// attributes, so a code is never renamed and never reused.
type Reason string

// Sentence says what the reason means and what a person does about it.
func (r Reason) Sentence() string {
	if s, ok := sentences[r]; ok {
		return s
	}
	return sentences[InternalError]
}

// Parts gives the sentence's two halves: what happened, and what a person does about it.
func (r Reason) Parts() (meaning, advice string) {
	meaning, advice, _ = strings.Cut(r.Sentence(), "; ")
	return meaning, advice
}

// Known reports whether the code is in the catalogue.
func (r Reason) Known() bool { _, ok := sentences[r]; return ok }

// Reasons lists every code with its sentence; for the documentation and its test.
func Reasons() map[Reason]string {
	out := make(map[Reason]string, len(sentences))
	for r, s := range sentences {
		out[r] = s
	}
	return out
}

const (
	// Service and network.
	GraphUnavailable    Reason = "graph_unavailable"
	GraphThrottled      Reason = "graph_throttled"
	GraphTimeout        Reason = "graph_timeout"
	ListExpired         Reason = "list_expired"
	GraphUnreachable    Reason = "graph_unreachable"
	WriteUncertain      Reason = "write_uncertain"
	ConcurrentChange    Reason = "concurrent_change"
	ReplicationPending  Reason = "replication_pending"
	UnexpectedAnswer    Reason = "unexpected_answer"
	ForeignNextLink     Reason = "foreign_next_link"
	LoginUnreachable    Reason = "login_unreachable"
	LoginUnavailable    Reason = "login_unavailable"
	EndpointUntrusted   Reason = "endpoint_untrusted"
	Interrupted         Reason = "interrupted"
	InternalError       Reason = "internal_error"
	WriteBudgetExceeded Reason = "write_budget_exceeded"

	// Credentials, consent and tenant.
	SecretUnreadable    Reason = "secret_unreadable"
	SecretWrong         Reason = "secret_wrong"
	SecretExpired       Reason = "secret_expired"
	SecretMissing       Reason = "secret_missing"
	CertificateRejected Reason = "certificate_rejected"

	CertificateUnreadable    Reason = "certificate_unreadable"
	CertificateMalformed     Reason = "certificate_malformed"
	CertificateKeyMissing    Reason = "certificate_key_missing"
	CertificateKeyEncrypted  Reason = "certificate_key_encrypted"
	CertificateKeyUnsuitable Reason = "certificate_key_unsuitable"
	CertificateKeyMismatch   Reason = "certificate_key_mismatch"
	CertificateExpired       Reason = "certificate_expired"
	CertificateNotYetValid   Reason = "certificate_not_yet_valid"
	FederatedTokenUnreadable Reason = "federated_token_unreadable"
	FederatedTokenMalformed  Reason = "federated_token_malformed"
	FederatedTokenExpired    Reason = "federated_token_expired"
	FederatedTokenRejected   Reason = "federated_token_rejected"
	AssertionTimeWrong       Reason = "assertion_time_wrong"

	ApplicationUnknown  Reason = "application_unknown"
	ApplicationDisabled Reason = "application_disabled"
	TenantUnknown       Reason = "tenant_unknown"
	TenantMismatch      Reason = "tenant_mismatch"
	ScopeInvalid        Reason = "scope_invalid"
	LoginRefused        Reason = "login_refused"
	TokenRejected       Reason = "token_rejected"
	ConsentMissing      Reason = "consent_missing"
	PermissionDenied    Reason = "permission_denied"
	ExtensionMissing    Reason = "extension_missing"
	ExtensionNotReady   Reason = "extension_not_ready"
	ExtensionDenied     Reason = "extension_denied"
	LicensesUnreadable  Reason = "licenses_unreadable"
	DirectoryQuota      Reason = "directory_quota_exceeded"
	SimulatorNotRunning Reason = "simulator_not_running"

	// The account.
	AccountExists          Reason = "account_exists"
	AccountNotFound        Reason = "account_not_found"
	AccountLeft            Reason = "account_left"
	AccountSynced          Reason = "account_synced_from_on_premises"
	AccountGuest           Reason = "account_is_guest"
	AccountLinkedElsewhere Reason = "account_linked_elsewhere"
	AccountProtected       Reason = "account_probably_holds_admin_role"
	LinkDuplicate          Reason = "link_duplicate"
	LinkChanged            Reason = "link_changed"
	DisabledByOther        Reason = "disabled_by_someone_else"
	UPNConflict            Reason = "user_principal_name_conflict"
	UPNTaken               Reason = "user_principal_name_taken"
	UPNInvalid             Reason = "user_principal_name_invalid"
	DomainNotVerified      Reason = "domain_not_verified"
	AddressConflict        Reason = "address_conflict"
	ImmutableIDConflict    Reason = "immutable_id_conflict"
	PasswordRejected       Reason = "password_rejected"
	AttributeRequired      Reason = "attribute_required"
	AttributeInvalid       Reason = "attribute_invalid"
	AttributeTooLong       Reason = "attribute_too_long"
	AttributeUnknown       Reason = "attribute_unknown"
	UsageLocationInvalid   Reason = "usage_location_invalid"
	ManagerNotFound        Reason = "manager_not_found"
	ManagerIsSelf          Reason = "manager_is_self"

	// Licences.
	LicensesExhausted    Reason = "not_enough_licenses"
	UsageLocationMissing Reason = "usage_location_missing"
	LicenseUnknown       Reason = "license_unknown"
	LicenseDependency    Reason = "license_dependency"
	LicenseConflict      Reason = "license_conflict"
	LicenseInherited     Reason = "license_inherited_from_group"
	LicenseNotAssigned   Reason = "license_not_assigned"
	ServicePlanUnknown   Reason = "service_plan_unknown"
	TooManyLicenses      Reason = "too_many_licenses"

	// Settings that say no.
	CreateNotAllowed      Reason = "create_not_allowed"
	UpdateNotAllowed      Reason = "update_not_allowed"
	DisableNotAllowed     Reason = "disable_not_allowed"
	DeprovisionNotAllowed Reason = "deprovision_not_allowed"
	RemovalsHeld          Reason = "removals_held"
	FirstSyncHeld         Reason = "first_sync_removes_nothing"
	ConnectionDisabled    Reason = "connection_disabled"
	ConnectionInvalid     Reason = "connection_invalid"
	ConnectionUnknown     Reason = "connection_unknown"
	ConnectionExists      Reason = "connection_exists"
	RuleDisabled          Reason = "rule_disabled"
	RuleUnknown           Reason = "rule_unknown"
	RuleDeleting          Reason = "rule_deleting"
	ConfirmationMissing   Reason = "confirmation_missing"
	ApprovalUnknown       Reason = "approval_unknown"
	RulesExist            Reason = "rules_exist"
	SettingImmutable      Reason = "setting_immutable"
	SettingsInvalid       Reason = "settings_invalid"
	RevisionChanged       Reason = "revision_changed"
	PlanChanged           Reason = "plan_changed"
	NotYetAvailable       Reason = "not_yet_available"
	Stopped               Reason = "stopped"
	RunMissed             Reason = "run_missed"
	ScheduleNotKept       Reason = "schedule_not_kept"

	// The source.
	SourceUnreadable      Reason = "source_unreadable"
	SourceMissing         Reason = "source_missing"
	SourceOutsideRoot     Reason = "source_outside_root"
	SourceMalformed       Reason = "source_malformed"
	SourceChanged         Reason = "source_changed_while_read"
	SourceIncomplete      Reason = "source_incomplete"
	SourceColumnMissing   Reason = "source_column_missing"
	SourceIDEmpty         Reason = "source_id_empty"
	SourceIDDuplicate     Reason = "source_id_duplicate"
	SourceIDConflict      Reason = "source_id_in_two_sources"
	EnabledUnreadable     Reason = "enabled_unreadable"
	PersonNotFound        Reason = "person_not_found"
	PersonOutOfScope      Reason = "person_out_of_scope"
	PersonClaimedByOther  Reason = "person_claimed_by_other_rule"
	PersonInScope         Reason = "person_in_scope"
	PersonReplaced        Reason = "source_id_reused"
	LinkedFromOtherSource Reason = "linked_from_another_source"
	SourceIDChanged       Reason = "source_id_changed"
	SourceOlder           Reason = "source_older_than_plan"
	SourceEmpty           Reason = "source_empty"
	EverybodyLeft         Reason = "everybody_left"
	EnabledColumnGone     Reason = "enabled_column_gone"
	PersonReturned        Reason = "person_returned"
	FilterFailed          Reason = "filter_failed"
	MappingFailed         Reason = "mapping_failed"
	TenantReadSuspicious  Reason = "tenant_read_suspicious"
)

var sentences = map[Reason]string{
	GraphUnavailable:    "Microsoft Graph answered that it is unavailable; nothing needs to be done, the request is repeated",
	GraphThrottled:      "Microsoft Graph asked us to slow down; nothing needs to be done, all requests to this tenant wait and then go on",
	ListExpired:         "reading a list took longer than Microsoft Graph keeps its pages; nothing needs to be done, the list is read anew",
	GraphTimeout:        "Microsoft Graph did not answer in time; nothing needs to be done, the request is repeated",
	GraphUnreachable:    "Microsoft Graph cannot be reached; check the address, the network, the proxy and the firewall",
	WriteUncertain:      "the connection broke while a change was under way; nothing needs to be done, the account is read before anything else is written",
	ConcurrentChange:    "something else is changing this object right now; nothing needs to be done, the request is repeated",
	ReplicationPending:  "the object is so new that not every server of the tenant knows it yet; nothing needs to be done, the request is repeated",
	UnexpectedAnswer:    "Microsoft Graph gave an answer that entraflow does not know; give the request id to support",
	ForeignNextLink:     "a page of results pointed to another host and was not followed; check ENTRAFLOW_GRAPH_ENDPOINT and any proxy",
	LoginUnreachable:    "the sign-in endpoint cannot be reached; check the address, the network, the proxy and the firewall",
	LoginUnavailable:    "the sign-in service is unavailable; nothing needs to be done, the request is repeated",
	EndpointUntrusted:   "the endpoint's TLS certificate is not trusted; where a proxy opens connections, name its root certificate in SSL_CERT_FILE, else check the address and the machine's clock",
	Interrupted:         "the worker was stopped or the call cancelled before it finished; nothing needs to be done, it is repeated",
	InternalError:       "an internal error; look at the worker's log, which has the details",
	WriteBudgetExceeded: "the tenant's write budget is used up for the moment; nothing needs to be done, the request waits its turn",

	SecretUnreadable:    "the client secret's reference cannot be read by the worker; check that the file or environment variable it names is there, is not empty, and may be read",
	SecretWrong:         "the client secret is wrong; copy the secret's Value, not its Secret ID, from the app registration",
	SecretExpired:       "the client secret has expired; create a new one in the app registration and store it under the same reference",
	SecretMissing:       "no client secret was sent; set clientSecret to env:NAME or file:PATH",
	CertificateRejected: "the sign-in service does not accept the certificate or the token's signature; upload this very certificate to the app registration, or check the token's issuer",

	CertificateUnreadable:    "the certificate's reference cannot be read by the worker; check that the file or environment variable is there, is not empty, and may be read",
	CertificateMalformed:     "there is no certificate in PEM form, or a damaged one; store certificate and private key as text that begins with -----BEGIN (openssl pkcs12 -nodes makes it of a .pfx file)",
	CertificateKeyMissing:    "the certificate is there, but not its private key; add the key to the same file, in PEM form and not encrypted",
	CertificateKeyEncrypted:  "the certificate's private key is encrypted; take the password off it (openssl pkcs8 -topk8 -nocrypt) and let only the worker read its file",
	CertificateKeyUnsuitable: "the certificate's private key cannot be used for sign-in; store one RSA key of at least 2048 bits with its certificate",
	CertificateKeyMismatch:   "the private key does not belong to the certificate; store the two that were made together",
	CertificateExpired:       "the certificate has expired; make a new one, upload it to the app registration, and store it with its key under the same reference",
	CertificateNotYetValid:   "the certificate is not valid yet; check the machine's clock, or wait",
	FederatedTokenUnreadable: "the federated token's file cannot be read by the worker; check that the file is there, is not empty, and may be read, and that the token is mounted",
	FederatedTokenMalformed:  "the file holds no federated token, which is a JWT; check that federatedTokenFile names the token's own file",
	FederatedTokenExpired:    "the federated token has expired; see to it that its file is renewed, as Kubernetes does with a projected token",
	FederatedTokenRejected:   "no federated credential of the app registration fits the token; compare issuer, subject and audience of the two letter by letter, then wait some minutes for a new one to be known",
	AssertionTimeWrong:       "the sign-in service found our assertion expired or not yet valid; set the machine's clock, and renew the federated token if there is one",

	ApplicationUnknown:  "the application (client) id does not exist in this tenant; check clientId and tenantId",
	ApplicationDisabled: "the application is disabled in this tenant; enable it under Enterprise applications",
	TenantUnknown:       "the tenant does not exist in this cloud; check tenantId and cloud",
	TenantMismatch:      "the credentials belong to another tenant than the one this connection was set up for; correct tenantId, or apply the file under another connection name",
	ScopeInvalid:        "the sign-in service refused the requested scope; check the cloud setting",
	LoginRefused:        "the sign-in service refused the application; look up the AADSTS number in Microsoft's documentation",
	TokenRejected:       "Microsoft Graph did not accept the token; check the cloud setting and the machine's clock",
	ConsentMissing:      "permissions are not granted; add them as application permissions and grant admin consent",
	PermissionDenied:    "the application lacks a permission for this request; grant admin consent for the four permissions",
	ExtensionMissing:    "the directory extension properties that hold the link do not exist; run the connection test, or create them by hand",
	ExtensionNotReady:   "the directory extension properties are registered but not usable yet; wait, this takes seconds to minutes",
	ExtensionDenied:     "the directory extension properties cannot be registered; grant Application.ReadWrite.All, or create them by hand",
	LicensesUnreadable:  "the tenant's licences cannot be read; grant Organization.Read.All",
	DirectoryQuota:      "the tenant's directory quota is used up; delete objects or ask Microsoft to raise the quota",
	SimulatorNotRunning: "the simulator is not running; start it with `starter up` or `starter simulator`",

	AccountExists:          "an account with this user principal name exists already; nothing needs to be done, it is matched again",
	AccountNotFound:        "the account no longer exists in the tenant; nothing needs to be done, the next sync plans anew",
	AccountLeft:            "an account with this user principal name exists and existingUsers is set to leave; set it to adopt, or give the person another name",
	AccountSynced:          "the account is synced from on-premises and is not ours to change; change it there",
	AccountGuest:           "the account is a guest and is not ours to change; give the person another name, or make the account a member",
	AccountLinkedElsewhere: "the account is linked to another connection, rule or person; nothing was changed: give the person another name, or remove the link from the account",
	AccountProtected:       "Microsoft Graph refused this one account; it probably holds an administrator role: give the application a role that may change it, or change it by hand",
	LinkDuplicate:          "two accounts carry the link of this person; remove the link from the wrong one",
	LinkChanged:            "the account's link changed since the plan was made; nothing was removed, the next sync plans anew",
	DisabledByOther:        "someone other than entraflow disabled this account; it stays disabled until that person enables it",
	UPNConflict:            "two people would get the same user principal name; change one of them at the source or in the mapping",
	UPNTaken:               "the user principal name belongs to another person's account; change one of the two names",
	UPNInvalid:             "the user principal name has characters or a form that Entra does not allow; correct the mapping or the value at the source",
	DomainNotVerified:      "the domain of the user principal name is not a verified domain of the tenant; verify it in the Entra admin center, or correct the mapping",
	AddressConflict:        "a mail address of this person belongs to another object of the tenant; take it from there, or change it at the source",
	ImmutableIDConflict:    "onPremisesImmutableId belongs to another account of the tenant, perhaps one in the recycle bin; correct the value, or delete that account for good",
	PasswordRejected:       "the initial password does not meet the tenant's password policy; map randomPassword(24), or a secret that meets it",
	AttributeRequired:      "a required attribute is empty for this person; fill it at the source or in the mapping",
	AttributeInvalid:       "Entra does not accept the value of an attribute; correct it at the source or in the mapping",
	AttributeTooLong:       "the value of an attribute is longer than Entra allows; shorten it at the source or in the mapping",
	AttributeUnknown:       "Entra does not know an attribute of this request; report it, with the request id, as a defect of entraflow",
	UsageLocationInvalid:   "usageLocation must be a two-letter country code of ISO 3166, such as US or GB; correct the value",
	ManagerNotFound:        "no account, or more than one, was found for this person's manager; provision the manager, or correct the manager's id at the source: the next sync tries again",
	ManagerIsSelf:          "this person would be their own manager; correct the manager at the source, or leave it empty",

	LicensesExhausted:    "no licence of this kind is left in the tenant; buy more or free some",
	UsageLocationMissing: "a licence needs usageLocation; map it",
	LicenseUnknown:       "the tenant has no such licence; check skuId against the tenant's subscriptions",
	LicenseDependency:    "a service plan of the licence depends on another plan that is missing or switched off; correct skuId or disabledPlans",
	LicenseConflict:      "two licences contain service plans that exclude each other; switch one of them off with disabledPlans, or map one licence only",
	LicenseInherited:     "the licence comes from a group and is left alone; take the person out of the group if the licence is to go",
	LicenseNotAssigned:   "the licence to be removed is not assigned; nothing needs to be done, the person is looked at anew",
	ServicePlanUnknown:   "the licence has no such service plan; check disabledPlans",
	TooManyLicenses:      "more licences are assigned to this person than the mark can record; assign some of them by a group",

	CreateNotAllowed:      "there is no account and allowCreate is off; switch it on, or create the account by hand",
	UpdateNotAllowed:      "the account differs and allowUpdate is off; switch it on, or change the account by hand",
	DisableNotAllowed:     "the person is disabled at the source and allowDisable is off; switch it on, or disable the account by hand",
	DeprovisionNotAllowed: "the person left and allowDeprovision is off; switch it on, or deprovision by hand",
	RemovalsHeld:          "the sync would remove more than the removal guard allows, so it removed nothing; look at the list, then approve it or correct the source",
	FirstSyncHeld:         "the first sync of a rule removes nothing; the next one does",
	ConnectionDisabled:    "the connection is disabled; enable it first",
	ConnectionInvalid:     "the connection's last test failed; mend the cause and test it again",
	ConnectionUnknown:     "there is no connection of this name; apply its configuration file first",
	ConnectionExists:      "a connection of this name exists already; choose another name, or change that one",
	RuleDisabled:          "the rule is disabled; enable it first",
	RuleUnknown:           "the connection has no rule of this name; check the name with `starter rule list`",
	RuleDeleting:          "the rule is being deleted; wait until that is done",
	ConfirmationMissing:   "the deletion is not confirmed; repeat the rule's name as confirmation",
	ApprovalUnknown:       "no removals with this hash are held; take the hash from the last held sync or from `starter plan`",
	RulesExist:            "the connection still has rules; delete them first",
	SettingImmutable:      "this setting cannot change after creation; restore its value, or create another connection or rule",
	SettingsInvalid:       "the settings contradict each other; correct the configuration file and apply it again",
	RevisionChanged:       "the settings changed in the meantime; nothing needs to be done, the work is planned anew",
	PlanChanged:           "the plan is out of date; nothing needs to be done, the work is planned anew",
	NotYetAvailable:       "this is not available yet; remove it from the configuration",
	Stopped:               "stopped by an administrator; start it again when it is to go on",
	RunMissed:             "the run that was waited for ended before it could look again; nothing needs to be done, another one is started",
	ScheduleNotKept:       "the change was made, but Temporal did not take the rule's schedule for ten minutes; look at the server, and repeat the command, which tries it again",

	SourceUnreadable:      "the source cannot be read; check the file's rights and that the worker can reach it",
	SourceMissing:         "the source file does not exist; check the path in the configuration, as the worker sees it",
	SourceOutsideRoot:     "the source file lies outside ENTRAFLOW_SOURCE_ROOT and is not read; move it below that folder",
	SourceMalformed:       "the source file is malformed; correct the place that is named",
	SourceChanged:         "the source file changed while it was read; nothing needs to be done, it is read again",
	SourceIncomplete:      "the source could not be read to its end; nobody is removed: check that the file is whole",
	SourceColumnMissing:   "the source lacks a column that the rule names; add the column, or correct the rule",
	SourceIDEmpty:         "a record of the source has no id; give it one",
	SourceIDDuplicate:     "two records of the source have the same id; give one of them another",
	SourceIDConflict:      "the same id stands in two sources of this connection; nothing was changed for either: give one of them another id, or its own connection",
	EnabledUnreadable:     "the source's enabled column holds neither true nor false for this person; write true or false",
	PersonNotFound:        "the source has no person with this id; check the id, unless the person left",
	PersonOutOfScope:      "the rule's filter does not include this person; correct the filter or the person's record, if that is not meant",
	PersonClaimedByOther:  "another rule provisions this person; nothing needs to be done, unless the filters should not overlap",
	PersonInScope:         "the person is in scope of an enabled rule and is not deprovisioned; take the person out of the source or the filter first",
	PersonReplaced:        "everything that names the person changed at once, so the source seems to have given the id to somebody else; nothing was changed: give the new person a new id, or, if it is the same person, provision with --same-person",
	LinkedFromOtherSource: "the account was provisioned from another source, and this person has another sign-in name; nothing was changed: remove the link from the account, or correct the id",
	SourceIDChanged:       "a person of the source wants the account's sign-in name under another id, so the id column seems to have changed; nothing was removed: restore the ids at the source",
	SourceOlder:           "this worker's copy of the source is older than the one that was planned from; bring it up to date",
	SourceEmpty:           "the source has nobody at all although accounts are linked to the rule; nothing is removed: check that the source is whole",
	EverybodyLeft:         "every linked person would be removed at once; nothing is removed: check source and filter, or approve the removals",
	EnabledColumnGone:     "the source's enabled column, by which this person was disabled, is gone, so nothing says that the person is enabled again; the account stays disabled: restore the column",
	PersonReturned:        "the person came back to the source while the sync ran; nothing was removed, and the next sync brings the account up to date",
	FilterFailed:          "the filter failed for this person, who is therefore neither in nor out; correct the filter or the person's record",
	MappingFailed:         "a mapping failed for this person; correct the mapping or the person's record",
	TenantReadSuspicious:  "not one known link was found in the tenant; nothing is planned: check that the tenant and its extension properties are still the same, or, if the links are gone for a good reason, disable and enable the rule",
}
