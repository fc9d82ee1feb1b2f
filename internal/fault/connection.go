package fault

// WithdrawsConnection reports that the reason concerns the whole connection, not one person: with these credentials,
// permissions or hosts nobody can be provisioned. The connection becomes invalid, and its syncs stop until a test passes.
func (r Reason) WithdrawsConnection() bool {
	switch r {
	case SecretUnreadable, SecretWrong, SecretExpired, SecretMissing, CertificateRejected, CertificateUnreadable,
		CertificateMalformed, CertificateKeyMissing, CertificateKeyEncrypted, CertificateKeyUnsuitable, CertificateKeyMismatch,
		CertificateExpired, CertificateNotYetValid, FederatedTokenUnreadable, FederatedTokenMalformed, FederatedTokenExpired,
		FederatedTokenRejected, AssertionTimeWrong, ApplicationUnknown, ApplicationDisabled,
		TenantUnknown, TenantMismatch, ScopeInvalid, TokenRejected, ConsentMissing, PermissionDenied, LoginRefused, ExtensionMissing:
		return true
	}
	return false
}
