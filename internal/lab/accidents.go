// Package lab has what the tests and measurements share that run all of entraflow but the tenant: a small company and its connection,
// every accident at once, quotas that are felt, the count of what the tenant was sent, and the search for what must not be found in
// Temporal. Package testkit below it puts a server, a simulator and a worker together for one test.
package lab

import "github.com/entraflow/entraflow/internal/simulator"

// Accidents are all that the simulator can do to a request, each with a percent or two.
func Accidents() simulator.Faults {
	const some = 0.02
	return simulator.Faults{
		Throttle: some / 2, RetryAfterSeconds: 1, ThrottleBare: some / 2,
		InternalError: some, BadGateway: some, UnavailableHTML: some,
		UnavailableCommitted: some, TimeoutCommitted: some, Reset: some, ResetCommitted: some,
		Concurrency: some, Unauthorized: some, ExtensionFlap: some, EmptyPage: 0.1,
		LicenseLag: 0.2, LicenseLagTries: 2,
	}
}

// Quota has the rates of the real limits, 20 writes and 800 units a second, with buckets so small that they are felt.
func Quota(people int) simulator.Quota {
	writes := min(max(people/3, 20), 3000)
	f := float64(writes) / 3000
	q := simulator.DefaultQuota().Scale(1 / f)
	q.Writes, q.TenantWrites, q.Units = writes, int(18000*f), int(8000*f)
	return q
}
