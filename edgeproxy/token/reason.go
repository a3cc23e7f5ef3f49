package token

// Failure is why a request is refused, in the terms of its answer.
type Failure int

// The failures. All but KeysUnavailable are answered with 401.
const (
	// None: the request is not refused.
	None Failure = iota
	// Missing: there is no token where one is required.
	Missing
	// Invalid: the token is not one that is accepted.
	Invalid
	// Expired: the token was good until its exp.
	Expired
	// KeysUnavailable: the key that the token needs could not be had so far. It is
	// no fault of the client's: the answer is 503 with RetryAfter.
	KeysUnavailable
)

// RetryAfter is how many seconds a client should wait after KeysUnavailable.
const RetryAfter = 5

// String gives the error code of the answer, empty for None.
func (f Failure) String() string {
	switch f {
	case Missing:
		return "token_missing"
	case Invalid:
		return "token_invalid"
	case Expired:
		return "token_expired"
	case KeysUnavailable:
		return "keys_unavailable"
	case None:
	}
	return ""
}

// Challenge gives the WWW-Authenticate of the answer (RFC 6750, section 3), which
// has nothing of the token in it, and is empty where there is none.
func (f Failure) Challenge() string {
	switch f {
	case Missing: // without credentials there is no error to speak of
		return "Bearer"
	case Invalid:
		return `Bearer error="invalid_token", error_description="The token is not valid"`
	case Expired:
		return `Bearer error="invalid_token", error_description="The token has expired"`
	case None, KeysUnavailable:
	}
	return ""
}

// Reason is which check a token did not pass. It is finer than what the client is
// told, has nothing of the token in it, and may be a metric's label.
type Reason int

// The reasons, in the order of the checks.
const (
	// Passed is no reason: the request is not refused.
	Passed Reason = iota
	// NoToken is where one is required.
	NoToken
	// Ambiguous is more than one credential.
	Ambiguous
	// Oversized is a token of more than 16 KiB.
	Oversized
	// Malformed is what is no JWS in compact form with a JSON object of claims.
	Malformed
	// BadHeader is crit, or a token that is nested or of another kind.
	BadHeader
	// BadAlgorithm is one that is not in the list.
	BadAlgorithm
	// UnknownKey is where no key has the kid, or too many could be meant.
	UnknownKey
	// NoKeys is where the key could not be looked for.
	NoKeys
	// BadSignature is one that none of the keys has made.
	BadSignature
	// BadIssuer and BadAudience are an iss or aud that is not this edge's.
	BadIssuer
	BadAudience
	// NoExpiry is a token without exp.
	NoExpiry
	// NotYetValid is nbf or iat in the future.
	NotYetValid
	// ExpiredToken is exp in the past.
	ExpiredToken

	reasons = iota
)

// String gives the reason in lower-case words joined by underscores.
func (r Reason) String() string {
	names := [reasons]string{
		"passed", "no_token", "ambiguous", "oversized", "malformed", "header", "algorithm", "unknown_key", "no_keys",
		"signature", "issuer", "audience", "no_expiry", "not_yet_valid", "expired",
	}
	return names[r]
}

// Failure gives what the reason is to the client.
func (r Reason) Failure() Failure {
	switch r {
	case Passed:
		return None
	case NoToken:
		return Missing
	case ExpiredToken:
		return Expired
	case NoKeys:
		return KeysUnavailable
	default:
		return Invalid
	}
}
