package token

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFileFollowsChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := write(t, "jwks", jwks(es256().jwk()))
		secretPath := write(t, "secret", sharedSecret)
		r := newRig(t, func(c *Config) { c.JWKS, c.SecretFile = path, secretPath })
		runVerifier(t, r.Verifier)
		synctest.Wait()
		put := func(path, text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(filePoll)
			synctest.Wait()
		}
		busy := es256().sign(claimsOf())
		r.want(t, busy, Passed)
		for _, text := range []string{"", "junk", jwks(), jwks(rsaJWK(1024, "AQAB")), jwks(rs256().jwk()) + strings.Repeat(" ", maxKeyData)} {
			put(path, text)
			r.want(t, busy, Passed)
		}
		put(path, jwks(rs256().jwk()))
		r.want(t, busy, UnknownKey)
		r.want(t, rs256().sign(claimsOf()), Passed)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(filePoll)
		synctest.Wait()
		r.want(t, rs256().sign(claimsOf()), Passed)
		put(path, everyKey())
		r.want(t, busy, Passed)

		r.want(t, hs256().sign(claimsOf()), Passed)
		put(secretPath, "short")
		r.want(t, hs256().sign(claimsOf()), Passed)
		put(secretPath, strings.ToUpper(sharedSecret))
		r.want(t, hs256().sign(claimsOf()), BadSignature)
	})
}

func TestRunRefusesBadFiles(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"not there":   t.TempDir() + "/none",
		"a directory": t.TempDir(),
		"a device":    os.DevNull,
		"junk":        write(t, "junk", "junk"),
		"weak":        write(t, "weak", jwks(rsaJWK(1024, "AQAB"))),
		"long":        write(t, "long", everyKey()+strings.Repeat(" ", maxKeyData)),
	} {
		v, err := New(Config{Mode: "optional", JWKS: path}, Deps{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--jwt-jwks "+path) || v.Ready() {
			t.Errorf("%s: Run: %v", name, err)
		} else if strings.HasPrefix(name, "a ") && !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s was read: %v", name, err)
		}
	}
}
