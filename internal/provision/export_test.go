package provision

// Restart is a worker that begins anew: it remembers nothing of people. Compiled rules are kept, which saves the tests time.
func Restart(old *Provisioner, o Options) *Provisioner {
	p := New(o)
	if old != nil {
		p.programs = old.programs
	}
	return p
}
