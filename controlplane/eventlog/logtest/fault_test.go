package logtest

// fault is a way in which a memLog is broken.
type fault string

const none fault = ""

// Faults of the order and of units.
const (
	newEpochOnOpen         fault = "gives a log a new epoch when it is opened again"
	derivesPosition        fault = "derives the position from the events that are left"
	skipsPositions         fault = "leaves gaps within a unit"
	takesLargeUnits        fault = "takes units that are too large"
	takesEvents            fault = "writes positions into the decision's slice"
	appendsAfterClose      fault = "appends after it was closed"
	cutsUnits              fault = "cuts a unit at the end of a page"
	readsLargePages        fault = "gives any number of large events at once"
	losesUnitEnds          fault = "leaves out the rest of a unit at the end of a page"
	readsHeadAside         fault = "reads the head in another transaction than the page"
	skipsToHead            fault = "says that each page is the last"
	readsBeyondHead        fault = "reads from nothing when asked beyond the head"
	commitsEachEvent       fault = "tells of each event by itself"
	commitsTwice           fault = "tells of a unit twice"
	commitsLate            fault = "tells of a unit after Append has returned"
	repeatsCommittedOnOpen fault = "tells of all units again when it is opened again"
)

// Faults of requests and decisions.
const (
	forgetsRequestsOnOpen fault = "forgets requests when it is opened again"
	forgetsRequestsEarly  fault = "forgets requests at any compaction"
	remembersForEver      fault = "never forgets a request"
	remembersRefusals     fault = "remembers refused requests"
	ignoresDigests        fault = "takes another request with the same id for a repeat"
	appendsRepeats        fault = "appends again for a repeat"
	answersRepeatsAnew    fault = "answers a repeat with the head"
	answersMixedAnew      fault = "answers a repeat beside a new request as new"
	hidesRepeats          fault = "does not tell decisions of repeats"
	tellsOtherRepeats     fault = "tells decisions that another request is the repeat"
	namesNoReused         fault = "does not say which request's id was reused"
	namesFirstReused      fault = "names the first of several reused ids alone"
	sharesRequestIDs      fault = "shares request ids between principals"
	recallsAside          fault = "looks for a repeat in another transaction"
	decidesAside          fault = "decides without keeping others from appending"
	decidesOnLiveOnly     fault = "hides what is not live from decisions"
	dropsFractions        fault = "hides fractions of a second from decisions"
	wrapsRefusals         fault = "wraps refusals"
)

// Faults of the compaction.
const (
	keepsSuperseded          fault = "keeps superseded events"
	dropsAtFirstSuccessor    fault = "drops an event of two entities at the first successor"
	supersedingRaisesHorizon fault = "raises the horizon when an event is superseded"
	skipsHorizon             fault = "does not raise the horizon"
	skipsHorizonOfEnded      fault = "does not raise the horizon for what has ended"
	lowersHorizon            fault = "lowers the horizon to an earlier event that is due later"
	skipsMomentHorizon       fault = "does not raise the moment horizon"
	raisesHorizonAfter       fault = "raises the horizons in another transaction"
	raisesHorizonToHead      fault = "raises the horizon to the head"
	forgetsHorizonOnOpen     fault = "forgets the horizon when it is opened again"
	dropsTombstonesEarly     fault = "drops tombstones at any compaction"
	dropsExpiredEarly        fault = "drops what has ended at any compaction"
	keepsExpired             fault = "keeps what has ended for ever"
	countsExpiryFromAppend   fault = "counts the retention of what has ended from its beginning"
	keepsMoments             fault = "keeps moments, however old"
	ignoresMomentMax         fault = "keeps moments, however many"
)

// Faults of the audit.
const (
	auditsRefusals        fault = "audits refused requests"
	auditsReused          fault = "audits requests whose id was reused"
	auditsRepeats         fault = "audits repeats"
	auditsWithoutID       fault = "audits only requests that have an id"
	auditsFirstRequest    fault = "audits the first of several requests alone"
	auditsHeadBefore      fault = "audits another position than the unit's"
	forgetsAuditOnOpen    fault = "forgets the audit when it is opened again"
	dropsAuditEarly       fault = "drops the audit at any compaction"
	keepsAudit            fault = "keeps the audit for ever"
	auditOldestFirst      fault = "gives the oldest of the audit first"
	auditRepeatsPlace     fault = "gives the last record of a page of the audit again"
	auditEndsEarly        fault = "says that each page of the audit is the last"
	auditsLargePages      fault = "gives any number of large records of the audit at once"
	auditIgnoresPrincipal fault = "looks for any principal in the audit"
	auditIgnoresAddress   fault = "looks for any address in the audit"
	auditIgnoresRequestID fault = "looks for any request id in the audit"
	auditFoldsCase        fault = "takes one method in the audit for another"
	auditIgnoresContains  fault = "looks for any text in the audit"
	auditUntilIncluded    fault = "takes the end of a time in the audit for a part of it"
	auditSinceExcluded    fault = "leaves the begin of a time in the audit out"
)

