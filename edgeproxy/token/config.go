package token

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

const (
	// defaultLeeway is how far clocks may be apart where nothing else is said.
	defaultLeeway = 30 * time.Second
	// maxLeeway keeps a slip of the pen from making expiry meaningless.
	maxLeeway = 10 * time.Minute
)

// Config is what a Verifier is told. The comments name the flags, which errors
// name too.
type Config struct {
	// Mode is that of paths that no prefix covers; empty is off (--jwt).
	Mode string
	// Paths are PREFIX=MODE, of which the longest that covers a path counts
	// (--jwt-path).
	Paths []string
	// Issuer is what iss has to be; empty: anything (--jwt-issuer).
	Issuer string
	// Audiences are the names of which aud has to have one; none: anything
	// (--jwt-audience).
	Audiences []string
	// Algorithms are those that are accepted, by their names in RFC 7518 and 8037;
	// none: all that the sources of keys allow (--jwt-algorithm).
	Algorithms []string
	// Leeway is how far the clocks of issuer and edge may be apart, up to 10 minutes;
	// it counts for exp, nbf and iat (--jwt-leeway).
	Leeway time.Duration
	// Cookie is the name of a cookie that may bear the token; empty: none
	// (--jwt-cookie).
	Cookie string
	// JWKS is an http or https URL, or a file, with the issuer's public keys
	// (--jwt-jwks).
	JWKS string
	// SecretFile has the secret that the HMAC algorithms share with the issuer
	// (--jwt-secret-file).
	SecretFile string
}

// DefaultConfig verifies nothing, and has the default leeway.
func DefaultConfig() Config { return Config{Leeway: defaultLeeway} }

// Deps are what a Verifier takes from its process.
type Deps struct {
	// Logger is required.
	Logger *slog.Logger
	// Now is the clock that tokens are judged by; time.Now if nil.
	Now func() time.Time
}

// rules are a Config that has been checked, but for what opens files.
type rules struct {
	issuer     string
	audiences  []string
	leeway     int64 // seconds
	algorithms map[string]algorithm
	named      bool // the algorithms were
}

func (c Config) rules() (rules, error) {
	r := rules{issuer: c.Issuer, audiences: c.Audiences, leeway: int64(c.Leeway / time.Second), named: len(c.Algorithms) > 0}
	algorithms, err := c.algorithms()
	r.algorithms = algorithms
	errs := []error{err}
	if c.Leeway < 0 || c.Leeway > maxLeeway || c.Leeway%time.Second != 0 {
		errs = append(errs, fmt.Errorf("--jwt-leeway %s: want whole seconds, 0s to %s", c.Leeway, maxLeeway))
	}
	if c.Cookie != "" && !isFieldName(c.Cookie) {
		errs = append(errs, fmt.Errorf("--jwt-cookie %q: not a cookie's name", c.Cookie))
	}
	for _, audience := range c.Audiences {
		if audience == "" {
			errs = append(errs, errors.New("--jwt-audience is empty"))
		}
	}
	return r, errors.Join(errs...)
}

// isFieldName tells whether s is a token of RFC 9110, section 5.6.2.
func isFieldName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		alphanumeric := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}
