// Package ttl says how long a stored response counts as fresh for one asking
// client: what RFC 9111 gives it, as an ordered list of rules changes that. With no
// rules it changes nothing.
//
// A rule is a pure function. What no rule may do is held by the pipeline around
// them, so that a rule can be wrong about a number but never about a limit. Package
// cache asks on each look-up; docs/ttl-rules.md is for operators and for those who
// add a rule.
package ttl
