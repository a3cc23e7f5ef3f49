package eventlog

import "time"

// AuditPageBytes bounds the details of a page of the audit, and so what a page
// takes in memory and in an answer. One record alone may have more.
const AuditPageBytes = 1 << 20

// AuditRecord is a Request whose unit is durable. It was written in the unit's own
// transaction, so that the audit has exactly what the log accepted.
type AuditRecord struct {
	// ID tells records of one second apart: those written later have a higher one.
	ID uint64
	// Position is that of the unit, as in the Receipt.
	Position uint64
	// Time is when the unit was accepted, to the second.
	Time time.Time
	// The rest is the Request's.
	Principal string
	Address   string
	RPC       string
	RequestID string
	Detail    string
}

// AuditCursor is a place in the audit: that of a record. The zero value is the
// place before the latest.
type AuditCursor struct {
	// Time is in Unix seconds.
	Time int64
	ID   uint64
}

// Place is where the record stands.
func (r AuditRecord) Place() AuditCursor { return AuditCursor{r.Time.Unix(), r.ID} }

// AuditQuery asks for records that meet all of its conditions; one that is zero is
// met by all.
type AuditQuery struct {
	Principal string
	Address   string
	RPC       string
	RequestID string
	// Contains is a part of the Detail.
	Contains string
	// Since and Until bound the time, in whole seconds: Since is within, Until is
	// not.
	Since, Until time.Time
	// After is where the page before ended.
	After AuditCursor
	// Limit is the most records of the page, at least 1.
	Limit int
}

// AuditPage is a part of the audit.
type AuditPage struct {
	// Records are in order, the latest first: by time, and within a second by ID.
	Records []AuditRecord
	// Next is where the following page begins; zero: this is the last. A page that
	// is not the last may have fewer records than the limit, or none, where they are
	// large or many were looked at in vain: no page costs a walk through the whole
	// audit.
	Next AuditCursor
}
