package ecr

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tokenLife is how long docker stays logged in, as on AWS.
const tokenLife = 12 * time.Hour

// user is the name that docker logs in with.
const user = "AWS"

func (s *Service) getAuthorizationToken(context.Context, *GetAuthorizationTokenInput) (*GetAuthorizationTokenOutput, error) {
	expires := time.Now().Add(tokenLife).Truncate(time.Second)
	login := user + ":" + s.password(strconv.FormatInt(expires.Unix(), 10))
	return &GetAuthorizationTokenOutput{AuthorizationData: []AuthorizationData{{
		AuthorizationToken: new(base64.StdEncoding.EncodeToString([]byte(login))),
		ExpiresAt:          &expires, ProxyEndpoint: &s.config.Endpoint,
	}}}, nil
}

// password is the one that holds until a time, in Unix seconds: the time itself
// and what only the holder of the engine's keys can make of it.
func (s *Service) password(expires string) string {
	secret := ""
	if s.config.Keys != nil {
		secret = s.config.Keys.SecretAccessKey
	}
	mac := hmac.New(sha256.New, []byte("ecr "+secret))
	mac.Write([]byte(expires)) // never fails
	return expires + "." + hex.EncodeToString(mac.Sum(nil))
}

// authorized reports whether a request to the registry may pass.
func (s *Service) authorized(r *http.Request) bool {
	if s.config.Keys == nil {
		return true
	}
	name, password, ok := r.BasicAuth()
	expires, _, _ := strings.Cut(password, ".")
	if !ok || name != user || !hmac.Equal([]byte(password), []byte(s.password(expires))) {
		return false
	}
	until, err := strconv.ParseInt(expires, 10, 64)
	return err == nil && time.Now().Unix() < until
}
