package graph

// RuleNames lists the rows of the table of answers.
func RuleNames() []string {
	names := make([]string, len(rules))
	for i, r := range rules {
		names[i] = r.name
	}
	return names
}

// Trusting is a client of a new pool that trusts the certificate as it would one of the system's, so that it does not
// take its endpoints for the simulator.
func Trusting(caPEM []byte, s Settings) *Client {
	s.Endpoints.CAPEM = caPEM
	c, err := NewPool(Options{}).Client(s)
	if err != nil {
		panic(err)
	}
	c.simulated, c.tokens.simulated = false, false
	return c
}
