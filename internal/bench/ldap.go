package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/entraflow/entraflow/internal/lab/ldapserver"
	"github.com/entraflow/entraflow/internal/secret"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/ldap"
	"github.com/entraflow/entraflow/internal/source/spool"
)

// ldapResult is what `bench ldap` prints.
type ldapResult struct {
	People int `json:"people"`
	// Reference is how long ldapsearch takes for the same entries and attributes with the same pages, and Listing how long a complete
	// listing; Spooled is one into the local copy that a plan reads. The better of two rounds each, in seconds.
	Reference float64 `json:"ldapsearchSeconds"`
	Listing   float64 `json:"listingSeconds"`
	Spooled   float64 `json:"spooledSeconds"`
	// Ratio is the speed of the listing to that of ldapsearch.
	Ratio float64 `json:"ratio"`
	// Searches is how many requests a listing takes.
	Searches int64 `json:"searches"`
	// PeakBytes is the most memory that this process has held.
	PeakBytes int64 `json:"peakBytes"`
}

// attributes that both read.
var ldapAttributes = []string{"givenName", "sn", "mail", "employeeNumber", "departmentNumber"}

// ldapCommand measures a complete listing of an OpenLDAP directory against ldapsearch.
func ldapCommand(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("ldap", flag.ContinueOnError)
	n := flags.Int("n", 100_000, "how many people")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ldap")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := ldapserver.StartSlapd(ctx, dir, ldapserver.Slapd{Content: ldapserver.Content{People: *n}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(server.ServicePassword), 0o600); err != nil {
		return err
	}
	opened, err := ldap.Store.Opener(source.Environment{Secrets: secret.Store{}, Now: time.Now})(&ldap.Settings{LDAP: ldap.Directory{
		URL: ldap.URLs{server.LDAPS}, CA: "file:" + server.CA, BindDN: server.ServiceDN, BindPassword: "file:" + password, BaseDN: server.PeopleDN,
		Attributes: ldapAttributes,
	}}, source.Use{})
	if err != nil {
		return err
	}
	r := ldapResult{People: *n}
	people := opened.(*ldap.Source)
	for range 2 {
		if err := best(&r.Reference, func() error { return ldapsearch(ctx, server, password) }); err != nil {
			return err
		}
		before := people.Requests()
		if err := best(&r.Listing, func() error { return listAll(ctx, people, *n) }); err != nil {
			return err
		}
		r.Searches = people.Requests() - before
		if err := best(&r.Spooled, func() error { return spoolAll(ctx, people) }); err != nil {
			return err
		}
	}
	r.Ratio = r.Reference / r.Listing
	r.PeakBytes = peakMemory(os.Getpid())
	if *asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	_, err = fmt.Fprintf(out, "%d people of an OpenLDAP directory, by pages of 1,000 over TLS\n  ldapsearch           %.2f s\n  listing              %.2f s, ratio %.2f, %d searches\n"+
		"  into a plan's copy   %.2f s\n  peak memory          %d MB\n", r.People, r.Reference, r.Listing, r.Ratio, r.Searches, r.Spooled, r.PeakBytes>>20)
	return err
}

// best keeps the shortest time.
func best(seconds *float64, f func() error) error {
	begun := time.Now()
	if err := f(); err != nil {
		return err
	}
	if took := time.Since(begun).Seconds(); *seconds == 0 || took < *seconds {
		*seconds = took
	}
	return nil
}

func ldapsearch(ctx context.Context, server *ldapserver.Server, password string) error {
	arguments := append([]string{"-x", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt", "-H", server.LDAPS, "-D", server.ServiceDN, "-y", password,
		"-b", server.PeopleDN, "(objectClass=person)", "entryUUID", "pwdAccountLockedTime"}, ldapAttributes...)
	command := exec.CommandContext(ctx, "ldapsearch", arguments...)
	command.Env = append(os.Environ(), "LDAPTLS_CACERT="+server.CA)
	command.Stderr = os.Stderr
	return command.Run()
}

func listAll(ctx context.Context, people *ldap.Source, n int) error {
	snapshot, err := people.List(ctx, func(source.Record) error { return nil })
	if err == nil && snapshot.Count != n {
		err = fmt.Errorf("the listing has %d people", snapshot.Count)
	}
	return err
}

func spoolAll(ctx context.Context, people source.Live) error {
	copied, release, err := spool.ForPlan(ctx, people)
	if err != nil {
		return err
	}
	defer release()
	_, err = copied.List(ctx, func(source.Record) error { return nil })
	return err
}
