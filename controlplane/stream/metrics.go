package stream

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an operator sees of the streams.
type metrics struct {
	subscribers *prometheus.GaugeVec
	ends        *prometheus.CounterVec
	refused     prometheus.Counter
	resumes     prometheus.Counter
	resets      prometheus.Counter
	fellBehind  prometheus.Counter
	bytes       prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		subscribers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ringcast_stream_subscribers", Help: "Streams open at the moment, by kind of reader.",
		}, []string{"kind"}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringcast_stream_ends_total", Help: "Streams that ended, by reason.",
		}, []string{"reason"}),
		refused:    counter("ringcast_stream_refused_total", "Streams refused for want of room."),
		resumes:    counter("ringcast_stream_resumes_total", "Streams that resumed at a position."),
		resets:     counter("ringcast_stream_resets_total", "Replays of the whole live state."),
		fellBehind: counter("ringcast_stream_fell_behind_total", "Times that a reader fell behind the ring and read the log."),
		bytes:      counter("ringcast_stream_sent_bytes_total", "Bytes written to streams."),
	}
	if r != nil {
		r.MustRegister(m.subscribers, m.ends, m.refused, m.resumes, m.resets, m.fellBehind, m.bytes)
	}
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func (m *metrics) ended(err error) { m.ends.WithLabelValues(reasonOf(err)).Inc() }

// reasonOf names the reason of a stream's end for metrics and logs.
func reasonOf(err error) string {
	switch {
	case err == nil:
		return "complete"
	case errors.Is(err, errStuck):
		return "stuck"
	case errors.Is(err, errDrained):
		return "drained"
	case errors.Is(err, context.Canceled):
		return "gone"
	default:
		return "error"
	}
}
