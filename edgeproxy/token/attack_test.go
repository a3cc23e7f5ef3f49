package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestRefused has each attack once for an edge with a JWKS, and once for one with a
// secret besides.
func TestRefused(t *testing.T) {
	t.Parallel()
	good := es256().sign(claimsOf())
	parts := strings.Split(good, ".")
	forge := signer{"HS256", "rsa", publicPEM(t, rs256())}
	stranger := signer{"ES256", "es256", newEC(elliptic.P256())}
	der, err := ecdsa.SignASN1(rand.Reader, es256().private.(*ecdsa.PrivateKey), func() []byte {
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		return sum[:]
	}())
	if err != nil {
		t.Fatal(err)
	}
	signed := parts[0] + "." + parts[1] + "."
	zeros := func(n int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, n)) }
	header := func(h string) string { return es256().signJWS(h, claimsOf()) }
	claims := func(members ...string) string { return es256().sign(claimsOf(members...)) }
	none := func(alg string) string { return part(fmt.Sprintf(`{"alg":%q}`, alg)) + "." + part(claimsOf()) + "." }
	for name, row := range map[string]struct {
		raw  string
		want Reason
	}{
		"none":                     {none("none"), BadAlgorithm},
		"None":                     {none("None"), BadAlgorithm},
		"NONE":                     {none("NONE"), BadAlgorithm},
		"nOnE with a signature":    {none("nOnE") + parts[2], BadAlgorithm},
		"none with a kid":          {part(`{"alg":"none","kid":"es256"}`) + "." + part(claimsOf()) + ".", BadAlgorithm},
		"alg in lower case":        {header(`{"alg":"es256","kid":"es256"}`), BadAlgorithm},
		"alg not there":            {header(`{"kid":"es256"}`), BadAlgorithm},
		"alg empty":                {header(`{"alg":"","kid":"es256"}`), BadAlgorithm},
		"alg no string":            {header(`{"alg":["ES256"],"kid":"es256"}`), Malformed},
		"alg null":                 {header(`{"alg":null,"kid":"es256"}`), Malformed},
		"alg in another case name": {header(`{"Alg":"ES256","kid":"es256"}`), BadAlgorithm},
		"alg twice":                {header(`{"alg":"none","alg":"ES256","kid":"es256"}`), Malformed},
		"alg twice by an escape":   {header(`{"alg":"none","\u0061lg":"ES256","kid":"es256"}`), Malformed},
		"ES256K":                   {header(`{"alg":"ES256K","kid":"es256"}`), BadAlgorithm},
		"alg of another key":       {header(`{"alg":"RS256","kid":"es256"}`), UnknownKey},
		"another curve":            {header(`{"alg":"ES384","kid":"es256"}`), UnknownKey},
		"another curve's kid":      {header(`{"alg":"ES256","kid":"es384"}`), UnknownKey},
		"kid in the file system":   {header(`{"alg":"ES256","kid":"../../../../dev/null"}`), UnknownKey},
		"kid a URL":                {header(`{"alg":"ES256","kid":"http://127.0.0.1:1/"}`), UnknownKey},
		"kid for SQL":              {header(`{"alg":"ES256","kid":"' OR 1=1 --"}`), UnknownKey},
		"kid no string":            {header(`{"alg":"ES256","kid":7}`), Malformed},
		"kid null":                 {header(`{"alg":"ES256","kid":null}`), Malformed},
		"kid empty":                {header(`{"alg":"ES256","kid":""}`), UnknownKey},
		"crit":                     {header(`{"alg":"ES256","kid":"es256","crit":["exp"]}`), BadHeader},
		"crit empty":               {header(`{"alg":"ES256","kid":"es256","crit":[]}`), BadHeader},
		"crit null":                {header(`{"alg":"ES256","kid":"es256","crit":null}`), BadHeader},
		"b64":                      {header(`{"alg":"ES256","kid":"es256","b64":false,"crit":["b64"]}`), BadHeader},
		"header no object":         {header(`["ES256"]`), Malformed},
		"header with a tail":       {header(`{"alg":"ES256","kid":"es256"}{}`), Malformed},
		"header invalid UTF-8":     {header("{\"alg\":\"ES256\",\"kid\":\"es256\",\"x\":\"\xff\"}"), Malformed},
		"DPoP proof":               {header(`{"alg":"ES256","kid":"es256","typ":"dpop+jwt"}`), BadHeader},
		"logout token":             {header(`{"alg":"ES256","kid":"es256","typ":"logout+jwt"}`), BadHeader},
		"typ no string":            {header(`{"alg":"ES256","kid":"es256","typ":{}}`), BadHeader},
		"nested":                   {es256().signJWS(`{"alg":"ES256","kid":"es256","cty":"JWT"}`, good), BadHeader},
		"nested, not said":         {es256().sign(good), Malformed},
		"JWE":                      {part(`{"alg":"dir","enc":"A256GCM"}`) + "..a.b.c", Malformed},
		"own jwk":                  {stranger.signJWS(`{"alg":"ES256","jwk":`+stranger.jwk()+`}`, claimsOf()), BadSignature},
		"own jwk and its kid":      {stranger.signJWS(`{"alg":"ES256","kid":"mine","jwk":`+stranger.jwk()+`}`, claimsOf()), UnknownKey},
		"own jku":                  {stranger.signJWS(`{"alg":"ES256","kid":"mine","jku":"http://127.0.0.1:1/"}`, claimsOf()), UnknownKey},
		"own x5c":                  {stranger.signJWS(`{"alg":"ES256","x5c":["MIIB"]}`, claimsOf()), BadSignature},
		"own x5u":                  {stranger.signJWS(`{"alg":"ES256","x5u":"http://127.0.0.1:1/"}`, claimsOf()), BadSignature},
		"another's key":            {stranger.sign(claimsOf()), BadSignature},
		"no signature":             {signed, BadSignature},
		"zero signature":           {signed + zeros(64), BadSignature},
		"zero signature, DER":      {signed + part("\x30\x06\x02\x01\x00\x02\x01\x00"), BadSignature},
		"signature in DER":         {signed + base64.RawURLEncoding.EncodeToString(der), BadSignature},
		"longer signature":         {signed + parts[2] + "AAAA", BadSignature},
		"another token's":          {signed + strings.Split(claims(`"sub":"u2"`), ".")[2], BadSignature},
		"Ed25519 zeros":            {part(`{"alg":"EdDSA","kid":"ed"}`) + "." + part(claimsOf()) + "." + zeros(64), BadSignature},
		"RSA zeros":                {part(`{"alg":"RS256","kid":"rsa"}`) + "." + part(claimsOf()) + "." + zeros(256), BadSignature},
		"RSA as PSS":               {rs256().signJWS(`{"alg":"PS256","kid":"rsa"}`, claimsOf()), BadSignature},
		"payload changed":          {parts[0] + "." + part(claimsOf(`"sub":"root"`)) + "." + parts[2], BadSignature},
		"loose bits":               {looseBits(good), Malformed},
		"padding":                  {good + "==", Malformed},
		"line end":                 {good[:20] + "\n" + good[20:], Malformed},
		"two parts":                {parts[0] + "." + parts[1], Malformed},
		"four parts":               {good + ".e30", Malformed},
		"JSON serialization":       {`{"payload":"` + parts[1] + `","signatures":[]}`, Malformed},
		"opaque":                   {"2YotnFZFEjr1zCsicMWpAA", Malformed},
		"two tokens":               {good + ", Bearer " + good, Malformed},
		"oversized":                {claims(`"x":"` + strings.Repeat("a", maxToken) + `"`), Oversized},
		"claims twice":             {es256().sign(`{"sub":"a",` + claimsOf()[1:]), Malformed},
		"exp twice":                {es256().sign(fmt.Sprintf(`{"exp":%d,`, start-600) + claimsOf()[1:]), Malformed},
		"claims twice by escape":   {es256().sign(`{"\u0073ub":"a",` + claimsOf()[1:]), Malformed},
		"claims no object":         {es256().sign(`"sub"`), Malformed},
		"claims empty":             {es256().sign(``), Malformed},
		"claims with a tail":       {es256().sign(claimsOf() + "x"), Malformed},
		"claims cut":               {es256().sign(claimsOf()[:40]), Malformed},
		"claims deep":              {claims(`"x":` + strings.Repeat("[", 10100)), Malformed},
		"claims invalid UTF-8":     {claims("\"sub\":\"a\xc0\xafb\""), Malformed},
		"claims half a surrogate":  {claims(`"sub":"a\ud800"`), Malformed},
		"sub no string":            {claims(`"sub":["u1"]`), Malformed},
		"jti no string":            {claims(`"jti":1`), Malformed},
		"exp not there":            {claims(`"exp":`), NoExpiry},
		"exp a string":             {claims(fmt.Sprintf(`"exp":"%d"`, start+600)), Malformed},
		"exp null":                 {claims(`"exp":null`), Malformed},
		"exp negative":             {claims(`"exp":-1`), Malformed},
		"exp huge":                 {claims(`"exp":1e400`), Malformed},
		"exp in milliseconds":      {claims(fmt.Sprintf(`"exp":%d000`, start+600)), Malformed},
		"exp zero":                 {claims(`"exp":0`), ExpiredToken},
		"exp at the leeway":        {claims(fmt.Sprintf(`"exp":%d`, start-30)), ExpiredToken},
		"exp with a fraction":      {claims(fmt.Sprintf(`"exp":%d.9`, start-30)), ExpiredToken},
		"nbf in the future":        {claims(fmt.Sprintf(`"nbf":%d`, start+31)), NotYetValid},
		"nbf with a fraction":      {claims(fmt.Sprintf(`"nbf":%d.1`, start+30)), NotYetValid},
		"nbf a string":             {claims(`"nbf":"0"`), Malformed},
		"iat in the future":        {claims(fmt.Sprintf(`"iat":%d`, start+31)), NotYetValid},
		"iat an object":            {claims(`"iat":{}`), Malformed},
		"another issuer":           {claims(`"iss":"https://id.example/"`), BadIssuer},
		"no issuer":                {claims(`"iss":`), BadIssuer},
		"iss an array":             {claims(`"iss":["https://id.example"]`), Malformed},
		"another audience":         {claims(`"aud":"edges"`), BadAudience},
		"other audiences":          {claims(`"aud":["a","b"]`), BadAudience},
		"no audience":              {claims(`"aud":`), BadAudience},
		"audiences empty":          {claims(`"aud":[]`), BadAudience},
		"aud null":                 {claims(`"aud":null`), Malformed},
		"aud mixed":                {claims(`"aud":["edge",1]`), Malformed},
		"expired and another's":    {stranger.sign(claimsOf(`"exp":5`)), BadSignature},
		"expired, another issuer":  {claims(`"exp":5`, `"iss":"x"`), BadIssuer},
		"HMAC by the PEM":          {forge.sign(claimsOf()), BadAlgorithm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newRig(t, nil).want(t, row.raw, row.want)
			both := newRig(t, func(c *Config) { c.SecretFile = write(t, "secret", sharedSecret) })
			if row.raw == forge.sign(claimsOf()) {
				row.want = BadSignature
			}
			verdict := both.ask(t, row.raw)
			if verdict.Reason != row.want || verdict.Claims != nil || verdict.Subject != "" {
				t.Errorf("with a secret: %+v, want %s", verdict, row.want)
			}
		})
	}
}

