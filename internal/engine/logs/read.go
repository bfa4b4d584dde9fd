package logs

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	pageEvents = 10_000
	pageBytes  = 1 << 20
	scanEvents = 100_000 // that FilterLogEvents looks at for one page
	maxStreams = 100     // that FilterLogEvents takes by name
)

// A position is a place between, or of, the events of a stream or group, which
// are ordered by time and then by the order they came in.
type position struct{ time, id int64 }

func (p position) before(q position) bool {
	return p.time < q.time || p.time == q.time && p.id < q.id
}

// A span is what lies between two positions, themselves not included.
type span struct{ low, high position }

// newSpan is the span of a request's startTime, which is included, and
// endTime, which is not.
func newSpan(start, end *int64) (span, error) {
	if start != nil && *start < 0 || end != nil && *end < 0 {
		return span{}, invalid("startTime and endTime must not be negative.")
	}
	if start != nil && end != nil && *start > *end {
		return span{}, invalid("End time should not be less than start time.")
	}
	s := span{high: position{time: math.MaxInt64}}
	if start != nil {
		s.low.time = *start
	}
	if end != nil {
		s.high.time = *end
	}
	return s, nil
}

// A found is an event as it is read.
type found struct {
	position
	ingested        int64
	stream, message string
}

// Where events are read from.
const (
	ofStream = "logs_event INDEXED BY logs_event_stream JOIN logs_stream AS s ON s.id = stream WHERE stream = ?"
	ofGroup  = "logs_event INDEXED BY logs_event_group JOIN logs_stream AS s ON s.id = stream WHERE logs_event.grp = ?"
)

// An order is the direction in which events are read.
type order string

const (
	ascending  order = "ASC"
	descending order = "DESC"
)

// scan calls visit with the events of a stream or group in a span, until it
// returns false.
func (s *Service) scan(ctx context.Context, from string, id int64, in span, by order, visit func(found) bool) error {
	rows, err := s.store.Query(ctx, `SELECT logs_event.id, time, logs_event.ingested, s.name, message FROM `+from+`
		AND time >= ? AND time <= ? AND (time, logs_event.id) > (?, ?) AND (time, logs_event.id) < (?, ?)
		ORDER BY time `+string(by)+`, logs_event.id `+string(by),
		id, in.low.time, in.high.time, in.low.time, in.low.id, in.high.time, in.high.id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f found
		if err := rows.Scan(&f.id, &f.time, &f.ingested, &f.stream, &f.message); err != nil {
			return err
		}
		if !visit(f) {
			return nil
		}
	}
	return rows.Err()
}

// A page collects events up to the limits of a reply.
type page struct {
	limit, size int
	events      []found
}

// add reports whether the event fitted. One always does.
func (p *page) add(f found) bool {
	p.size += eventBytes + len(f.message)
	if len(p.events) == p.limit || p.size > pageBytes && len(p.events) > 0 {
		return false
	}
	p.events = append(p.events, f)
	return true
}

// A token is where GetLogEvents goes on: forward, behind a position, or
// backward, before one.
type token struct {
	direction byte // 'f' or 'b'
	position
}

func (t token) String() string {
	return fmt.Sprintf("%c/%019d%037d/s", t.direction, t.time, t.id)
}

func parseToken(text string) (t token, err error) {
	if _, err := fmt.Sscanf(text, "%c/%19d%37d/s", &t.direction, &t.time, &t.id); err != nil || t.String() != text {
		return t, invalid("The specified nextToken is invalid.")
	}
	return t, nil
}

