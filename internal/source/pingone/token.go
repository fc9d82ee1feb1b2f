package pingone

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/entraflow/entraflow/internal/fault"
	"github.com/entraflow/entraflow/internal/source"
)

// accessToken signs the worker application in, unless the last token is still good. The secret is read anew for each token.
//
// Errors: SourceSecretUnreadable, SourceLoginRefused (Denied), SourcePlaceUnknown (Invalid), SourceUnavailable, SourceThrottled (Transient).
func (c *client) accessToken(ctx context.Context) (string, error) {
	c.mu.Lock()
	token, expires := c.token, c.expires
	c.mu.Unlock()
	if token != "" && c.env.Now().Before(expires) {
		return token, nil
	}
	secret, err := c.env.Secrets.Read(ctx, c.ClientSecret, fault.SourceSecretUnreadable)
	if err != nil {
		return "", err
	}
	body := url.Values{"grant_type": {"client_credentials"}}.Encode()
	asked := c.env.Now()
	r, err := c.send(ctx, http.MethodPost, c.auth+"/"+url.PathEscape(c.EnvironmentID)+"/as/token", strings.NewReader(body), func(h http.Header) {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		h.Set("Authorization", basic(c.ClientID, secret))
	})
	if err != nil {
		return "", err
	}
	if err := c.judgeSignIn(r); err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if json.Unmarshal(r.body, &answer) != nil || answer.AccessToken == "" {
		return "", fault.Wrap(op, fault.Transient, fault.SourceUnavailable, c.place(), source.Hint("the answer to the sign-in has no token"))
	}
	lives := time.Duration(answer.ExpiresIn) * time.Second
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.expires = answer.AccessToken, asked.Add(lives-min(early, lives/2))
	return c.token, nil
}

// basic is the header of HTTP's basic authentication, with id and secret form-encoded as OAuth 2.0 demands (RFC 6749, 2.3.1).
func basic(id, secret string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r.Header.Get("Authorization")
}

func (c *client) judgeSignIn(r *reply) error {
	switch r.status {
	case http.StatusOK:
		return nil
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return fault.Wrap(op, fault.Denied, fault.SourceLoginRefused, c.place(), fmt.Errorf("PingOne answered the sign-in with %d", r.status))
	case http.StatusNotFound:
		return fault.Wrap(op, fault.Invalid, fault.SourcePlaceUnknown, c.place(), source.Hint("there is no such environment in region "+c.Region))
	}
	if err := c.judge(r); err != errNotFound && err != nil {
		return err
	}
	return fault.New(op, fault.Transient, fault.SourceUnavailable, c.place())
}

// forget drops a token that was not taken.
func (c *client) forget(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == token {
		c.token = ""
	}
}
