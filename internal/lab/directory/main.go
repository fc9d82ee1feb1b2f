// Command directory runs a directory server with invented people until Ctrl-C, to try entraflow on:
//
//	go run ./internal/lab/directory                             OpenLDAP with 50 people
//	go run ./internal/lab/directory -active-directory           a Samba domain controller with 50 people; as root
//
// It prints the settings for a rule's source. Nothing is kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "directory:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	activeDirectory := flag.Bool("active-directory", false, "run a Samba domain controller, and not OpenLDAP")
	replicator := flag.Bool("replicator", false, "give the service account the right Replicating Directory Changes")
	content := ldapserver.Content{}
	flag.IntVar(&content.People, "people", 50, "how many people there are")
	flag.IntVar(&content.Groups, "groups", 5, "how many groups they are in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "ldap")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var s *ldapserver.Server
	if *activeDirectory {
		s, err = ldapserver.StartActiveDirectory(ctx, dir, ldapserver.ActiveDirectory{Content: content, Replicator: *replicator})
	} else {
		s, err = ldapserver.StartSlapd(ctx, dir, ldapserver.Slapd{Content: content})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(s.ServicePassword), 0o600); err != nil {
		return err
	}
	fmt.Printf(`    source:
      ldap:
        url: %s
        ca: file:%s
        bindDN: %s
        bindPassword: file:%s
        baseDN: %s

# The administrator: %s, password %s
`, s.LDAPS, s.CA, s.ServiceDN, password, s.PeopleDN, s.AdminDN, s.AdminPassword)
	<-ctx.Done()
	return nil
}
