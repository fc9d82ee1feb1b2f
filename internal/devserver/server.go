package devserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/entraflow/entraflow/internal/filelock"
)

// Options say how a server is started.
type Options struct {
	// Dir is the state directory; it must exist. Data, log and lock are kept there.
	Dir string
	// Binary is a temporal command line, from a Locator. Not needed where a server of this directory still runs.
	Binary func(ctx context.Context) (string, error)
	// Namespace is made when it is not there. Default "default".
	Namespace string
	// Port and UIPort are taken when they are free, else others. Defaults 7233 and 8233.
	Port, UIPort int
	// SearchAttributes are registered at the start, each as Keyword.
	SearchAttributes []string
	// Progress is told what the person should know; may be nil.
	Progress func(string)
	// Ready is how long the server may take to answer. Default one minute.
	Ready time.Duration
}

func (o *Options) say(text string) {
	if o.Progress != nil {
		o.Progress(text)
	}
}

// Server is a running development server.
type Server struct {
	Record
	// Earlier: it was started by an earlier run that ended without stopping it.
	Earlier bool

	logPath string
	process *os.Process
	guard   *uiGuard
	done    chan struct{}
	err     error // why it ended; read after done is closed
}

// stopTimeout is how long a server may take to end by itself.
const stopTimeout = 15 * time.Second

// Start starts a server and waits until it answers. Where one of the same directory still runs, because an earlier run
// was killed, that one is used: two servers on one data file would spoil it.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	if o.Ready == 0 {
		o.Ready = time.Minute
	}
	lock, err := o.lock()
	if errors.Is(err, filelock.ErrHeld) {
		return adopt(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, o, lock)
	// From here on the lock is the server's alone, and ends with it.
	if err := errors.Join(err, lock.Release()); err != nil {
		return nil, err
	}
	return s, nil
}

// start launches a server and waits for it. A port that was free a moment ago may be taken when the server wants it, so
// that failure is worth other ports.
func start(ctx context.Context, o Options, lock *filelock.Lock) (_ *Server, err error) {
	binary, err := o.Binary(ctx)
	if err != nil {
		return nil, err
	}
	release, err := turn(ctx, o.say)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	for attempt := 1; ; attempt++ {
		s, err := launch(o, binary, lock)
		if err != nil {
			return nil, err
		}
		err = s.await(ctx, o)
		if err == nil {
			return s, nil
		}
		err = errors.Join(err, s.Stop())
		if attempt == 3 || !strings.Contains(err.Error(), "address already in use") {
			return nil, err
		}
	}
}

// lock takes the lock that the server will hold. Somebody who only looks whether a server runs has it for a moment, too;
// a server has left its record.
func (o *Options) lock() (*filelock.Lock, error) {
	for attempt := 1; ; attempt++ {
		lock, err := filelock.Try(filepath.Join(o.Dir, lockFile))
		if !errors.Is(err, filelock.ErrHeld) || attempt == 10 {
			return lock, err
		}
		if _, running := Find(o.Dir); running {
			return nil, err
		}
	}
}

// adopt uses the server that an earlier run left behind.
func adopt(ctx context.Context, o Options) (*Server, error) {
	record, ok := Find(o.Dir)
	if !ok {
		return nil, fmt.Errorf("a Temporal server uses %s, but it is not known where it listens; end the process that has the file open", filepath.Join(o.Dir, dataFile))
	}
	process, err := os.FindProcess(record.PID)
	if err != nil {
		return nil, fmt.Errorf("find the Temporal server of an earlier run: %w", err)
	}
	s := &Server{Record: record, Earlier: true, process: process, done: make(chan struct{}), logPath: filepath.Join(o.Dir, logFile)}
	if err := s.guardAgain(o); err != nil {
		return nil, err
	}
	go func() {
		s.err = filelock.Wait(filepath.Join(o.Dir, lockFile))
		close(s.done)
	}()
	if err := s.await(ctx, o); err != nil {
		return nil, fmt.Errorf("the Temporal server of an earlier run (process %d) does not answer; end it and try again: %w", record.PID, err)
	}
	return s, nil
}

// guardAgain serves the Web UI of an earlier run's server, whose guard ended with that run.
func (s *Server) guardAgain(o Options) error {
	wanted := or(o.UIPort, DefaultUIPort)
	if u, err := url.Parse(s.UI); err == nil {
		if port, err := strconv.Atoi(u.Port()); err == nil {
			wanted = port
		}
	}
	l, _, err := listenUI(wanted)
	if err != nil {
		return err
	}
	if s.guard, err = guardUI(l, s.UIBackend); err != nil {
		return errors.Join(err, l.Close())
	}
	s.UI = s.guard.address
	return s.save(o.Dir)
}

