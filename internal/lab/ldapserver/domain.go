package ldapserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/filelock"
)

const (
	activeDirectoryServer = "Samba's Active Directory domain controller"
	// domainPassword is the administrator's and the service account's. Such a server listens on this machine only.
	domainPassword = "Entraflow-test-1"
)

// copyDomain copies a provisioned domain into a folder. Provisioning takes some seconds, so a machine does it once for each
// version of Samba and of what stands here; who comes meanwhile waits.
func copyDomain(ctx context.Context, dir string) error {
	sambaTool, err := program(activeDirectoryServer, "samba-tool")
	if err != nil {
		return err
	}
	version, err := tool(ctx, "", sambaTool, "--version")
	if err != nil {
		return &Missing{activeDirectoryServer, "samba-tool does not run: " + strings.TrimSpace(version)}
	}
	cache, err := filelock.UserFolder()
	if err != nil {
		cache = filepath.Join(os.TempDir(), "entraflow-domains")
		if err := os.MkdirAll(cache, 0o700); err != nil {
			return err
		}
	}
	sum := sha256.Sum256([]byte(version + strings.Join(provision, " ") + fmt.Sprint(accounts)))
	template := filepath.Join(cache, "domain-"+hex.EncodeToString(sum[:6]))
	for {
		if _, err := os.Stat(template); err == nil {
			break
		}
		lock, err := filelock.Try(template + ".lock")
		if errors.Is(err, filelock.ErrHeld) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		if err != nil {
			return err
		}
		err = makeDomain(ctx, sambaTool, template)
		if err := errors.Join(err, lock.Release()); err != nil {
			return err
		}
	}
	return errors.Join(
		os.CopyFS(filepath.Join(dir, "private"), os.DirFS(filepath.Join(template, "private"))),
		os.CopyFS(filepath.Join(dir, "state"), os.DirFS(filepath.Join(template, "state"))))
}

var (
	provision = []string{
		"domain", "provision", "--realm=CORP.EXAMPLE", "--domain=CORP", "--server-role=dc", "--dns-backend=NONE", "--host-name=dc1",
		"--use-rfc2307", "--adminpass=" + domainPassword, "--option=vfs objects = acl_xattr",
	}
	accounts = [][]string{
		{"ou", "create", "OU=Staff,DC=corp,DC=example"},
		{"ou", "create", "OU=Groups,DC=corp,DC=example"},
		{"ou", "create", "OU=Service,DC=corp,DC=example"},
		{"user", "create", "svc-entraflow", domainPassword, "--userou=OU=Service"},
		{"user", "setexpiry", "svc-entraflow", "--noexpiry"},
	}
)

// makeDomain provisions the domain in a folder beside the template's and gives that the template's name, so that a
// template is whole or not there.
func makeDomain(ctx context.Context, sambaTool, template string) error {
	if _, err := os.Stat(template); err == nil {
		return nil // Somebody else was faster.
	}
	dir, err := os.MkdirTemp(filepath.Dir(template), filepath.Base(template)+"-new-")
	if err != nil {
		return err
	}
	made := filepath.Join(dir, "domain")
	err = run(ctx, "", append(append([]string{sambaTool}, provision...), "--targetdir="+made)...)
	for _, a := range accounts {
		if err != nil {
			break
		}
		err = run(ctx, "", append(append([]string{sambaTool}, a...), "-H", "tdb://"+filepath.Join(made, "private", "sam.ldb"),
			"--configfile="+filepath.Join(made, "etc", "smb.conf"))...)
	}
	if err == nil {
		err = os.Rename(made, template)
	}
	return errors.Join(err, os.RemoveAll(dir))
}
