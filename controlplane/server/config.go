package server

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ringcast/ringcast/controlplane/eventlog"
	"github.com/ringcast/ringcast/internal/config"
	"github.com/ringcast/ringcast/internal/listen"
)

// Config is everything that a control plane can be told. Flags, environment,
// file and the reference page come from it.
type Config struct {
	HTTPListen string `flag:"http-listen" default:"localhost:4000" value:"ADDRESS" help:"address of REST, stream, health and metrics" sketch:"PORT,port"`
	GRPCListen string `flag:"grpc-listen" default:"localhost:4001" value:"ADDRESS" help:"address of gRPC"`
	Insecure   bool   `flag:"insecure" help:"allow addresses beyond loopback although anybody who reaches them may do everything"`

	DataDir            string        `flag:"data-dir" default:"./ringcast-control" value:"DIR" help:"directory of the log; one process at a time"`
	Log                string        `flag:"log" default:"sqlite:" value:"URL" help:"where the log is: sqlite: is the embedded one in the data dir"`
	TombstoneRetention time.Duration `flag:"tombstone-retention" default:"168h" help:"how long an absence is remembered; an edge away for less resumes without a reset"`
	MomentRetention    time.Duration `flag:"moment-retention" default:"24h" help:"how long invalidations and other short-lived events can be read"`
	MomentMax          int           `flag:"moment-max" default:"1000000" value:"N" help:"how many short-lived events are kept at the most"`
	AuditRetention     time.Duration `flag:"audit-retention" default:"2160h" help:"how long it is remembered who asked for which mutation"`
	MaxTokenLife       time.Duration `flag:"max-token-life" default:"0" help:"longest time from a token's issue to its end, leeway included: a revocation without a ttl ends after it; 0 is unknown: it never ends"`

	ForgetEdgesAfter time.Duration `flag:"forget-edges-after" default:"0" help:"forget an edge that cannot be reached for so long, although nobody said that it had stopped: nobody waits for it any more; 0 is never"`
	InvalidateWindow time.Duration `flag:"invalidate-window" default:"0" help:"how long an invalidation waits for others, to become one event with them; 0 is off, 10s the most"`

	RingSize       int           `flag:"ring-size" default:"10000" value:"N" help:"recent units kept in memory for readers"`
	RingBytes      config.Bytes  `flag:"ring-bytes" default:"64MiB" value:"SIZE" help:"bound on the memory of the units kept for readers"`
	Heartbeat      time.Duration `flag:"heartbeat" default:"15s" help:"time between heartbeats of a stream"`
	MaxSubscribers int           `flag:"max-subscribers" default:"10000" value:"N" help:"streams open at once; further ones are told to come back later"`
	CORSOrigin     []string      `flag:"cors-origin" value:"ORIGIN" help:"let pages of this origin, such as https://www.example.com, read the stream; * is every page"`
}

// minHeartbeat keeps a slip of the pen from making a stream nothing but heartbeats.
const minHeartbeat = 100 * time.Millisecond

// maxInvalidateWindow keeps callers from waiting longer than they commonly have
// patience for.
const maxInvalidateWindow = 10 * time.Second

// logSQLite is the one value of Config.Log.
const logSQLite = "sqlite:"

func (c Config) check() error {
	return errors.Join(
		atLeast("--heartbeat", c.Heartbeat, minHeartbeat),
		atLeast("--tombstone-retention", c.TombstoneRetention, time.Second),
		atLeast("--moment-retention", c.MomentRetention, time.Second),
		atLeast("--moment-max", c.MomentMax, 1),
		atLeast("--audit-retention", c.AuditRetention, time.Second),
		atLeast("--max-token-life", c.MaxTokenLife, 0),
		checkForget(c.ForgetEdgesAfter),
		atLeast("--invalidate-window", c.InvalidateWindow, 0),
		atMost("--invalidate-window", c.InvalidateWindow, maxInvalidateWindow),
		atLeast("--ring-size", c.RingSize, 1),
		atLeast("--ring-bytes", c.RingBytes, 1),
		atLeast("--max-subscribers", c.MaxSubscribers, 1),
		checkOrigins(c.CORSOrigin),
		checkLog(c.Log),
		c.checkListeners(),
	)
}

func atLeast[T int | time.Duration | config.Bytes](flag string, value, least T) error {
	if value < least {
		return fmt.Errorf("%s is %v; the least is %v", flag, value, least)
	}
	return nil
}

// minForget keeps an edge that restarts, or one that changes servers, from being taken
// for one that is gone.
const minForget = time.Minute

func checkForget(after time.Duration) error {
	if after == 0 {
		return nil
	}
	return atLeast("--forget-edges-after", after, minForget)
}

func atMost(flag string, value, most time.Duration) error {
	if value > most {
		return fmt.Errorf("%s is %v; the most is %v", flag, value, most)
	}
	return nil
}

func checkLog(url string) error {
	if url != logSQLite {
		return fmt.Errorf("--log is %q; this version knows %s alone", url, logSQLite)
	}
	return nil
}

// checkListeners keeps strangers out: nobody shows credentials yet.
func (c Config) checkListeners() error {
	return listen.Check(
		listen.Setting{Flag: "--http-listen", Address: c.HTTPListen, Public: c.Insecure},
		listen.Setting{Flag: "--grpc-listen", Address: c.GRPCListen, Public: c.Insecure},
	)
}

func (c Config) retention() eventlog.Retention {
	return eventlog.Retention{Tombstone: c.TombstoneRetention, Moment: c.MomentRetention, MomentMax: c.MomentMax, Audit: c.AuditRetention}
}

// Deps are what a server takes from its process.
type Deps struct {
	// Logger is required.
	Logger *slog.Logger
	// Version is shown in the status.
	Version string
}
