// Package check proves that a connection can work, before it is saved or after: credentials, permissions, tenant,
// domains, licenses and the extension properties that hold the link. Each check ends with its cause and its fix in words.
package check
