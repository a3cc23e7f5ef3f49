// Package edgeproxy holds the types that the parts of an edge share. It does no
// I/O; the packages below it follow the stream, keep the state, decide who may
// pass, cache and proxy, and package server wires them.
package edgeproxy

// Unit is what the control plane appended at once, decoded. An edge puts it in
// force whole.
type Unit struct {
	// Position is the edge's position once the unit is in force.
	Position uint64
	// Events are pointers to the event types of package wire, in order. Events of
	// a type that this version does not know are not among them.
	Events []any
}
