package upstream_test

import "slices"

// Outcomes as Cache-Status tells them.
const (
	miss      = "fwd=uri-miss; fwd-status=200; stored"
	passed    = "fwd=uri-miss; fwd-status=200"
	renewed   = "fwd=stale; fwd-status=200; stored"
	confirmed = "fwd=stale; fwd-status=304; stored"
	asIsAsked = "fwd=request; fwd-status=200; stored"
)

// rule is a conversation about one URL that shows one rule.
type rule struct {
	name  string // the section first
	steps []step
}

// step is one request, what the origin says meanwhile, and what comes of it.
// Fields are given as "Name: value" each. A date is written as {+10}, {rfc850+10} or
// {asctime+10}: in so many seconds from the beginning of the conversation.
type step struct {
	after  int // seconds from the step before
	method string
	fields []string
	says   []says // by the origin, in turn; it must not be asked more often
	// answer is the status code and the body, cache the outcome, header what the
	// answer has ("Name: value", all lines of it) and has not ("!Name").
	answer, cache string
	header        []string
	// refreshes: the edge makes a request after its answer; stores: it stores the
	// rest of one after it.
	refreshes, stores bool
}

// says is an answer of the origin.
type says struct {
	answer string
	fields []string
	takes  int      // seconds
	sees   []string // what the request has and has not, as in step.header
}

// ask is a GET.
func ask(fields ...string) step { return step{method: "GET", fields: fields} }

// at lets time pass before the request.
func at(seconds int, fields ...string) step {
	return step{method: "GET", fields: fields, after: seconds}
}

func (s step) by(method string) step {
	s.method = method
	return s
}

func (s step) origin(answer string, fields ...string) step {
	s.says = append(slices.Clone(s.says), says{answer: answer, fields: fields})
	return s
}

// seeing says what the origin must have been asked.
func (s step) seeing(fields ...string) step {
	s.says[len(s.says)-1].sees = fields
	return s
}

func (s step) taking(seconds int) step {
	s.says[len(s.says)-1].takes = seconds
	return s
}

func (s step) gives(answer, cache string, header ...string) step {
	s.answer, s.cache, s.header = answer, cache, header
	return s
}

// refreshing waits for the request that the edge makes after its answer.
func (s step) refreshing() step {
	s.refreshes = true
	return s
}

// storing waits for what the client did not.
func (s step) storing() step {
	s.stores = true
	return s
}

func talk(steps ...step) []step { return steps }