// getLogEvents reads a page of a stream. At either end of the stream the token
// of that direction is the one that was sent.
func (s *Service) getLogEvents(ctx context.Context, in *sdk.GetLogEventsInput) (*sdk.GetLogEventsOutput, error) {
	name, err := chosenGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	stream, err := checkStreamName(in.LogStreamName)
	if err != nil {
		return nil, err
	}
	limit, err := checkLimit(in.Limit, pageEvents)
	if err != nil {
		return nil, err
	}
	within, err := newSpan(in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	by := descending
	if deref(in.StartFromHead) {
		by = ascending
	}
	forward, backward := token{'f', within.low}, token{'b', next(within.low)}
	if in.NextToken != nil {
		t, err := parseToken(*in.NextToken)
		if err != nil {
			return nil, err
		}
		within, by = within.from(t)
		forward, backward = t.ends()
	}
	id, err := s.streamOf(ctx, name, stream)
	if err != nil {
		return nil, err
	}
	p := page{limit: limit}
	if err := s.scan(ctx, ofStream, id, within, by, p.add); err != nil {
		return nil, err
	}
	if by == descending {
		slices.Reverse(p.events)
	}
	if n := len(p.events); n > 0 {
		forward, backward = token{'f', p.events[n-1].position}, token{'b', p.events[0].position}
	}
	out := &sdk.GetLogEventsOutput{
		Events: []types.OutputLogEvent{}, NextForwardToken: new(forward.String()), NextBackwardToken: new(backward.String()),
	}
	for _, f := range p.events {
		out.Events = append(out.Events, types.OutputLogEvent{Timestamp: new(f.time), IngestionTime: new(f.ingested), Message: new(f.message)})
	}
	return out, nil
}

// from is the part of a span that a token leaves, and how to read it.
func (s span) from(t token) (span, order) {
	if t.direction == 'f' {
		if s.low.before(t.position) {
			s.low = t.position
		}
		return s, ascending
	}
	if t.position.before(s.high) {
		s.high = t.position
	}
	return s, descending
}

// ends are the tokens of an empty page: the one that was sent, and the one that
// turns around there.
func (t token) ends() (forward, backward token) {
	if t.direction == 'f' {
		return t, token{'b', next(t.position)}
	}
	return token{'f', position{t.time, t.id - 1}}, t
}

func next(p position) position {
	return position{p.time, p.id + 1}
}

func (s *Service) streamOf(ctx context.Context, group, stream string) (id int64, err error) {
	groupID, err := s.findGroup(ctx, group)
	if err != nil {
		return 0, err
	}
	return s.findStream(ctx, groupID, stream)
}

// A filter is what FilterLogEvents looks for.
type filter struct {
	pattern pattern
	names   []string // of streams; nil is all
	prefix  string   // of streams' names
}

func (f *filter) matches(e found) bool {
	if f.names != nil && !slices.Contains(f.names, e.stream) {
		return false
	}
	return strings.HasPrefix(e.stream, f.prefix) && f.pattern.matches(e.message)
}

func newFilter(in *sdk.FilterLogEventsInput) (*filter, error) {
	f := &filter{names: in.LogStreamNames, prefix: deref(in.LogStreamNamePrefix)}
	if f.names != nil && in.LogStreamNamePrefix != nil {
		return nil, invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
	}
	if len(f.names) > maxStreams {
		return nil, constraint("[...]", "logStreamNames", "Member must have length less than or equal to 100")
	}
	var err error
	f.pattern, err = parsePattern(deref(in.FilterPattern))
	return f, err
}

// filterLogEvents reads a page of a group's events that match. A page may be
// empty and still have a token when there was much to look through.
func (s *Service) filterLogEvents(ctx context.Context, in *sdk.FilterLogEventsInput) (*sdk.FilterLogEventsOutput, error) {
	name, err := chosenGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	limit, err := checkLimit(in.Limit, pageEvents)
	if err != nil {
		return nil, err
	}
	within, err := newSpan(in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	wanted, err := newFilter(in)
	if err != nil {
		return nil, err
	}
	by := ascending
	if in.StartFromHead != nil && !*in.StartFromHead {
		by = descending
	}
	if in.NextToken != nil {
		t, err := parseToken(*in.NextToken)
		if err != nil {
			return nil, err
		}
		within, by = within.from(t)
	}
	from, id, err := s.source(ctx, name, wanted)
	if err != nil {
		return nil, err
	}
	p := page{limit: limit}
	var last position
	scanned, more := 0, false
	if err := s.scan(ctx, from, id, within, by, func(e found) bool {
		if scanned++; scanned > scanEvents || wanted.matches(e) && !p.add(e) {
			more = true
			return false
		}
		last = e.position
		return true
	}); err != nil {
		return nil, err
	}
	out := &sdk.FilterLogEventsOutput{Events: []types.FilteredLogEvent{}, SearchedLogStreams: []types.SearchedLogStream{}}
	if more {
		direction := byte('f')
		if by == descending {
			direction = 'b'
		}
		out.NextToken = new(token{direction, last}.String())
	}
	for _, e := range p.events {
		out.Events = append(out.Events, types.FilteredLogEvent{
			LogStreamName: new(e.stream), Timestamp: new(e.time), IngestionTime: new(e.ingested), Message: new(e.message),
			EventId: new(fmt.Sprintf("%019d%037d", e.time, e.id)),
		})
	}
	return out, nil
}

// source is where a filter's events are: in one stream, where it names just
// one, or anywhere in the group. Streams it names have to exist.
func (s *Service) source(ctx context.Context, group string, wanted *filter) (from string, id int64, err error) {
	groupID, err := s.findGroup(ctx, group)
	if err != nil {
		return "", 0, err
	}
	for _, name := range wanted.names {
		if id, err = s.findStream(ctx, groupID, name); err != nil {
			return "", 0, err
		}
	}
	if len(wanted.names) == 1 {
		return ofStream, id, nil
	}
	return ofGroup, groupID, nil
}
