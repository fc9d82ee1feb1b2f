package ldapserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Slapd says how an OpenLDAP server is set up. It has the overlays syncprov, memberof and ppolicy.
type Slapd struct {
	Content
	// Limits are those of the service account, in the words of olcLimits, such as "size.soft=100 size.hard=100" or
	// "size.prtotal=50". Default: none.
	Limits string
	// SessionLog is how many deletions syncprov remembers; -1 for none, so that it names everybody who is still there
	// instead. Default 100,000.
	SessionLog int
	// NoSync leaves the overlay syncprov away, so that the server tells nobody of changes.
	NoSync bool
	// ConfigPassword lets cn=config change the server's settings while it runs; "" for nobody.
	ConfigPassword string
	// Certificate is what the server shows.
	Certificate Certificate
}

// mdb is where the settings of the people's database begin.
const mdb = "dn: olcDatabase={1}mdb,cn=config\n"

const slapdConfig = `dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: %[1]s/slapd.pid
olcTLSCACertificateFile: %[1]s/tls/ca.pem
olcTLSCertificateFile: %[1]s/tls/cert.pem
olcTLSCertificateKeyFile: %[1]s/tls/key.pem

dn: cn=module{0},cn=config
objectClass: olcModuleList
cn: module{0}
olcModulePath: %[2]s
olcModuleLoad: back_mdb
olcModuleLoad: syncprov
olcModuleLoad: memberof
olcModuleLoad: ppolicy

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file://%[3]s/core.ldif
include: file://%[3]s/cosine.ldif
include: file://%[3]s/inetorgperson.ldif
include: file://%[3]s/nis.ldif

dn: olcDatabase={-1}frontend,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {-1}frontend

dn: olcDatabase={1}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {1}mdb
olcDbDirectory: %[1]s/data
olcDbMaxSize: 8589934592
olcDbNoSync: TRUE
olcSuffix: dc=corp,dc=example
olcRootDN: cn=admin,dc=corp,dc=example
olcRootPW: %[4]s
olcDbIndex: objectClass eq
olcDbIndex: entryUUID eq
olcDbIndex: entryCSN eq
olcDbIndex: uid eq
olcDbIndex: cn eq
olcDbIndex: member eq
olcAccess: {0}to attrs=userPassword by anonymous auth by * none
olcAccess: {1}to * by users read by * none
olcLimits: {0}dn.exact="%[5]s" %[6]s

`

const slapdOverlays = `dn: olcOverlay={0}syncprov,olcDatabase={1}mdb,cn=config
objectClass: olcOverlayConfig
objectClass: olcSyncProvConfig
olcOverlay: {0}syncprov
olcSpCheckpoint: 100 10
%s
`

const slapdMoreOverlays = `dn: olcOverlay={%d}memberof,olcDatabase={1}mdb,cn=config
objectClass: olcOverlayConfig
objectClass: olcMemberOfConfig
olcOverlay: {%[1]d}memberof
olcMemberOfRefInt: TRUE

dn: olcOverlay={%d}ppolicy,olcDatabase={1}mdb,cn=config
objectClass: olcOverlayConfig
objectClass: olcPPolicyConfig
olcOverlay: {%[2]d}ppolicy
olcPPolicyDefault: cn=policy,dc=corp,dc=example

`

// StartSlapd sets an OpenLDAP server up in an empty folder and starts it.
//
// Errors: Missing where there is none on this machine.
func StartSlapd(ctx context.Context, dir string, o Slapd) (*Server, error) {
	const server = "slapd"
	slapd, err := program(server, "slapd")
	if err != nil {
		return nil, err
	}
	slapadd, err := program(server, "slapadd")
	if err != nil {
		return nil, err
	}
	modules, err := folder(server, "modules", "/usr/lib/ldap", "/usr/lib64/openldap", "/usr/libexec/openldap")
	if err != nil {
		return nil, err
	}
	schema, err := folder(server, "schema", "/etc/ldap/schema", "/etc/openldap/schema")
	if err != nil {
		return nil, err
	}
	const address = "127.0.0.1"
	ports, err := freePorts(address, 2)
	if err != nil {
		return nil, err
	}
	const base = "dc=corp,dc=example"
	s := &Server{
		URL: fmt.Sprintf("ldap://%s:%d", address, ports[0]), LDAPS: fmt.Sprintf("ldaps://%s:%d", address, ports[1]),
		CA: filepath.Join(dir, "tls", "ca.pem"), Dir: dir,
		BaseDN: base, PeopleDN: "ou=people," + base, GroupsDN: "ou=groups," + base,
		AdminDN: "cn=admin," + base, AdminPassword: "admin-of-a-test",
		ServiceDN: "cn=svc-entraflow,ou=service," + base, ServicePassword: "service-of-a-test",
	}
	// Debug level 0 keeps it in the foreground; without -u it stays the user that runs the test.
	s.command = []string{slapd, "-F", filepath.Join(dir, "config"), "-h", s.URL + "/ " + s.LDAPS + "/", "-d", "0"}
	for _, name := range []string{"config", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	if err := certificates(filepath.Join(dir, "tls"), address, o.Certificate); err != nil {
		return nil, err
	}
	if err := run(ctx, s.slapdSettings(o, modules, schema), slapadd, "-F", filepath.Join(dir, "config"), "-n", "0"); err != nil {
		return nil, err
	}
	content := filepath.Join(dir, "content.ldif")
	if err := s.writeOpenLDAP(content, o.Content); err != nil {
		return nil, err
	}
	if err := run(ctx, "", slapadd, "-F", filepath.Join(dir, "config"), "-n", "1", "-q", "-w", "-l", content); err != nil {
		return nil, err
	}
	return s, errors.Join(os.Remove(content), s.Start())
}

func (s *Server) slapdSettings(o Slapd, modules, schema string) string {
	limits := o.Limits
	if limits == "" {
		limits = "size=unlimited time=unlimited"
	}
	text := fmt.Sprintf(slapdConfig, s.Dir, modules, schema, s.AdminPassword, s.ServiceDN, limits)
	if o.ConfigPassword != "" {
		// It must stand before the other databases, or slapadd makes one without a password.
		text = strings.Replace(text, mdb, "dn: olcDatabase={0}config,cn=config\nobjectClass: olcDatabaseConfig\nolcDatabase: {0}config\nolcRootPW: "+o.ConfigPassword+"\n\n"+mdb, 1)
	}
	next := 0
	if !o.NoSync {
		log := "olcSpSessionlog: 100000\n"
		switch {
		case o.SessionLog > 0:
			log = fmt.Sprintf("olcSpSessionlog: %d\n", o.SessionLog)
		case o.SessionLog < 0:
			log = ""
		}
		text += fmt.Sprintf(slapdOverlays, log)
		next++
	}
	text += fmt.Sprintf(slapdMoreOverlays, next, next+1)
	return text
}

// freePorts finds ports that nobody listens on.
func freePorts(address string, n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", address+":0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
