package ldapserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// ActiveDirectory says how a Samba Active Directory domain controller is set up. Its ports are fixed (389 and 636), so
// each has an address of its own in 127.0.0.0/8. Only root can start it.
type ActiveDirectory struct {
	Content
	// Replicator gives the service account the right Replicating Directory Changes, and the right to read Deleted Objects.
	Replicator bool
	// StrongAuth refuses simple binds without TLS (strongerAuthRequired), as Active Directory does where signing is required.
	StrongAuth bool
	// Certificate is what the server shows.
	Certificate Certificate
}

// The smb.conf of a controller that does nothing but LDAP, and has every file in one folder.
const smbConf = `[global]
	netbios name = DC1
	realm = CORP.EXAMPLE
	workgroup = CORP
	server role = active directory domain controller
	server services = ldap
	interfaces = %[2]s/8
	bind interfaces only = yes
	ldap server require strong auth = %[3]s
	tls certfile = %[1]s/tls/cert.pem
	tls keyfile = %[1]s/tls/key.pem
	tls cafile = %[1]s/tls/ca.pem
	private dir = %[1]s/private
	state directory = %[1]s/state
	cache directory = %[1]s/cache
	lock directory = %[1]s/lock
	pid directory = %[1]s/run
	ncalrpc dir = %[1]s/ncalrpc
	binddns dir = %[1]s/bind-dns
	winbindd socket directory = %[1]s/run/winbindd
	ntp signd socket directory = %[1]s/run/ntp
	log file = %[1]s/samba.log
	logging = file
	idmap_ldb:use rfc2307 = yes
	vfs objects = acl_xattr
	nsupdate command = /bin/true
`

// StartActiveDirectory copies the domain that this machine has provisioned before, or provisions it, into an empty folder
// and starts its controller.
//
// Errors: Missing where there is none on this machine.
func StartActiveDirectory(ctx context.Context, dir string, o ActiveDirectory) (*Server, error) {
	samba, err := program(activeDirectoryServer, "samba")
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, &Missing{activeDirectoryServer, "only root can start it"}
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	const base = "DC=corp,DC=example"
	s := &Server{
		URL: "ldap://" + address, LDAPS: "ldaps://" + address, CA: filepath.Join(dir, "tls", "ca.pem"), Dir: dir,
		BaseDN: base, PeopleDN: "OU=Staff," + base, GroupsDN: "OU=Groups," + base,
		AdminDN: "CN=Administrator,CN=Users," + base, AdminPassword: domainPassword,
		ServiceDN: "CN=svc-entraflow,OU=Service," + base, ServicePassword: domainPassword,
	}
	if err := copyDomain(ctx, dir); err != nil {
		return nil, err
	}
	for _, name := range []string{"cache", "lock", "run", "ncalrpc", "bind-dns"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	if err := certificates(filepath.Join(dir, "tls"), address, o.Certificate); err != nil {
		return nil, err
	}
	strong := "no"
	if o.StrongAuth {
		strong = "yes"
	}
	if err := os.WriteFile(s.smbConf(), fmt.Appendf(nil, smbConf, dir, address, strong), 0o600); err != nil {
		return nil, err
	}
	if o.Replicator {
		if err := errors.Join(s.GrantReplication(ctx), s.GrantDeleted(ctx)); err != nil {
			return nil, err
		}
	}
	if o.People+o.Groups > 0 {
		if err := s.fill(ctx, o.Content); err != nil {
			return nil, err
		}
	}
	s.command = []string{samba, "-i", "-M", "single", "--configfile=" + s.smbConf()}
	return s, s.Start()
}

func (s *Server) smbConf() string  { return filepath.Join(s.Dir, "smb.conf") }
func (s *Server) database() string { return filepath.Join(s.Dir, "private", "sam.ldb") }

// fill writes people and groups into the database of a controller that does not run.
func (s *Server) fill(ctx context.Context, c Content) error {
	ldbadd, err := program(activeDirectoryServer, "ldbadd")
	if err != nil {
		return err
	}
	content := filepath.Join(s.Dir, "content.ldif")
	if err := s.writeActiveDirectory(content, c); err != nil {
		return err
	}
	return errors.Join(run(ctx, "", ldbadd, "-H", s.database(), "--configfile="+s.smbConf(), content), os.Remove(content))
}

// GrantReplication gives the service account the right Replicating Directory Changes.
func (s *Server) GrantReplication(ctx context.Context) error {
	return s.SambaTool(ctx, "dsacl", "set", "--action=allow", "--objectdn="+s.BaseDN, "--trusteedn="+s.ServiceDN, "--car=get-changes")
}

// grantDeleted lets an account list Deleted Objects and read what is there, as dsacls /G does on Windows. No tool of Samba's reaches
// that container.
const grantDeleted = `
import re, sys, ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
url, conf, base, account = sys.argv[1:]
lp = LoadParm()
lp.load(conf)
sam = SamDB(url=url, session_info=system_session(), lp=lp)
sid = ndr_unpack(security.dom_sid, sam.search(account, scope=ldb.SCOPE_BASE, attrs=["objectSid"])[0]["objectSid"][0])
domain = security.dom_sid(sam.get_domain_sid())
place = "CN=Deleted Objects," + base
found = sam.search(place, scope=ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=["show_deleted:1"])[0]
text = ndr_unpack(security.descriptor, found["nTSecurityDescriptor"][0]).as_sddl(domain)
text = re.sub(r"D:[A-Z]*", lambda m: m.group(0) + "(A;CI;RPLC;;;%s)" % sid, text, count=1)
change = ldb.Message(ldb.Dn(sam, place))
change["nTSecurityDescriptor"] = ldb.MessageElement(ndr_pack(security.descriptor.from_sddl(text, domain)), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
sam.modify(change, ["show_deleted:1", "sd_flags:1:4"])
`

// GrantDeleted lets the service account read deleted people.
func (s *Server) GrantDeleted(ctx context.Context) error {
	// samba-tool names the interpreter that has Samba's modules; the first python3 on the path need not be it.
	sambaTool, err := program(activeDirectoryServer, "samba-tool")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Clean(sambaTool))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	python := strings.TrimSpace(strings.TrimPrefix(first, "#!"))
	return run(ctx, grantDeleted, python, "-", "tdb://"+s.database(), s.smbConf(), s.BaseDN, s.ServiceDN)
}

// SambaTool runs samba-tool on the database of a controller, whether it runs or not.
func (s *Server) SambaTool(ctx context.Context, args ...string) error {
	sambaTool, err := program(activeDirectoryServer, "samba-tool")
	if err != nil {
		return err
	}
	args = append([]string{sambaTool}, args...)
	return run(ctx, "", append(args, "-H", "tdb://"+s.database(), "--configfile="+s.smbConf())...)
}

// freeAddress finds a loopback address on whose LDAP port nobody listens.
func freeAddress() (string, error) {
	var last error
	for range 50 {
		address := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), 1+rand.IntN(254), 1+rand.IntN(254))
		l, err := net.Listen("tcp", address+":389")
		if err == nil {
			return address, l.Close()
		}
		last = err
		if strings.Contains(err.Error(), "assign requested address") {
			return "", &Missing{activeDirectoryServer, "the machine has no addresses beside 127.0.0.1 on its loopback interface"}
		}
	}
	return "", fmt.Errorf("find an address for a domain controller: %w", last)
}
