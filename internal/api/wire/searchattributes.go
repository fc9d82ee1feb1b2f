package wire

import (
	"go.temporal.io/sdk/temporal"
)

// Search attributes, all of type Keyword.
var (
	AttributeConnection = temporal.NewSearchAttributeKeyKeyword("EntraflowConnection")
	AttributeRule       = temporal.NewSearchAttributeKeyKeyword("EntraflowRule")
	AttributeAction     = temporal.NewSearchAttributeKeyKeyword("EntraflowAction")
	AttributeOutcome    = temporal.NewSearchAttributeKeyKeyword("EntraflowOutcome")
)

// SearchAttributes are the names to register, each as Keyword, before the first workflow starts.
func SearchAttributes() []string {
	return []string{AttributeConnection.GetName(), AttributeRule.GetName(), AttributeAction.GetName(), AttributeOutcome.GetName()}
}
