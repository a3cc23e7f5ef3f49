package token

import "fmt"

// Mode says what is asked of a request's token. A greater mode is a stricter one.
type Mode int

// The modes, in the order of their strictness.
const (
	// Off verifies nothing; revocations by unverified claims still count.
	Off Mode = iota
	// Optional lets requests without a token pass, and refuses bad tokens.
	Optional
	// Required refuses requests without a good token.
	Required
)

// ParseMode reads off, optional or required.
func ParseMode(text string) (Mode, error) {
	for mode := Off; mode <= Required; mode++ {
		if text == mode.String() {
			return mode, nil
		}
	}
	return Off, fmt.Errorf("%q: want off, optional or required", text)
}

// String gives the mode as the flags have it.
func (m Mode) String() string {
	switch m {
	case Off:
		return "off"
	case Optional:
		return "optional"
	case Required:
		return "required"
	}
	return fmt.Sprintf("mode %d", int(m))
}
