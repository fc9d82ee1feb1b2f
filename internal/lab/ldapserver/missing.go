package ldapserver

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Packages are the Debian packages that the servers are from.
const Packages = "slapd ldap-utils samba samba-ad-provision samba-dsdb-modules samba-vfs-modules ldb-tools"

// Missing says what of a server is not there on this machine.
type Missing struct{ Server, What string }

func (m *Missing) Error() string {
	return fmt.Sprintf("%s cannot be started here: %s (on Debian: apt-get install --no-install-recommends %s)", m.Server, m.What, Packages)
}

// Required reports that tests may not be skipped for want of a server: ENTRAFLOW_REQUIRE_LDAP=1, as in .ci/run.
func Required() bool { return os.Getenv("ENTRAFLOW_REQUIRE_LDAP") == "1" }

// program finds a program also where only administrators look for one.
func program(server, name string) (string, error) {
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name, "/usr/libexec/" + name, "/usr/local/libexec/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", &Missing{server, "there is no " + name}
}

// folder finds the first folder that exists.
func folder(server, what string, candidates ...string) (string, error) {
	for _, c := range candidates {
		if info, err := os.Stat(c); err == nil && info.IsDir() {
			return c, nil
		}
	}
	return "", &Missing{server, "there is no folder with its " + what + " (" + strings.Join(candidates, ", ") + ")"}
}
