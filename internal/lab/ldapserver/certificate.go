package ldapserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificate says which certificate a server shows. The zero value is a good one.
type Certificate struct {
	// Names are the host names in it. Default: localhost and ldap.example; the server's address and 127.0.0.1, where a Proxy is,
	// are always there, unless NotAddress.
	Names []string
	// NotAddress leaves the server's address out, so that only its names fit.
	NotAddress bool
	// Expired: its time was over yesterday.
	Expired bool
}

// certificates writes the certificate of an authority (ca.pem), and a server's with its key (cert.pem, key.pem).
func certificates(dir, address string, c Certificate) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "entraflow test authority"},
		NotBefore: now.AddDate(0, 0, -3), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "directory"},
		NotBefore: now.AddDate(0, 0, -2), NotAfter: now.AddDate(0, 6, 0), DNSNames: c.Names,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if len(server.DNSNames) == 0 {
		server.DNSNames = []string{"localhost", "ldap.example"}
	}
	if !c.NotAddress {
		server.IPAddresses = []net.IP{net.ParseIP(address), net.IPv4(127, 0, 0, 1)}
	}
	if c.Expired {
		server.NotAfter = now.AddDate(0, 0, -1)
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	signed := []struct {
		name string
		of   *x509.Certificate
		key  *ecdsa.PrivateKey
	}{{"ca.pem", authority, authorityKey}, {"cert.pem", server, serverKey}}
	for _, s := range signed {
		der, err := x509.CreateCertificate(rand.Reader, s.of, authority, &s.key.PublicKey, authorityKey)
		if err != nil {
			return err
		}
		if err := writePEM(filepath.Join(dir, s.name), "CERTIFICATE", der); err != nil {
			return err
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, "key.pem"), "PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
