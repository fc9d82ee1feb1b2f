package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/entraflow/entraflow/internal/pingonesim"
	"github.com/entraflow/entraflow/internal/source"
	"github.com/entraflow/entraflow/internal/source/pingone"
	"github.com/entraflow/entraflow/internal/source/stores"
)

// pingoneResult is what `bench pingone` prints.
type pingoneResult struct {
	People int `json:"people"`
	// Listing is how long a complete listing takes, and Spooled one into the local copy that a plan reads, with reading that once. Seconds.
	Listing float64 `json:"listingSeconds"`
	Spooled float64 `json:"spooledSeconds"`
	// Requests is how many a listing takes, and Single how many one person does.
	Requests int64 `json:"requests"`
	Single   int64 `json:"requestsOfOnePerson"`
	// PeakBytes is the most memory that this process has held; PingOne is simulated in another.
	PeakBytes int64 `json:"peakBytes"`
}

const (
	rolePingOne = "pingone"

	pingoneEnvironment, pingoneApplication, pingoneSecret = "3f0c0000-0000-4000-8000-000000000001", "8a1c0000-0000-4000-8000-000000000002", "right"
)

// pingoneRole simulates an environment until it is killed. It leaves its certificate and the secret in a folder, and says where it listens.
func pingoneRole(ctx context.Context) error {
	n, err := strconv.Atoi(os.Getenv(peopleVariable))
	if err != nil {
		return err
	}
	dir := os.Getenv(dirVariable)
	users := make([]pingonesim.User, n)
	for i := range users {
		users[i] = pingonesim.User{
			"id": fmt.Sprintf("00000000-0000-4000-8000-%012d", i), "username": fmt.Sprintf("person%06d@example.com", i), "enabled": true, "email": fmt.Sprintf("person%06d@example.com", i),
			"name": map[string]any{"given": fmt.Sprintf("Given%d", i), "family": fmt.Sprintf("Family%d", i)}, "title": "Clerk", "locale": "en",
			"population": map[string]any{"id": "4d1e0000-0000-4000-8000-000000000003"}, "createdAt": "2024-05-01T10:00:00.000Z", "updatedAt": "2026-05-01T10:00:00.000Z",
			"lifecycle": map[string]any{"status": "ACCOUNT_OK"}, "account": map[string]any{"canAuthenticate": true, "status": "OK"}, "mfaEnabled": false,
			"identityProvider": map[string]any{"type": "PING_ONE"},
		}
	}
	s, err := pingonesim.Start(pingonesim.Options{EnvironmentID: pingoneEnvironment, ClientID: pingoneApplication, ClientSecret: pingoneSecret, Users: users})
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "ca.pem"), s.Certificate, 0o600), os.WriteFile(filepath.Join(dir, "secret"), []byte(pingoneSecret), 0o600)); err != nil {
		return err
	}
	fmt.Print(s.URL)
	<-ctx.Done()
	return s.Close()
}

// pingoneCommand measures reading everybody from a simulated environment of PingOne.
func pingoneCommand(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("pingone", flag.ContinueOnError)
	n := flags.Int("n", 100_000, "how many people")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pingone")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithCancel(ctx)
	sim, err := itself(ctx, rolePingOne, peopleVariable+"="+strconv.Itoa(*n), dirVariable+"="+dir)
	if err != nil {
		cancel()
		return err
	}
	sim.Stderr = os.Stderr
	ready, err := sim.StdoutPipe()
	if err == nil {
		err = sim.Start()
	}
	if err != nil {
		cancel()
		return err
	}
	defer func() {
		cancel()
		_ = sim.Wait() // it was killed on purpose
	}()
	address := make([]byte, 100)
	read, err := ready.Read(address)
	if err != nil {
		return fmt.Errorf("the simulator did not start: %w", err)
	}
	r, err := measurePingOne(ctx, dir, string(address[:read]), *n)
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(out, r)
	}
	_, err = fmt.Fprintf(out, "%d people of a simulated PingOne environment, by pages of 200\n  listing              %.2f s, %d requests\n  into a plan's copy   %.2f s\n"+
		"  one person           %d request(s)\n  peak memory          %d MB\n", r.People, r.Listing, r.Requests, r.Spooled, r.Single, r.PeakBytes>>20)
	return err
}

func measurePingOne(ctx context.Context, dir, address string, n int) (r pingoneResult, err error) {
	settings := map[string]string{"ENTRAFLOW_PINGONE_API_ENDPOINT": address, "ENTRAFLOW_PINGONE_AUTH_ENDPOINT": address, "ENTRAFLOW_PINGONE_CA": filepath.Join(dir, "ca.pem")}
	opened, err := stores.Open(source.Environment{Setting: func(name string) string { return settings[name] }})(&pingone.Settings{PingOne: pingone.Environment{
		EnvironmentID: pingoneEnvironment, Region: "eu", ClientID: pingoneApplication, ClientSecret: "file:" + filepath.Join(dir, "secret"),
	}}, source.Use{})
	if err != nil {
		return r, err
	}
	people := opened.(*pingone.Source)
	r.People = n
	if _, err := people.Columns(ctx); err != nil { // The token and the schema are read once a process.
		return r, err
	}
	before, last := people.Requests(), ""
	err = best(&r.Listing, func() error {
		snapshot, err := people.List(ctx, func(one source.Record) error { last = one.ID; return nil })
		if err == nil && snapshot.Count != n {
			err = fmt.Errorf("the listing has %d people", snapshot.Count)
		}
		return err
	})
	if err != nil {
		return r, err
	}
	r.Requests = people.Requests() - before
	if err := best(&r.Spooled, func() error { return spoolAll(ctx, people) }); err != nil {
		return r, err
	}
	before = people.Requests()
	if _, _, err := people.Get(ctx, last); err != nil {
		return r, err
	}
	r.Single, r.PeakBytes = people.Requests()-before, peakMemory(os.Getpid())
	return r, nil
}
