package token

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// minSecret is the length in bytes of a secret below which it can be guessed from a
// token (RFC 7518, section 3.2).
const minSecret = 32

// parseSecret takes the bytes of a file, without the line end that editors put
// there. It refuses what is a key of another kind: with a public key as the
// secret, anybody could sign.
func parseSecret(data []byte) ([]key, []error, error) {
	if line, ended := bytes.CutSuffix(data, []byte("\n")); ended {
		data = bytes.TrimSuffix(line, []byte("\r"))
	}
	if len(data) < minSecret {
		return nil, nil, fmt.Errorf("the secret has %d bytes: want at least %d", len(data), minSecret)
	}
	if isOtherKey(data) {
		return nil, nil, errors.New("this is a key or certificate, and no secret of HMAC")
	}
	return []key{{material: secret(data)}}, nil, nil
}

// parseSecret also wants the secret to be long enough for each algorithm that was
// named; without names, those that it is too short for are not accepted.
func (r *rules) parseSecret(data []byte) ([]key, []error, error) {
	keys, unfit, err := parseSecret(data)
	if err != nil || !r.named {
		return keys, unfit, err
	}
	for name, a := range r.algorithms {
		if a.hmac && !a.fits(keys[0].material) {
			return nil, nil, fmt.Errorf("the secret is too short for %s, whose hash is longer", name)
		}
	}
	return keys, unfit, nil
}

func isOtherKey(data []byte) bool {
	if block, _ := pem.Decode(data); block != nil || bytes.HasPrefix(data, []byte("ssh-")) {
		return true
	}
	if members, ok := object(data); ok && (members["kty"] != nil || members["keys"] != nil) {
		return true
	}
	if _, err := x509.ParsePKIXPublicKey(data); err == nil {
		return true
	}
	_, err := x509.ParsePKCS1PublicKey(data)
	return err == nil
}
