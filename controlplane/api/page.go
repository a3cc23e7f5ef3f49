package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/ringcast/ringcast/controlplane"
)

// A page token is the base64url of a version byte, the last entity of the page
// and a code over both. The entity says which list the token is of. The code is
// keyed with the log's epoch: it is there to tell a made-up token, one of
// another log and a garbled one, and outlives restarts. It hides nothing, for
// there is nothing to hide: whoever has a token could list what it names.
const (
	pageVersion   = 1
	pageCodeBytes = 12
)

// pageTokens makes and reads the tokens of one list of one log.
type pageTokens struct {
	epoch, prefix string
}

func (p pageTokens) format(entity string) string {
	content := append([]byte{pageVersion}, entity...)
	return base64.RawURLEncoding.EncodeToString(append(content, p.code(content)...))
}

// parse returns the entity after which the page begins; the empty token is that
// of the first page.
func (p pageTokens) parse(token string) (after string, err error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= 1+pageCodeBytes || raw[0] != pageVersion {
		return "", errPageToken()
	}
	content, code := raw[:len(raw)-pageCodeBytes], raw[len(raw)-pageCodeBytes:]
	after = string(content[1:])
	if !hmac.Equal(code, p.code(content)) || !strings.HasPrefix(after, p.prefix) {
		return "", errPageToken()
	}
	return after, nil
}

func (p pageTokens) code(content []byte) []byte {
	mac := hmac.New(sha256.New, []byte("ringcast page "+p.epoch))
	mac.Write(content)
	return mac.Sum(nil)[:pageCodeBytes]
}

func errPageToken() error {
	return controlplane.Errorf(controlplane.Invalid, controlplane.ReasonInvalidPageToken,
		"page_token is not one that this list gave; begin again without it")
}