// looseBits changes what base64 does not decode.
func looseBits(raw string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(raw) - 1
	return raw[:last] + string(alphabet[strings.IndexByte(alphabet, raw[last])+1])
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	rig := newRig(t, func(c *Config) { c.SecretFile = write(t, "secret", sharedSecret+"\r\n") })
	claims := func(members ...string) string { return es256().sign(claimsOf(members...)) }
	for name, raw := range map[string]string{
		"ES256":              es256().sign(claimsOf()),
		"ES384":              es384().sign(claimsOf()),
		"ES512":              es512().sign(claimsOf()),
		"RS256":              rs256().sign(claimsOf()),
		"PS512":              signer{"PS512", "rsa", rs256().private}.sign(claimsOf()),
		"EdDSA":              eddsa().sign(claimsOf()),
		"HS256":              hs256().sign(claimsOf()),
		"HS512 with a kid":   signer{"HS512", "any", []byte(sharedSecret)}.sign(claimsOf()),
		"no kid":             es256().signJWS(`{"alg":"ES256"}`, claimsOf()),
		"access token":       es256().signJWS(`{"alg":"ES256","typ":"application/AT+jwt"}`, claimsOf()),
		"jwk not looked at":  es256().signJWS(`{"alg":"ES256","jwk":5,"x5c":["!"],"jku":"file:///"}`, claimsOf()),
		"aud an array":       claims(`"aud":["x","other"]`),
		"exp just within":    claims(fmt.Sprintf(`"exp":%d`, start-29)),
		"exp a float":        claims(fmt.Sprintf(`"exp":%d.5e0`, start+5)),
		"nbf just within":    claims(fmt.Sprintf(`"nbf":%d`, start+30)),
		"iat just within":    claims(fmt.Sprintf(`"iat":%d`, start+30)),
		"without iat":        claims(`"iat":`),
		"without sub":        claims(`"sub":`),
		"spaces in the JSON": es256().sign(" " + claimsOf() + "\n"),
		"unknown claims":     claims(`"Sub":"x"`, `"scope":{"a":1,"a":2}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig.want(t, raw, Passed)
		})
	}
}
