package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// cpu is processor time in seconds; 0 where the system does not tell (it is read from /proc).
type cpu struct {
	Process float64 `json:"process"`
	Server  float64 `json:"server"`
}

// meter measures processor time from its making on.
type meter struct {
	server int
	from   cpu
}

func (b *bed) meter() meter {
	m := meter{server: b.server.PID}
	m.from = m.now()
	return m
}

func (m meter) now() cpu { return cpu{Process: cpuSeconds(os.Getpid()), Server: cpuSeconds(m.server)} }

func (m meter) used() cpu {
	now := m.now()
	return cpu{Process: now.Process - m.from.Process, Server: now.Server - m.from.Server}
}

// ticks a second in /proc: Linux tells programs 100 on every platform that Go runs on.
const ticks = 100

// cpuSeconds is the user and system time of a process, fields 14 and 15 of its stat file.
func cpuSeconds(pid int) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The second field is a name in parentheses that may hold anything.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticks
}

// peakMemory is the most memory that a process has held at once (VmHWM), in bytes; 0 where the system does not tell.
func peakMemory(pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
