package simulator_test

import (
	"fmt"
	"testing"

	"github.com/entraflow/entraflow/internal/simulator"
)

// What the simulator costs is measured together with its HTTPS client, since that is how benchmarks of entraflow meet it.

func BenchmarkCreateAndLicense(b *testing.B) {
	w := benchWorld(b, simulator.Options{})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		upn := fmt.Sprintf("u%07d@contoso.com", i)
		i++
		if a := w.do("POST", "/users", person(upn, nil)); a.status != 201 {
			b.Fatal(a.raw)
		}
		if a := w.do("POST", "/users/"+upn+"/assignLicense", order([]any{license(simulator.SKUPowerBIStandard)})); a.status != 200 {
			b.Fatal(a.raw)
		}
	}
}

func BenchmarkListPageOf999(b *testing.B) {
	w := benchWorld(b, simulator.Options{Seed: crowd(100_000)})
	b.ReportAllocs()
	path := "/users?$top=999&$select=id,userPrincipalName,accountEnabled,displayName,givenName,surname,department,jobTitle,usageLocation,licenseAssignmentStates," + linkName
	next := path
	for b.Loop() {
		a := w.get(next)
		if a.status != 200 {
			b.Fatal(a.raw)
		}
		if link, ok := a.body["@odata.nextLink"].(string); ok {
			next = link
		} else {
			next = path
		}
	}
}

func BenchmarkFilterByExtension(b *testing.B) {
	w := benchWorld(b, simulator.Options{Seed: crowd(100_000)})
	i := 0
	for b.Loop() {
		i = (i + 7919) % 100_000
		if a := w.get("/users?$select=id," + linkName + "&$filter=" + q(fmt.Sprintf("%s eq 'c/r/%d'", linkName, i))); a.status != 200 {
			b.Fatal(a.raw)
		}
	}
}

func BenchmarkStartWithCrowd(b *testing.B) {
	seed := crowd(100_000)
	for b.Loop() {
		s, err := simulator.Start(simulator.Options{Seed: seed})
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}

// crowd is a seed with n linked and licensed users.
func crowd(n int) *simulator.Seed {
	seed := simulator.DefaultSeed()
	seed.Tenants[0].Apps[0].ExtensionProperties = []simulator.ExtensionSeed{{Name: "link"}}
	for i := range n {
		seed.Tenants[0].Users = append(seed.Tenants[0].Users, simulator.UserSeed{
			"userPrincipalName": fmt.Sprintf("u%07d@contoso.com", i), "displayName": fmt.Sprintf("User %d", i), "givenName": "User",
			"surname": fmt.Sprint(i), "department": "IT", "jobTitle": "Engineer", "usageLocation": "US", linkName: fmt.Sprintf("c/r/%d", i),
			"licenses": []string{"SPE_E3"}})
	}
	return seed
}