// launch starts the process.
func launch(o Options, binary string, lock *filelock.Lock) (*Server, error) {
	at, err := o.choose()
	if err != nil {
		return nil, err
	}
	backend := "http://" + net.JoinHostPort(at.uiHost, strconv.Itoa(at.uiPort))
	guard, err := guardUI(at.ui, backend)
	if err != nil {
		return nil, errors.Join(err, at.ui.Close())
	}
	s := &Server{
		Record: Record{
			Address: net.JoinHostPort(host, strconv.Itoa(at.port)), HTTP: net.JoinHostPort(host, strconv.Itoa(at.http)), UI: guard.address, UIBackend: backend, Namespace: o.Namespace,
		},
		guard:   guard,
		done:    make(chan struct{}),
		logPath: filepath.Join(o.Dir, logFile),
	}
	log, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err == nil {
		err = keepPrivate(filepath.Join(o.Dir, dataFile))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the Temporal server's files: %w", err), guard.close())
	}
	cmd := exec.Command(binary, arguments(o, at)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock.File}
	ownGroup(cmd)
	err = startPrivately(cmd)
	if err := errors.Join(err, log.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("start the Temporal server: %w", err), guard.close())
	}
	s.process, s.PID = cmd.Process, cmd.Process.Pid
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	if err := s.save(o.Dir); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// arguments of the command line. Without the two pragmas the server's database is about seven times slower. This version of
// the server knows priorities of tasks, but only its new matcher regards them, and that is off by default.
func arguments(o Options, at place) []string {
	args := []string{
		"server", "start-dev",
		"--db-filename", filepath.Join(o.Dir, dataFile),
		"--sqlite-pragma", "journal_mode=WAL",
		"--sqlite-pragma", "synchronous=NORMAL",
		"--ip", host, "--port", strconv.Itoa(at.port), "--http-port", strconv.Itoa(at.http),
		"--ui-ip", at.uiHost, "--ui-port", strconv.Itoa(at.uiPort),
		"--namespace", o.Namespace,
		"--dynamic-config-value", "matching.useNewMatcher=true",
		"--dynamic-config-value", `frontend.httpAllowedHosts=["none.invalid"]`,
		"--log-level", "error",
	}
	for _, name := range o.SearchAttributes {
		args = append(args, "--search-attribute", name+"=Keyword")
	}
	return args
}

// keepPrivate lets nobody but this user read the data of an earlier server: histories tell who works here.
func keepPrivate(path string) error {
	err := os.Chmod(path, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// await returns once the server knows the namespace.
func (s *Server) await(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, o.Ready)
	defer cancel()
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for {
		err := s.answers(ctx, o.Namespace)
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return s.Err()
		case <-ctx.Done():
			return fmt.Errorf("the Temporal server did not answer within %s; its log is %s: %w", o.Ready, s.logPath, err)
		case <-pause.C:
		}
	}
}

func (s *Server) answers(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	quiet := sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	c, err := client.DialContext(ctx, client.Options{HostPort: s.Address, Namespace: namespace, Logger: quiet})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	return err
}

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err says that and why the server ended, with the end of its log. Call it after Done is closed.
func (s *Server) Err() error {
	text := "the Temporal server ended"
	if s.err != nil {
		text += " (" + s.err.Error() + ")"
	}
	if b, err := os.ReadFile(s.logPath); err == nil && len(b) > 0 {
		text += "; the end of " + s.logPath + ":\n" + tail(string(b), 8)
	} else {
		text += "; its log is " + s.logPath
	}
	return errors.New(text)
}

// Stop ends the server and waits until it has written its data. A server that has ended already is no error.
func (s *Server) Stop() error {
	return errors.Join(s.guard.close(), s.stop())
}

func (s *Server) stop() error {
	select {
	case <-s.done:
		return nil
	default:
	}
	if err := terminate(s.process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the Temporal server: %w", err)
	}
	patience := time.NewTimer(stopTimeout)
	defer patience.Stop()
	select {
	case <-s.done:
		return nil
	case <-patience.C:
	}
	if err := s.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the Temporal server: %w", err)
	}
	<-s.done
	return fmt.Errorf("the Temporal server did not end within %s and was killed; its data file recovers by itself", stopTimeout)
}