// Faults of look-ups.
const (
	latestLiveOnly      fault = "finds only what is live"
	latestUnordered     fault = "finds in the order of positions"
	listsUnordered      fault = "lists in the order of positions"
	listsExpired        fault = "lists what has ended"
	listsAfterInclusive fault = "lists the last entity of a page again"
	foldsCase           fault = "takes upper for lower case"
	countsEvents        fault = "counts events, not entities"
)

// faults names for each fault the checks that must find it.
func faults() map[fault][]string {
	return map[fault][]string{
		newEpochOnOpen:           {"a new log", "model"},
		derivesPosition:          {"an emptied log", "model"},
		skipsPositions:           {"whole units", "concurrent appends", "model"},
		takesLargeUnits:          {"units of a wrong size"},
		takesEvents:              {"a decision's events stay its own"},
		appendsAfterClose:        {"a closed log"},
		cutsUnits:                {"pages", "concurrent appends", "model"},
		readsLargePages:          {"large events"},
		losesUnitEnds:            {"pages", "concurrent appends", "model"},
		readsHeadAside:           {"concurrent appends"},
		skipsToHead:              {"pages", "concurrent appends", "model"},
		readsBeyondHead:          {"pages"},
		commitsEachEvent:         {"whole units", "concurrent appends", "model"},
		commitsTwice:             {"whole units", "concurrent appends", "model"},
		commitsLate:              {"whole units", "concurrent appends"},
		repeatsCommittedOnOpen:   {"whole units", "repeated requests", "model"},
		forgetsRequestsOnOpen:    {"repeated requests", "reused request ids", "forgotten requests"},
		forgetsRequestsEarly:     {"forgotten requests"},
		remembersForEver:         {"forgotten requests"},
		remembersRefusals:        {"refusals", "units of a wrong size"},
		ignoresDigests:           {"reused request ids"},
		appendsRepeats:           {"repeated requests", "concurrent repeats", "several requests"},
		answersRepeatsAnew:       {"repeated requests", "several requests"},
		answersMixedAnew:         {"several requests"},
		hidesRepeats:             {"repeats at a decision"},
		tellsOtherRepeats:        {"repeats at a decision"},
		namesNoReused:            {"reused request ids"},
		namesFirstReused:         {"reused request ids"},
		sharesRequestIDs:         {"repeated requests"},
		recallsAside:             {"concurrent repeats"},
		decidesAside:             {"concurrent decisions"},
		decidesOnLiveOnly:        {"the state at a decision", "what a decision can look for"},
		dropsFractions:           {"the state at a decision"},
		wrapsRefusals:            {"refusals"},
		keepsSuperseded:          {"superseded events", "model"},
		dropsAtFirstSuccessor:    {"events of several entities", "model"},
		supersedingRaisesHorizon: {"superseded events", "model"},
		skipsHorizon:             {"absences", "an emptied log", "reads during a compaction", "model"},
		skipsHorizonOfEnded:      {"absences", "model"},
		lowersHorizon:            {"absences", "model"},
		skipsMomentHorizon:       {"old moments", "excess moments", "model"},
		raisesHorizonAfter:       {"reads during a compaction"},
		raisesHorizonToHead:      {"absences", "model"},
		forgetsHorizonOnOpen:     {"absences", "an emptied log", "model"},
		dropsTombstonesEarly:     {"absences", "model"},
		dropsExpiredEarly:        {"absences", "model"},
		keepsExpired:             {"absences", "an emptied log", "model"},
		countsExpiryFromAppend:   {"absences", "model"},
		keepsMoments:             {"old moments", "excess moments", "model"},
		ignoresMomentMax:         {"excess moments", "model"},
		latestLiveOnly:           {"latest events"},
		latestUnordered:          {"latest events"},
		listsUnordered:           {"lists", "prefixes", "model"},
		listsExpired:             {"lists", "model"},
		listsAfterInclusive:      {"lists", "prefixes", "model"},
		foldsCase:                {"prefixes"},
		countsEvents:             {"lists"},
		auditsRefusals:           {"the audit equals the log"},
		auditsReused:             {"the audit equals the log"},
		auditsRepeats:            {"the audit equals the log"},
		auditsWithoutID:          {"the audit equals the log"},
		auditsFirstRequest:       {"the audit equals the log"},
		auditsHeadBefore:         {"the audit equals the log"},
		forgetsAuditOnOpen:       {"the audit equals the log"},
		dropsAuditEarly:          {"the audit equals the log"},
		keepsAudit:               {"the audit equals the log"},
		auditOldestFirst:         {"the audit equals the log"},
		auditRepeatsPlace:        {"the audit equals the log"},
		auditEndsEarly:           {"the audit equals the log"},
		auditsLargePages:         {"large records of the audit"},
		auditIgnoresPrincipal:    {"the audit equals the log"},
		auditIgnoresAddress:      {"the audit equals the log"},
		auditIgnoresRequestID:    {"the audit equals the log"},
		auditFoldsCase:           {"the audit equals the log"},
		auditIgnoresContains:     {"the audit equals the log"},
		auditUntilIncluded:       {"the audit equals the log"},
		auditSinceExcluded:       {"the audit equals the log"},
	}
}
