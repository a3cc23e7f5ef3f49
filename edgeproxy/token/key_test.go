package token

import (
	"crypto"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

func publicDER(t *testing.T, s signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.private.(crypto.Signer).Public())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func publicPEM(t *testing.T, s signer) []byte {
	t.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER(t, s)})
}

// rsaJWK has a modulus of so many bits, which nobody has to be able to factor.
func rsaJWK(bits int, exponent string) string {
	modulus := make([]byte, bits/8)
	modulus[0], modulus[len(modulus)-1] = 0x80, 1
	return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q}`, base64.RawURLEncoding.EncodeToString(modulus), exponent)
}

func TestParseJWKSLeavesOut(t *testing.T) {
	t.Parallel()
	parsed, err := jwk.Import(eddsa().private)
	if err != nil {
		t.Fatal(err)
	}
	private, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	good := es256().jwk()
	for name, row := range map[string]struct{ jwk, says string }{
		"short RSA":          {rsaJWK(1024, "AQAB"), "1024"},
		"RSA just too short": {rsaJWK(2040, "AQAB"), "2040"},
		"long RSA":           {rsaJWK(16384, "AQAB"), "16384"},
		"exponent 1":         {rsaJWK(2048, "AQ"), "exponent"},
		"exponent even":      {rsaJWK(2048, "Ag"), "exponent"},
		"for encryption":     {es256().jwk(`"use":"enc"`), "use"},
		"for signing only":   {es256().jwk(`"key_ops":["sign"]`), "key_ops"},
		"symmetric":          {`{"kty":"oct","k":"` + part(sharedSecret) + `"}`, "--jwt-secret-file"},
		"private":            {string(private), "private"},
		"not on the curve": {`{"kty":"EC","crv":"P-256","x":"` + part(strings.Repeat("a", 32)) + `","y":"` +
			part(strings.Repeat("b", 32)) + `"}`, "curve"},
		"secp256k1":     {`{"kty":"EC","crv":"secp256k1","x":"` + part(strings.Repeat("a", 32)) + `","y":"` + part(strings.Repeat("b", 32)) + `"}`, "key 2"},
		"X25519":        {`{"kty":"OKP","crv":"X25519","x":"` + part(strings.Repeat("a", 32)) + `"}`, "key 2"},
		"short Ed25519": {`{"kty":"OKP","crv":"Ed25519","x":"YQ"}`, "key 2"},
		"unknown kty":   {`{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}`, "key 2"},
		"no kty":        {`{}`, "key 2"},
		"no object":     {`"x"`, "key 2"},
		"members twice": {`{"kty":"RSA",` + es256().jwk()[1:], "repeated"},
		"kid no string": {strings.Replace(good, `"kid":"es256"`, `"kid":5`, 1), "key 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, unfit, err := parseJWKS([]byte(jwks(good, row.jwk, rs256().jwk())))
			if err != nil || len(keys) != 2 || len(unfit) != 1 || !strings.Contains(unfit[0].Error(), row.says) {
				t.Errorf("%d keys, left out %v, error %v; want a word of %q", len(keys), unfit, err, row.says)
			}
			if _, _, err := parseJWKS([]byte(jwks(row.jwk))); err == nil || !strings.Contains(err.Error(), strings.Replace(row.says, "key 2", "key 1", 1)) {
				t.Errorf("alone: %v", err)
			}
		})
	}
}

func TestParseJWKSJunk(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "null", "{}", "[]", `{"keys":{}}`, `{"keys":[]}`, `{"keys":null}`, `{"Keys":[` + es256().jwk() + `]}`, "<html></html>",
		jwks(es256().jwk()) + "x", jwks(es256().jwk())[:100], `{"keys":[],"keys":[` + es256().jwk() + `]}`,
		jwks(strings.Repeat(es256().jwk()+",", maxKeys) + es256().jwk()),
	} {
		if keys, _, err := parseJWKS([]byte(text)); err == nil {
			t.Errorf("%.40q has keys: %v", text, keys)
		}
	}
	if keys, _, err := parseJWKS([]byte(es256().jwk())); err != nil || len(keys) != 1 {
		t.Errorf("a single key: %v, %v", keys, err)
	}
}

