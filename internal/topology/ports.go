//go:build linux

package topology

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ports are taken from here: Temporal 1.29 stores its ports in PostgreSQL as smallint, so that its server cannot start on one
// above 32767; and the operating system gives out higher ones to everybody who connects.
const firstPort, lastPort = 20000, 32767

// freePorts finds ports that nobody listens on. They are held until all are found, so that they differ.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for try := 0; len(ports) < n && try < 100*n; try++ {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			defer l.Close()
			ports = append(ports, port)
		}
	}
	require.Len(t, ports, n, fmt.Sprintf("free ports from %d to %d", firstPort, lastPort))
	return ports
}
