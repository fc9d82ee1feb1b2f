// Package config is the configuration file: its shape, its defaults and its rules.
//
// A file is read by Load, which reports every problem at once with its place. The same types travel to the Connection
// workflow as JSON (with the file's own key names), where Validate is run again.
//
// # Keys and defaults
//
//	key                                       default    meaning
//	name                                      required   [a-z0-9][a-z0-9-]{0,39}; never changes
//	description                               ""         free text
//	tenantId                                  required   the tenant's id or a verified domain; never changes
//	clientId                                  required   the app registration's application (client) id; never changes
//	clientSecret                              –          env:NAME or file:PATH, resolved by the worker
//	clientCertificate                         –          env:NAME or file:PATH: PEM with a certificate and its RSA key, not
//	                                                     encrypted
//	federatedTokenFile                        –          a path: a JWT that something else renews, relative to the file
//	cloud                                     global     global, usgov, dod, china or simulator; never changes
//	preferences.removeLicensesWhenSkuIdEmpty  false      a rule without skuId takes its people's licenses away
//	preferences.licenseScope                  ours       ours or all: which licenses may be taken away
//	preferences.allowCreate                   true       create and restore accounts
//	preferences.allowUpdate                   true       change, adopt, enable and license accounts
//	preferences.allowDisable                  true       disable who is disabled at the source
//	preferences.allowDeprovision              true       deprovision who left the source or the filter
//	preferences.removeAction                  disable    disable or delete: what deprovisioning does
//	preferences.deprovisionOnRuleDeletion     false      deleting a rule deprovisions its people
//	preferences.existingUsers                 adopt      adopt or leave accounts that exist already
//	preferences.removeAdopted                 false      removeAction delete also deletes adopted accounts
//	preferences.policy                        sync       sync, upsertOnly, createOnly or observe: how far plans are carried out
//	preferences.removalGuard.count            5          a sync removes at most this many,
//	preferences.removalGuard.percent          10         or this share of the rule's linked users if that is more
//	preferences.removalGuard.groupPercent     30         a sync removes at most this share of a group's members
//	tables                                    none       tables for lookup in expressions: name, key, text
//	rules                                     none       at most 100
//	rules[].name                              required   as the connection's; unique; never changes
//	rules[].enabled                           true       an enabled rule needs a mapping for password
//	rules[].source                            required   what a store of the registry says; for files file, id, enabled …:
//	                                                     see package source/file. What identifies the people never changes
//	rules[].filter                            everybody  a CEL expression, true for those whom the rule includes
//	rules[].mappings                          required   target attribute: 'CEL' or {value: …}; at least
//	                                                     userPrincipalName, displayName and mailNickname
//	rules[].mappings.password                 –          'randomPassword(n)' or {secret: env:NAME}; never a literal
//	rules[].mappings.resetPassword            true       a new password at the first sign-in
//	rules[].mappings.accountEnabled           true       and the source must say so too
//	rules[].groups                            none       a list: the name or id of a group of the source, or the keys below
//	rules[].groups[].source                   required   name or id; or match, a CEL expression over group, for several
//	rules[].groups[].target                   ours       the object id of an existing group, whose members only are kept
//	rules[].groups[].name                     source's   at the target: a text or {expression: 'CEL over group'}; so are
//	                                                     description and mailNickname
//	rules[].groups[].type                     security   security or microsoft365
//	rules[].groups[].existing                 merge      merge, overwrite or leave: a group of that name that is not ours
//	rules[].groups[].whenRemoved              leave      leave, removeMembers or delete: the group left the rule or the source
//	rules[].groupMembers.whenDeprovisioned    remove     remove or leave: our memberships of people who leave
//	rules[].syncEvery                         never      a duration of at least 1m, as in 15m or 24h
//
// Exactly one of clientSecret, clientCertificate and federatedTokenFile is required. What they point to is read anew for each
// token, about once an hour, so that it can be renewed in its place.
//
// An expression must be a YAML string that YAML leaves alone: put it in single quotes.
package config
