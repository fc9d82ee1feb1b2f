package mapping

// Desired is what the mappings of a rule say about one person; everything but the password, which only the activity that
// creates the account ever evaluates.
type Desired struct {
	// UserPrincipalName is the sign-in name. Of several candidates it is the first, until one is chosen.
	UserPrincipalName string
	// Candidates are the sign-in names of which somebody new gets the first that is free; nil where the mapping gives one name. Whoever has
	// an account keeps the name that it has.
	Candidates []string
	// AccountEnabled is the mapping's value, true where it is not mapped. The source's own enabled is separate.
	AccountEnabled bool
	// Attributes are all other mapped attributes that are read back and compared, by Graph name; "" is empty, lists are
	// joined with directory.ListSeparator.
	Attributes map[string]string
	// Once are those of Attributes that are written with the account's creation and never compared. They belong to the program and are not
	// changed.
	Once []string
	// ResetPassword: the person chooses a new password at the first sign-in. True where it is not mapped.
	ResetPassword bool
	// ManagerMapped: the rule maps manager. Without it, an empty Manager says nothing.
	ManagerMapped bool
	// Manager is the manager's source id or, if it contains "@", user principal name; "" is no manager.
	Manager string
	// SKUMapped: the rule maps skuId. Without it, an empty SKUs says nothing.
	SKUMapped bool
	// SKUs are licenses as the mapping names them, by id or part number, without doubles.
	SKUs []string
	// DisabledPlansMapped: the rule maps disabledPlans. Without it, plans of an assigned license are left as they are.
	DisabledPlansMapped bool
	// DisabledPlans are service plans to switch off, by id or name.
	DisabledPlans []string
}
