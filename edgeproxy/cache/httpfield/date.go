package httpfield

import (
	"strings"
	"time"
)

// centuryWindow is how many years ahead a date with a two-digit year may be (RFC
// 9110, section 5.6.7).
const centuryWindow = 50

// ParseDate reads a field with a date in one of its three forms, to the letter
// (RFC 9110, section 5.6.7). Which day of the week it names does not matter, as
// long as it names one. A two-digit year is the latest that is not more than 50
// years after now. It is false for anything else, several lines included.
func ParseDate(lines []string, now time.Time) (t time.Time, ok bool) {
	if len(lines) != 1 {
		return time.Time{}, false
	}
	p := dateParser{rest: trim(lines[0])}
	switch {
	case len(p.rest) < len("Sun,"):
		return time.Time{}, false
	case p.rest[3] == ',':
		p.fixdate()
	case p.rest[3] == ' ':
		p.asctime()
	default:
		p.rfc850(now)
	}
	return p.date()
}

// FormatDate gives a date as IMF-fixdate, the form to send. The year must be from
// 0 to 9999.
func FormatDate(t time.Time) string {
	return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
}

// dateParser reads a date from the left. After something unexpected it is wrong
// for good.
type dateParser struct {
	rest  string
	wrong bool

	year, day            int
	month                time.Month
	hour, minute, second int
}

// fixdate reads "Sun, 06 Nov 1994 08:49:37 GMT".
func (p *dateParser) fixdate() {
	p.weekday(len("Sun"))
	p.literal(", ")
	p.day = p.number(2)
	p.literal(" ")
	p.monthName()
	p.literal(" ")
	p.year = p.number(4)
	p.literal(" ")
	p.clock()
	p.literal(" GMT")
}

// rfc850 reads "Sunday, 06-Nov-94 08:49:37 GMT".
func (p *dateParser) rfc850(now time.Time) {
	p.weekday(len("Wednesday"))
	p.literal(", ")
	p.day = p.number(2)
	p.literal("-")
	p.monthName()
	p.literal("-")
	p.year = p.number(2)
	p.literal(" ")
	p.clock()
	p.literal(" GMT")

	latest := now.UTC().AddDate(centuryWindow, 0, 0)
	p.year += latest.Year() / 100 * 100
	if p.time().After(latest) {
		p.year -= 100
	}
}

// asctime reads "Sun Nov  6 08:49:37 1994".
func (p *dateParser) asctime() {
	p.weekday(len("Sun"))
	p.literal(" ")
	p.monthName()
	p.literal(" ")
	if strings.HasPrefix(p.rest, " ") {
		p.literal(" ")
		p.day = p.number(1)
	} else {
		p.day = p.number(2)
	}
	p.literal(" ")
	p.clock()
	p.literal(" ")
	p.year = p.number(4)
}

func (p *dateParser) clock() {
	p.hour = p.number(2)
	p.literal(":")
	p.minute = p.number(2)
	p.literal(":")
	p.second = p.number(2)
}

func (p *dateParser) literal(s string) {
	rest, ok := strings.CutPrefix(p.rest, s)
	p.rest, p.wrong = rest, p.wrong || !ok
}

func (p *dateParser) number(digits int) int {
	if len(p.rest) < digits {
		p.wrong = true
		return 0
	}
	n, ok := number(p.rest[:digits], 9999)
	p.rest, p.wrong = p.rest[digits:], p.wrong || !ok
	return int(n)
}

// weekday reads the name of any day, cut to at most the given length.
func (p *dateParser) weekday(length int) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		name := day.String()
		if rest, ok := strings.CutPrefix(p.rest, name[:min(length, len(name))]); ok {
			p.rest = rest
			return
		}
	}
	p.wrong = true
}

func (p *dateParser) monthName() {
	for p.month = time.January; p.month <= time.December; p.month++ {
		if rest, ok := strings.CutPrefix(p.rest, p.month.String()[:3]); ok {
			p.rest = rest
			return
		}
	}
	p.wrong = true
}

// date gives what was read if nothing of it was wrong or is left over, and such a
// day and time exist.
func (p *dateParser) date() (time.Time, bool) {
	midnight := time.Date(p.year, p.month, p.day, 0, 0, 0, 0, time.UTC)
	leap := p.hour == 23 && p.minute == 59 && p.second == 60
	if p.wrong || p.rest != "" || midnight.Day() != p.day ||
		p.hour > 23 || p.minute > 59 || p.second > 59 && !leap {
		return time.Time{}, false
	}
	return p.time(), true
}

func (p *dateParser) time() time.Time {
	return time.Date(p.year, p.month, p.day, p.hour, p.minute, p.second, 0, time.UTC)
}