func TestKeyIsFoundBy(t *testing.T) {
	t.Parallel()
	a, b := signer{"ES256", "a", newEC(elliptic.P256())}, es256()
	b.kid = "b"
	nameless := signer{"ES256", "", es256().private}
	for name, row := range map[string]struct {
		set  string
		raw  string
		want Reason
	}{
		"kid":                            {jwks(a.jwk(), b.jwk()), b.sign(claimsOf()), Passed},
		"another kid":                    {jwks(a.jwk(), b.jwk()), b.signJWS(a.header(), claimsOf()), BadSignature},
		"a kid of two keys":              {jwks(signer{"ES256", "b", a.private}.jwk(), b.jwk()), b.sign(claimsOf()), Passed},
		"any without a kid":              {jwks(a.jwk(), b.jwk()), nameless.sign(claimsOf()), Passed},
		"a kid, but not the key's":       {jwks(nameless.jwk()), b.sign(claimsOf()), Passed},
		"the key's alg":                  {jwks(b.jwk(`"alg":"ES256"`)), b.sign(claimsOf()), Passed},
		"not the key's alg":              {jwks(rs256().jwk(`"alg":"PS256"`)), rs256().sign(claimsOf()), UnknownKey},
		"one of many without a kid":      {jwks(a.jwk(), a.jwk(), a.jwk(), a.jwk(), b.jwk()), nameless.sign(claimsOf()), UnknownKey},
		"one of many others, by its kid": {jwks(a.jwk(), a.jwk(), a.jwk(), a.jwk(), b.jwk()), b.sign(claimsOf()), Passed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newRig(t, func(c *Config) { c.JWKS = write(t, "jwks", row.set) }).want(t, row.raw, row.want)
		})
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		want string // the secret; empty: refused
	}{
		"as it is":       {sharedSecret, sharedSecret},
		"a line":         {sharedSecret + "\n", sharedSecret},
		"a Windows line": {sharedSecret + "\r\n", sharedSecret},
		"two line ends":  {sharedSecret + "\n\n", sharedSecret + "\n"},
		"a bare return":  {sharedSecret + "\r", sharedSecret + "\r"},
		"spaces":         {" " + sharedSecret + " \n", " " + sharedSecret + " "},
		"binary":         {strings.Repeat("\x00\xff", 16), strings.Repeat("\x00\xff", 16)},
		"empty":          {"", ""},
		"short":          {sharedSecret[:31] + "\n", ""},
		"a PEM key":      {string(publicPEM(t, rs256())), ""},
		"a DER key":      {string(publicDER(t, rs256())), ""},
		"a JWK":          {es256().jwk(), ""},
		"a JWK set":      {everyKey(), ""},
		"an SSH key":     {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", ""},
	} {
		keys, _, err := parseSecret([]byte(row.text))
		switch {
		case row.want == "" && err == nil:
			t.Errorf("%s was taken", name)
		case row.want != "" && (err != nil || string(keys[0].material.(secret)) != row.want):
			t.Errorf("%s: %q, %v", name, keys, err)
		}
	}
}

func TestSecretLength(t *testing.T) {
	t.Parallel()
	short := func(c *Config) { c.JWKS, c.SecretFile = "", write(t, "secret", sharedSecret[:40]) }
	r := newRig(t, short)
	for alg, want := range map[string]Reason{"HS256": Passed, "HS384": UnknownKey, "HS512": UnknownKey} {
		r.want(t, signer{alg, "", []byte(sharedSecret[:40])}.sign(claimsOf()), want)
	}
	config := Config{Mode: "required", Algorithms: []string{"HS256", "HS512"}}
	short(&config)
	v, err := New(config, Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "HS512") {
		t.Errorf("Run with a secret too short for HS512: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		edit func(*Config)
		says string
	}{
		"mode":                  {func(c *Config) { c.Mode = "on" }, "--jwt "},
		"path":                  {func(c *Config) { c.Paths = []string{"a"} }, "--jwt-path"},
		"no keys":               {func(c *Config) { c.JWKS = "" }, "--jwt-jwks or --jwt-secret-file"},
		"no keys for a path":    {func(c *Config) { c.Mode, c.JWKS, c.Paths = "off", "", []string{"/a=optional"} }, "needs keys"},
		"none":                  {func(c *Config) { c.Algorithms = []string{"none"} }, "--jwt-algorithm"},
		"unknown algorithm":     {func(c *Config) { c.Algorithms = []string{"es256"} }, "--jwt-algorithm"},
		"ES256K":                {func(c *Config) { c.Algorithms = []string{"ES256K"} }, "--jwt-algorithm"},
		"HMAC without a secret": {func(c *Config) { c.Algorithms = []string{"HS256"} }, "--jwt-secret-file"},
		"no JWKS":               {func(c *Config) { c.JWKS, c.SecretFile, c.Algorithms = "", "s", []string{"HS256", "ES256"} }, "--jwt-jwks"},
		"JWKS for nothing":      {func(c *Config) { c.SecretFile, c.Algorithms = "s", []string{"HS256"} }, "--jwt-jwks"},
		"secret for nothing":    {func(c *Config) { c.SecretFile, c.Algorithms = "s", []string{"ES256"} }, "--jwt-secret-file"},
		"scheme":                {func(c *Config) { c.JWKS = "file:///etc/passwd" }, "--jwt-jwks"},
		"no host":               {func(c *Config) { c.JWKS = "https:///jwks" }, "--jwt-jwks"},
		"leeway":                {func(c *Config) { c.Leeway = -time.Second }, "--jwt-leeway"},
		"long leeway":           {func(c *Config) { c.Leeway = time.Hour }, "--jwt-leeway"},
		"fine leeway":           {func(c *Config) { c.Leeway = time.Millisecond }, "--jwt-leeway"},
		"audience":              {func(c *Config) { c.Audiences = []string{""} }, "--jwt-audience"},
		"cookie":                {func(c *Config) { c.Cookie = "a b" }, "--jwt-cookie"},
	} {
		config := Config{Mode: "required", JWKS: "https://id.example/jwks"}
		row.edit(&config)
		if _, err := New(config, Deps{Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: error %v, want a word of %q", name, err, row.says)
		}
	}
	if v, err := New(Config{}, Deps{}); err != nil || !v.Ready() {
		t.Errorf("nothing configured: %v", err)
	}
}

func TestAlgorithmList(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Algorithms = []string{"ES256", "PS256"} })
	r.want(t, es256().sign(claimsOf()), Passed)
	r.want(t, signer{"PS256", "rsa", rs256().private}.sign(claimsOf()), Passed)
	r.want(t, rs256().sign(claimsOf()), BadAlgorithm)
	r.want(t, eddsa().sign(claimsOf()), BadAlgorithm)
}
