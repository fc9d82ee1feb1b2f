package simulator

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// graphAudience is what Graph's own tokens are made out to.
const graphAudience = "https://graph.microsoft.com"

// tokenLife is how long a token works; the real one is 60 to 90 minutes.
const tokenLife = 3599 * time.Second

// issuer signs and reads tokens. A token that was read once is remembered, since a client sends the same one thousands of
// times.
type issuer struct {
	key   *rsa.PrivateKey
	kid   string
	known sync.Map // :: raw token -> *principal
}

// principal is who a token speaks for.
type principal struct {
	clientID string
	tenantID string
	roles    map[string]bool
	audience string
	from, to time.Time
}

// signingKey is shared by the simulators of a process, because making one costs more than starting all the rest. The key
// id is each one's own, so that none takes another's tokens.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newIssuer() (*issuer, error) {
	key, err := signingKey()
	if err != nil {
		return nil, err
	}
	var kid [20]byte
	if _, err := rand.Read(kid[:]); err != nil {
		return nil, err
	}
	return &issuer{key: key, kid: base64.RawURLEncoding.EncodeToString(kid[:])}, nil
}

// issue makes an access token. An application without granted permissions gets one without a roles claim.
func (i *issuer) issue(t *Tenant, a *app, audience, uti string, now time.Time) (string, error) {
	claims := jwt.MapClaims{
		"aud": audience, "iss": "https://sts.windows.net/" + t.id + "/", "iat": now.Unix(), "nbf": now.Unix(),
		"exp": now.Add(tokenLife).Unix(), "app_displayname": a.name, "appid": a.clientID, "appidacr": "1", "idtyp": "app",
		"idp": "https://sts.windows.net/" + t.id + "/", "oid": a.principalID, "sub": a.principalID, "tid": t.id, "uti": uti, "ver": "1.0",
	}
	if len(a.roles) > 0 {
		claims["roles"] = a.roles
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"], token.Header["x5t"] = i.kid, i.kid
	return token.SignedString(i.key)
}

// read checks a bearer token as Graph does and gives its principal or the 401.
func (i *issuer) read(authorization string, now time.Time) (*principal, *refusal) {
	raw, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		raw, ok = strings.CutPrefix(authorization, "bearer ")
	}
	if !ok || raw == "" {
		return nil, unauthorized("Access token is empty.")
	}
	var p *principal
	if known, ok := i.known.Load(raw); ok {
		p = known.(*principal)
	} else {
		claims := jwt.MapClaims{}
		parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
		if _, _, err := parser.ParseUnverified(raw, claims); err != nil {
			return nil, unauthorized("CompactToken parsing failed with error code: 80049217")
		}
		if _, err := parser.ParseWithClaims(raw, claims, i.verifier); err != nil {
			return nil, unauthorized("Access token validation failure.")
		}
		p = &principal{roles: map[string]bool{}}
		p.clientID, _ = claims["appid"].(string)
		p.tenantID, _ = claims["tid"].(string)
		p.audience, _ = claims["aud"].(string)
		if roles, ok := claims["roles"].([]any); ok {
			for _, r := range roles {
				if name, ok := r.(string); ok {
					p.roles[name] = true
				}
			}
		}
		if t, err := claims.GetNotBefore(); err == nil && t != nil {
			p.from = t.Time
		}
		if t, err := claims.GetExpirationTime(); err == nil && t != nil {
			p.to = t.Time
		}
		i.known.Store(raw, p)
	}
	switch {
	case p.audience != graphAudience:
		return p, unauthorized("Access token validation failure. Invalid audience.")
	case now.Before(p.from.Add(-5*time.Minute)) || !now.Before(p.to):
		return p, unauthorized("Lifetime validation failed, the token is expired.")
	}
	return p, nil
}

func (i *issuer) verifier(t *jwt.Token) (any, error) {
	if t.Header["kid"] != i.kid {
		return nil, jwt.ErrTokenUnverifiable
	}
	return &i.key.PublicKey, nil
}

// keys is the public half as a JSON web key.
func (i *issuer) keys() map[string]any {
	e := big.NewInt(int64(i.key.E)).Bytes()
	return map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.kid, "x5t": i.kid,
		"n": base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(e),
	}}}
}
