package ldapserver

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

var (
	givenNames  = []string{"Ana", "Bruno", "Chidi", "Dorota", "Émile", "Farah", "Gro", "Hiroshi", "Inés", "Jörg", "Kateřina", "Liam"}
	surnames    = []string{"Almeida", "Brandt", "Chen", "Dvořák", "Eze", "Fontaine", "García", "Haugen", "Ito", "Jansen", "Kowalska", "Łukasik", "Müller"}
	departments = []string{"Engineering", "Finance", "Human Resources", "Legal", "Sales"}
)

// Person is what a person of Content is called.
type Person struct {
	Given, Surname, Department, Mail, EmployeeNumber string
	// Login is the uid, or sAMAccountName.
	Login string
}

// PersonOf is person i of Content.
func PersonOf(i int) Person {
	login := fmt.Sprintf("p%06d", i)
	return Person{
		Given: givenNames[i%len(givenNames)], Surname: surnames[i/len(givenNames)%len(surnames)], Department: departments[i%len(departments)],
		Mail: login + "@corp.example", EmployeeNumber: fmt.Sprintf("E%06d", i), Login: login,
	}
}

// PersonDN is where person i of Content is.
func (s *Server) PersonDN(i int) string {
	if s.activeDirectory() {
		return "CN=" + PersonOf(i).Login + "," + s.PeopleDN
	}
	return "uid=" + PersonOf(i).Login + "," + s.PeopleDN
}

// GroupDN is where group i of Content is.
func (s *Server) GroupDN(i int) string {
	if s.activeDirectory() {
		return fmt.Sprintf("CN=Team %d,%s", i, s.GroupsDN)
	}
	return fmt.Sprintf("cn=Team %d,%s", i, s.GroupsDN)
}

func (s *Server) activeDirectory() bool { return strings.HasPrefix(s.BaseDN, "DC=") }

// EntryUUID is the entryUUID of person i in slapd.
func EntryUUID(i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "person %d", i))
	id, _ := uuid.FromBytes(sum[:16]) // It fails only for another length.
	return id.String()
}

// writeOpenLDAP writes the content of an OpenLDAP directory. slapadd runs no overlay, so memberOf is written with it.
func (s *Server) writeOpenLDAP(path string, c Content) error {
	return writeLDIF(path, func(w *bufio.Writer) {
		fmt.Fprintf(w, "dn: %s\nobjectClass: dcObject\nobjectClass: organization\ndc: corp\no: Corp\n\n", s.BaseDN)
		for _, ou := range []string{"people", "groups", "service"} {
			fmt.Fprintf(w, "dn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %[1]s\n\n", ou, s.BaseDN)
		}
		fmt.Fprintf(w, "dn: cn=policy,%s\nobjectClass: device\nobjectClass: pwdPolicy\ncn: policy\npwdAttribute: userPassword\npwdLockout: TRUE\n\n", s.BaseDN)
		fmt.Fprintf(w, "dn: %s\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: svc-entraflow\nuserPassword: %s\n\n", s.ServiceDN, s.ServicePassword)
		for i := range c.People {
			p := PersonOf(i)
			fmt.Fprintf(w, "dn: %s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s %s\ngivenName: %[3]s\nsn: %[4]s\n", s.PersonDN(i), p.Login, p.Given, p.Surname)
			fmt.Fprintf(w, "displayName: %s %s\nmail: %s\nemployeeNumber: %s\ndepartmentNumber: %s\nentryUUID: %s\n",
				p.Given, p.Surname, p.Mail, p.EmployeeNumber, p.Department, EntryUUID(i))
			if c.Groups > 0 {
				fmt.Fprintf(w, "memberOf: %s\n", s.GroupDN(i%c.Groups))
			}
			w.WriteString("\n")
		}
		s.writeGroups(w, c, "groupOfNames", "")
	})
}

// writeActiveDirectory writes the content of an Active Directory. userAccountControl 544 is an enabled account that needs
// no password, which spares a hash for each.
func (s *Server) writeActiveDirectory(path string, c Content) error {
	return writeLDIF(path, func(w *bufio.Writer) {
		for i := range c.People {
			p := PersonOf(i)
			fmt.Fprintf(w, "dn: %s\nobjectClass: user\nsAMAccountName: %s\nuserPrincipalName: %s\nmail: %[3]s\n", s.PersonDN(i), p.Login, p.Mail)
			fmt.Fprintf(w, "givenName: %s\nsn: %s\ndisplayName: %[1]s %[2]s\nemployeeID: %s\ndepartment: %s\nuserAccountControl: 544\n\n",
				p.Given, p.Surname, p.EmployeeNumber, p.Department)
		}
		s.writeGroups(w, c, "group", "groupType: -2147483646\nsAMAccountName: team%d\n")
	})
}

func (s *Server) writeGroups(w *bufio.Writer, c Content, class, more string) {
	for g := range c.Groups {
		fmt.Fprintf(w, "dn: %s\nobjectClass: %s\ncn: Team %d\n", s.GroupDN(g), class, g)
		if more != "" {
			fmt.Fprintf(w, more, g)
		}
		for i := g; i < c.People; i += c.Groups {
			fmt.Fprintf(w, "member: %s\n", s.PersonDN(i))
		}
		w.WriteString("\n")
	}
}

func writeLDIF(path string, write func(*bufio.Writer)) error {
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	write(w)
	return errors.Join(w.Flush(), f.Close())
}
