package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	ringcastv1 "github.com/ringcast/ringcast/gen/ringcast/v1"
)

const (
	// chunkBans is how many bans a request of an import has at the most; more the
	// control plane refuses.
	chunkBans = 100
	// chunkRefused ends a chunk early, so that a file that is no list is reported
	// as it is read.
	chunkRefused = 100
	// shownLine is how much of a refused line is reported, in bytes.
	shownLine = 120
)

// sourceLine is a line of a list, with a ban in it.
type sourceLine struct {
	number int // counts from 1
	text   string
	ban    listedBan
}

// refusedLine is one that cannot be taken, as it is reported.
type refusedLine struct {
	Line    int    `json:"line"`
	Text    string `json:"text"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func refuseLine(number int, text, reason, message string) refusedLine {
	if len(text) > shownLine {
		text = text[:shownLine] + "…"
	}
	return refusedLine{number, strings.ToValidUTF8(text, "\ufffd"), reason, message}
}

// banKey is what one ban replaces another by.
type banKey struct {
	ip        netip.Prefix
	automatic bool
}

func (b listedBan) key() banKey { return banKey{b.ip, b.automatic} }

// chunk is a stretch of a list that is sent as one request.
type chunk struct {
	id      string
	lines   []sourceLine
	refused []refusedLine
	// same counts lines that say what an earlier one of the chunk says.
	same int
	// end is how many bytes of the list were read.
	end  int64
	done bool
}

// chunks reads a list. It cuts it by its content alone, and so in the same way in
// every run, and gives each chunk an id made from the import's and from all that
// was read so far: a repeat has the same ids up to where the list was changed.
type chunks struct {
	in       *bufio.Reader
	defaults listedBan
	override bool
	importID string
	sum      [sha256.Size]byte
	number   int
	read     int64
	held     *sourceLine // begins the next chunk
}

func newChunks(in io.Reader, importID string, defaults listedBan, override bool) *chunks {
	return &chunks{
		in:       bufio.NewReaderSize(in, maxLine+len("\r\n")),
		defaults: defaults, override: override, importID: importID,
	}
}

// next gives the chunk that follows; io.EOF after the last.
func (c *chunks) next() (*chunk, error) {
	out := &chunk{}
	seen := make(map[banKey]listedBan, chunkBans)
	for len(out.lines) < chunkBans && len(out.refused) < chunkRefused {
		line, err := c.line(out)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read list: %w", err)
		}
		if line == nil {
			continue
		}
		earlier, twice := seen[line.ban.key()]
		switch {
		case !twice:
			seen[line.ban.key()] = line.ban
			out.lines = append(out.lines, *line)
		case earlier == line.ban:
			out.same++
		default: // it replaces the earlier one, and so has to follow it
			c.held = line
			return c.finish(out)
		}
	}
	if len(out.lines)+len(out.refused)+out.same == 0 {
		return nil, io.EOF
	}
	return c.finish(out)
}

func (c *chunks) finish(out *chunk) (*chunk, error) {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.request(out))
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	c.sum = sha256.Sum256(append(c.sum[:], content...))
	out.id, out.end = requestID(c.importID, c.sum[:]), c.read
	return out, nil
}

// requestID is as long as makes an accidental repeat impossible.
func requestID(parent string, content []byte) string {
	sum := sha256.Sum256(append([]byte(parent), content...))
	return hex.EncodeToString(sum[:16])
}

// line reads on to the next line with a ban; nil without an error: the chunk has
// got a refused line instead.
func (c *chunks) line(out *chunk) (*sourceLine, error) {
	if line := c.held; line != nil {
		c.held = nil
		return line, nil
	}
	for {
		text, whole, err := c.text()
		if err != nil {
			return nil, err
		}
		if !whole {
			out.refused = append(out.refused, refuseLine(c.number, text, reasonLine, fmt.Sprintf("the line is longer than %d bytes", maxLine)))
			return nil, nil
		}
		ban, found, err := parseLine(text, c.defaults)
		if refusal, ok := errors.AsType[*lineError](err); ok {
			out.refused = append(out.refused, refuseLine(c.number, text, refusal.reason, refusal.message))
			return nil, nil
		}
		if found {
			return &sourceLine{c.number, text, ban}, nil
		}
	}
}

// text reads a line without its end; whole is false for one that is too long,
// whose rest is passed over.
func (c *chunks) text() (text string, whole bool, err error) {
	line, err := c.in.ReadSlice('\n')
	c.read += int64(len(line))
	if len(line) == 0 && err != nil {
		return "", false, err
	}
	c.number++
	if c.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	text = strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
	whole = len(text) <= maxLine
	for errors.Is(err, bufio.ErrBufferFull) {
		whole = false
		line, err = c.in.ReadSlice('\n')
		c.read += int64(len(line))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, err
	}
	return text, whole, nil
}

// request makes a chunk's request; its id is set when it is sent.
func (c *chunks) request(out *chunk) *ringcastv1.ImportBansRequest {
	request := &ringcastv1.ImportBansRequest{Override: c.override, RequestId: out.id}
	for _, line := range out.lines {
		entry := &ringcastv1.ImportBansRequest_BanEntry{
			Ip: line.ban.text(), Reason: line.ban.reason, Automatic: line.ban.automatic,
		}
		if line.ban.ttl != 0 {
			entry.Ttl = durationpb.New(line.ban.ttl)
		}
		request.Bans = append(request.Bans, entry)
	}
	return request
}

// refusedBan says why one ban of a request cannot be made.
type refusedBan struct {
	Index   int    `json:"index"` // counts from 0
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func refusedBans(r *ringcastv1.ImportBansResponse) []refusedBan {
	var refused []refusedBan
	for _, ban := range r.GetRefused() {
		refused = append(refused, refusedBan{int(ban.GetIndex()), ban.GetReason(), ban.GetMessage()})
	}
	return refused
}

// without takes refused lines out of a chunk, and gives the rest an id of its own.
func (c *chunk) without(refused []refusedBan) {
	gone := make(map[int]bool, len(refused))
	content := make([]byte, 0, len(refused))
	for _, r := range refused {
		if r.Index < 0 || r.Index >= len(c.lines) || gone[r.Index] {
			continue // no answer that a control plane gives
		}
		gone[r.Index] = true
		content = fmt.Appendf(content, "-%d", r.Index)
		line := c.lines[r.Index]
		c.refused = append(c.refused, refuseLine(line.number, line.text, r.Reason, r.Message))
	}
	var rest []sourceLine
	for index, line := range c.lines {
		if !gone[index] {
			rest = append(rest, line)
		}
	}
	c.lines, c.id = rest, requestID(c.id, content)
}
