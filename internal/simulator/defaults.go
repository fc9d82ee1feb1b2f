package simulator

import "slices"

// What DefaultSeed's tenant is called. They are public, so that examples and tests can name them.
const (
	DefaultTenantID     = "7f7a6b1e-3c52-4d0b-9d0e-5a4f1c2b8e10"
	DefaultClientID     = "0c5d7a3b-91e4-4f27-8a6d-2b3c4d5e6f70"
	DefaultObjectID     = "b1f0c9d2-6a58-4c7e-9f31-7e8d9c0b1a22"
	DefaultClientSecret = "Sim8Q~entraflow-simulator-secret-0001"
)

// The SKU ids of DefaultSeed, which are those of the real products
// (https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference).
const (
	SKUM365E3          = "05e9a617-0261-4cee-bb44-138d3ef5d965" // SPE_E3
	SKUM365E5          = "06ebc4ee-1bb5-47dd-8120-11324bc54e06" // SPE_E5
	SKUOffice365E3     = "6fd2c87f-b296-42f0-b197-1e91e994b900" // ENTERPRISEPACK
	SKUOffice365E5     = "c7df2760-2c81-4ef7-b578-5b5392b571df" // ENTERPRISEPREMIUM
	SKUExchangePlan1   = "4b9405b0-7788-4568-add1-99614e613b69" // EXCHANGESTANDARD
	SKUPowerAutomate   = "f30db892-07e9-47e9-837c-80727f46fd3d" // FLOW_FREE
	SKUTeamsPhone      = "e43b5b99-8dfb-405f-9987-dc307f34bcbd" // MCOEV
	SKUEntraPremiumP1  = "078d2b04-f1bd-4111-bbd4-b4b1b354cef4" // AAD_PREMIUM
	SKUPowerBIStandard = "a403ebcc-fae0-4ca2-8c8c-7a907fd6c235" // POWER_BI_STANDARD
)

// Roles that entraflow's application is granted in DefaultSeed.
var defaultRoles = []string{"Application.ReadWrite.All", "Group.ReadWrite.All", "Organization.Read.All", "User.ReadWrite.All"}

const (
	planExchangeEnterprise = "efb87545-963c-4e0d-99df-69c6916d9eb0"
	planExchangeStandard   = "9aaf7827-d63c-4b61-89c3-182f06f82e5c"
	planSkype              = "0feaeb32-d00e-4d66-bd5a-43b5b83db82c"
)

// DefaultSeed is the tenant contoso.com with one app that has the four permissions, and the usual subscriptions. Exchange
// Online Plan 1 excludes the suites' Exchange plan, and Teams Phone depends on the suites' Skype plan.
func DefaultSeed() *Seed {
	plan := func(id, name string) PlanSeed { return PlanSeed{ID: id, Name: name} }
	exchange := PlanSeed{ID: planExchangeEnterprise, Name: "EXCHANGE_S_ENTERPRISE", Excludes: []string{planExchangeStandard}}
	office := []PlanSeed{
		exchange,
		plan("5dbe027f-2339-4123-9542-606e4d348a72", "SHAREPOINTENTERPRISE"),
		plan("e95bec33-7c88-4a70-8e19-b10bd9d0c014", "SHAREPOINTWAC"),
		plan("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1"),
		plan("43de0ff5-c92c-492b-9116-175376d08c38", "OFFICESUBSCRIPTION"),
		plan(planSkype, "MCOSTANDARD"),
	}
	enterprise := append(slices.Clone(office),
		plan("c1ec4a95-1f05-45b3-a911-aa3fa01094f5", "INTUNE_A"),
		plan("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM"),
		plan("8a256a2b-b617-496d-b51b-e76466e88db0", "MFA_PREMIUM"))
	phone := PlanSeed{ID: "4828c8ec-dc2e-4779-b502-87ac9ce28ab7", Name: "MCOEV", DependsOn: []string{planSkype}}
	return &Seed{Tenants: []TenantSeed{{
		ID: DefaultTenantID, DisplayName: "Contoso", UsageLocation: "US",
		Domains: []DomainSeed{
			{Name: "contoso.com", Default: true},
			{Name: "contoso.onmicrosoft.com", Initial: true},
		},
		Apps: []AppSeed{{
			ClientID: DefaultClientID, ObjectID: DefaultObjectID, DisplayName: "entraflow",
			Secrets: []SecretSeed{{Value: DefaultClientSecret}}, Roles: slices.Clone(defaultRoles),
		}},
		SKUs: []SKUSeed{
			{SkuID: SKUM365E3, SkuPartNumber: "SPE_E3", Enabled: 200000, Plans: enterprise},
			{SkuID: SKUM365E5, SkuPartNumber: "SPE_E5", Enabled: 25000, Plans: append(slices.Clone(enterprise), phone,
				plan("eec0eb4f-6444-4f95-aba0-50c24d67f998", "AAD_PREMIUM_P2"),
				plan("70d33638-9c74-4d01-bfd3-562de28bd4ba", "BI_AZURE_P2"),
				plan("8e0c0a52-6a6c-4d40-8370-dd62790dcd70", "THREAT_INTELLIGENCE"))},
			{SkuID: SKUOffice365E3, SkuPartNumber: "ENTERPRISEPACK", Enabled: 10000, Plans: office},
			{SkuID: SKUOffice365E5, SkuPartNumber: "ENTERPRISEPREMIUM", Enabled: 500, Plans: append(slices.Clone(office), phone)},
			{SkuID: SKUExchangePlan1, SkuPartNumber: "EXCHANGESTANDARD", Enabled: 5000, Plans: []PlanSeed{
				{ID: planExchangeStandard, Name: "EXCHANGE_S_STANDARD", Excludes: []string{planExchangeEnterprise}}}},
			{SkuID: SKUTeamsPhone, SkuPartNumber: "MCOEV", Enabled: 100, Plans: []PlanSeed{phone}},
			{SkuID: SKUEntraPremiumP1, SkuPartNumber: "AAD_PREMIUM", Enabled: 1000, Plans: []PlanSeed{
				plan("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM"), plan("8a256a2b-b617-496d-b51b-e76466e88db0", "MFA_PREMIUM")}},
			{SkuID: SKUPowerBIStandard, SkuPartNumber: "POWER_BI_STANDARD", Enabled: 1000000, Plans: []PlanSeed{
				plan("2049e525-b859-401b-b2a0-e0a31c4b1fe4", "BI_AZURE_P0")}},
			{SkuID: SKUPowerAutomate, SkuPartNumber: "FLOW_FREE", Enabled: 10000, Plans: []PlanSeed{
				plan("17ab22cd-a0b3-4536-910a-cb6eb12696c0", "DYN365_CDS_VIRAL"),
				plan("50e68c76-46c6-4674-81f9-75456511b170", "FLOW_P2_VIRAL"),
				plan("113feb6c-3fe4-4440-bddc-54d774bf0318", "EXCHANGE_S_FOUNDATION")}},
		},
	}}}
}
