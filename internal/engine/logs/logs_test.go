package logs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/logs"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// A bed is a Service with the SDK's client in front of it.
type bed struct {
	*sdk.Client
	service *logs.Service
	store   *store.Store
}

// open starts a Service on a home. Opened again it finds what was there.
func open(t testing.TB, home string) *bed {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(home, "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	account := wire.Account{ID: "000000000000", Region: "us-east-1"}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	service, err := logs.New(t.Context(), logs.Config{Store: st, Account: account, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	handler := wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}, Log: log})
	return &bed{sdk.NewFromConfig(wire.Client(handler, nil, account)), service, st}
}

// start is open on a new home with a group and two streams.
func start(t testing.TB) *bed {
	t.Helper()
	return startAt(t, t.TempDir())
}

func startAt(t testing.TB, home string) *bed {
	t.Helper()
	b := open(t, home)
	if _, err := b.CreateLogGroup(t.Context(), &sdk.CreateLogGroupInput{LogGroupName: new("group")}); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"stream", "other"} {
		if _, err := b.CreateLogStream(t.Context(), &sdk.CreateLogStreamInput{LogGroupName: new("group"), LogStreamName: &stream}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// put writes messages a millisecond apart from a time on.
func (b *bed) put(t testing.TB, stream string, from time.Time, messages ...string) {
	t.Helper()
	in := &sdk.PutLogEventsInput{LogGroupName: new("group"), LogStreamName: &stream}
	for i, message := range messages {
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: new(from.UnixMilli() + int64(i)), Message: &message})
	}
	if _, err := b.PutLogEvents(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func (b *bed) get(t testing.TB, in *sdk.GetLogEventsInput) (messages []string, out *sdk.GetLogEventsOutput) {
	t.Helper()
	in.LogGroupName = new("group")
	if in.LogStreamName == nil {
		in.LogStreamName = new("stream")
	}
	out, err := b.GetLogEvents(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.Events {
		messages = append(messages, *e.Message)
	}
	return messages, out
}

// all reads a stream from its beginning to its end.
func (b *bed) all(t testing.TB, stream string) (messages []string) {
	t.Helper()
	in := &sdk.GetLogEventsInput{LogStreamName: &stream, StartFromHead: new(true)}
	for {
		page, out := b.get(t, in)
		messages = append(messages, page...)
		if in.NextToken != nil && *out.NextForwardToken == *in.NextToken {
			return messages
		}
		in.NextToken = out.NextForwardToken
	}
}

func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if err == nil {
		return ""
	}
	return fmt.Sprintf("%T: %v", err, err)
}

func TestGroups(t *testing.T) {
	b := open(t, t.TempDir())
	ctx := t.Context()
	for _, name := range []string{"/b", "/a/1", "/a/2"} {
		if _, err := b.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: &name, Tags: map[string]string{"name": name}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: new("/a/1"), RetentionInDays: new(int32(7))}); err != nil {
		t.Fatal(err)
	}
	list := func(in *sdk.DescribeLogGroupsInput) (names []string) {
		t.Helper()
		for pages := sdk.NewDescribeLogGroupsPaginator(b.Client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range page.LogGroups {
				names = append(names, fmt.Sprint(*group.LogGroupName, " ", deref(group.RetentionInDays)))
			}
		}
		return names
	}
	for _, limit := range []*int32{nil, new(int32(1))} {
		if diff := cmp.Diff([]string{"/a/1 7", "/a/2 0", "/b 0"}, list(&sdk.DescribeLogGroupsInput{Limit: limit})); diff != "" {
			t.Errorf("all groups (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"/a/1 7", "/a/2 0"}, list(&sdk.DescribeLogGroupsInput{Limit: limit, LogGroupNamePrefix: new("/a")})); diff != "" {
			t.Errorf("groups with a prefix (-want +got):\n%s", diff)
		}
	}
	arn := new("arn:aws:logs:us-east-1:000000000000:log-group:/b")
	if _, err := b.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"k": "v"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"name"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := b.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"k": "v"}, tags.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if _, err := b.DeleteRetentionPolicy(ctx, &sdk.DeleteRetentionPolicyInput{LogGroupName: new("/a/1")}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: new("/b")}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/a/1 0", "/a/2 0"}, list(&sdk.DescribeLogGroupsInput{})); diff != "" {
		t.Errorf("groups at the end (-want +got):\n%s", diff)
	}
}

func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

func TestStreams(t *testing.T) {
	b := start(t)
	now := time.Now().Truncate(time.Millisecond)
	b.put(t, "stream", now.Add(-time.Hour), "x")
	b.put(t, "other", now.Add(-time.Minute), "x")
	if _, err := b.CreateLogStream(t.Context(), &sdk.CreateLogStreamInput{LogGroupName: new("group"), LogStreamName: new("new")}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		in   sdk.DescribeLogStreamsInput
		want []string
	}{
		{sdk.DescribeLogStreamsInput{}, []string{"new", "other", "stream"}},
		{sdk.DescribeLogStreamsInput{Descending: new(true)}, []string{"stream", "other", "new"}},
		{sdk.DescribeLogStreamsInput{LogStreamNamePrefix: new("o")}, []string{"other"}},
		{sdk.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime}, []string{"new", "stream", "other"}},
		{sdk.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime, Descending: new(true)}, []string{"other", "stream", "new"}},
	}
	for _, test := range tests {
		for _, limit := range []*int32{nil, new(int32(1)), new(int32(2))} {
			test.in.LogGroupName, test.in.Limit = new("group"), limit
			var got []string
			for pages := sdk.NewDescribeLogStreamsPaginator(b.Client, &test.in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, stream := range page.LogStreams {
					got = append(got, *stream.LogStreamName)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", test.in, diff)
			}
		}
	}
	out, err := b.DescribeLogStreams(t.Context(), &sdk.DescribeLogStreamsInput{
		LogGroupIdentifier: new("arn:aws:logs:us-east-1:000000000000:log-group:group:*"), LogStreamNamePrefix: new("other"),
	})
	if err != nil {
		t.Fatal(err)
	}
	at := now.Add(-time.Minute).UnixMilli()
	if s := out.LogStreams[0]; deref(s.FirstEventTimestamp) != at || deref(s.LastEventTimestamp) != at || s.LastIngestionTime == nil {
		t.Errorf("got first %v, last %v, ingested %v, want an event at %d", s.FirstEventTimestamp, s.LastEventTimestamp, s.LastIngestionTime, at)
	}
}

func TestGetLogEvents(t *testing.T) {
	b := start(t)
	now := time.Now()
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprint("line ", i))
	}
	b.put(t, "other", now, "not this one")
	b.put(t, "stream", now.Add(-time.Minute), want...)
	if diff := cmp.Diff(want, b.all(t, "stream")); diff != "" {
		t.Errorf("from head, to the end (-want +got):\n%s", diff)
	}

	got, out := b.get(t, &sdk.GetLogEventsInput{Limit: new(int32(10))})
	if diff := cmp.Diff(want[15:], got); diff != "" {
		t.Errorf("the last ten (-want +got):\n%s", diff)
	}
	got, back := b.get(t, &sdk.GetLogEventsInput{Limit: new(int32(10)), NextToken: out.NextBackwardToken})
	if diff := cmp.Diff(want[5:15], got); diff != "" {
		t.Errorf("the ten before (-want +got):\n%s", diff)
	}
	got, _ = b.get(t, &sdk.GetLogEventsInput{NextToken: back.NextForwardToken})
	if diff := cmp.Diff(want[15:], got); diff != "" {
		t.Errorf("and forward again (-want +got):\n%s", diff)
	}

	got, end := b.get(t, &sdk.GetLogEventsInput{NextToken: out.NextForwardToken})
	if len(got) != 0 || *end.NextForwardToken != *out.NextForwardToken {
		t.Errorf("at the end: got %q and token %s, want the token %s again", got, *end.NextForwardToken, *out.NextForwardToken)
	}
	got, _ = b.get(t, &sdk.GetLogEventsInput{Limit: new(int32(1)), NextToken: end.NextBackwardToken})
	if diff := cmp.Diff(want[24:], got); diff != "" {
		t.Errorf("backward from the end (-want +got):\n%s", diff)
	}
	b.put(t, "stream", now, "more")
	got, _ = b.get(t, &sdk.GetLogEventsInput{NextToken: end.NextForwardToken})
	if diff := cmp.Diff([]string{"more"}, got); diff != "" {
		t.Errorf("forward when there is more (-want +got):\n%s", diff)
	}

	start := now.Add(-time.Minute).UnixMilli()
	got, _ = b.get(t, &sdk.GetLogEventsInput{StartTime: new(start + 3), EndTime: new(start + 6)})
	if diff := cmp.Diff(want[3:6], got); diff != "" {
		t.Errorf("a range of time (-want +got):\n%s", diff)
	}
}

func TestEventsOfOneMillisecondKeepTheirOrder(t *testing.T) {
	b := start(t)
	at := time.Now().UnixMilli()
	in := &sdk.PutLogEventsInput{LogGroupName: new("group"), LogStreamName: new("stream")}
	var want []string
	for i := range 130 {
		want = append(want, fmt.Sprint(i))
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: &at, Message: new(fmt.Sprint(i))})
	}
	if _, err := b.PutLogEvents(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.all(t, "stream")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPutLogEventsLimits(t *testing.T) {
	b := start(t)
	now := time.Now()
	event := func(at time.Time, size int) types.InputLogEvent {
		return types.InputLogEvent{Timestamp: new(at.UnixMilli()), Message: new(strings.Repeat("x", size))}
	}
	many := make([]types.InputLogEvent, 10_001)
	for i := range many {
		many[i] = event(now, 1)
	}
	tests := []struct {
		name   string
		events []types.InputLogEvent
		want   string
	}{
		{"none", []types.InputLogEvent{}, "InvalidParameterException"},
		{"10,001", many, "InvalidParameterException"},
		{"10,000", many[1:], ""},
		{"1,048,576 bytes", []types.InputLogEvent{event(now, 1<<19-26), event(now, 1<<19-26)}, ""},
		{"a byte more", []types.InputLogEvent{event(now, 1<<19-26), event(now, 1<<19-25)}, "InvalidParameterException"},
		{"wrong order", []types.InputLogEvent{event(now, 1), event(now.Add(-time.Second), 1)}, "InvalidParameterException"},
		{"25 hours", []types.InputLogEvent{event(now.Add(-25*time.Hour), 1), event(now, 1)}, "InvalidParameterException"},
		{"empty message", []types.InputLogEvent{event(now, 0)}, "InvalidParameterException"},
	}
	for _, test := range tests {
		_, err := b.PutLogEvents(t.Context(), &sdk.PutLogEventsInput{LogGroupName: new("group"), LogStreamName: new("stream"), LogEvents: test.events})
		if code(err) != test.want {
			t.Errorf("%s: got %q, want %q", test.name, code(err), test.want)
		}
	}
}

func TestRejectedEvents(t *testing.T) {
	b := start(t)
	now := time.Now()
	put := func(ages ...time.Duration) *types.RejectedLogEventsInfo {
		t.Helper()
		in := &sdk.PutLogEventsInput{LogGroupName: new("group"), LogStreamName: new("stream")}
		for _, age := range ages {
			in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: new(now.Add(-age).UnixMilli()), Message: new(fmt.Sprint(age))})
		}
		out, err := b.PutLogEvents(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return out.RejectedLogEventsInfo
	}
	const day = 24 * time.Hour
	opt := cmp.Options{cmp.Comparer(func(a, b types.RejectedLogEventsInfo) bool {
		return cmp.Equal(a.TooOldLogEventEndIndex, b.TooOldLogEventEndIndex) &&
			cmp.Equal(a.TooNewLogEventStartIndex, b.TooNewLogEventStartIndex) && cmp.Equal(a.ExpiredLogEventEndIndex, b.ExpiredLogEventEndIndex)
	})}
	if got := put(time.Minute); got != nil {
		t.Errorf("an event of now: got %+v, want nothing rejected", got)
	}
	want := &types.RejectedLogEventsInfo{TooOldLogEventEndIndex: new(int32(1))}
	if diff := cmp.Diff(want, put(14*day+time.Hour, 13*day+12*time.Hour), opt); diff != "" {
		t.Errorf("too old (-want +got):\n%s", diff)
	}
	want = &types.RejectedLogEventsInfo{TooNewLogEventStartIndex: new(int32(1))}
	if diff := cmp.Diff(want, put(0, -3*time.Hour), opt); diff != "" {
		t.Errorf("too new (-want +got):\n%s", diff)
	}
	if _, err := b.PutRetentionPolicy(t.Context(), &sdk.PutRetentionPolicyInput{LogGroupName: new("group"), RetentionInDays: new(int32(1))}); err != nil {
		t.Fatal(err)
	}
	want = &types.RejectedLogEventsInfo{ExpiredLogEventEndIndex: new(int32(1))}
	if diff := cmp.Diff(want, put(25*time.Hour, 2*time.Hour), opt); diff != "" {
		t.Errorf("expired (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"324h0m0s"}, b.all(t, "stream")[:1]); diff != "" {
		t.Errorf("oldest event that was taken (-want +got):\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	b := start(t)
	ctx := t.Context()
	tests := []struct {
		name string
		call func() error
		want string
	}{
		{"make a group twice", func() error {
			_, err := b.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: new("group")})
			return err
		}, "ResourceAlreadyExistsException"},
		{"make a group with a bad name", func() error {
			_, err := b.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: new("a b")})
			return err
		}, "InvalidParameterException"},
		{"make a stream twice", func() error {
			_, err := b.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: new("group"), LogStreamName: new("stream")})
			return err
		}, "ResourceAlreadyExistsException"},
		{"make a stream with a bad name", func() error {
			_, err := b.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: new("group"), LogStreamName: new("a:b")})
			return err
		}, "InvalidParameterException"},
		{"make a stream in no group", func() error {
			_, err := b.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: new("none"), LogStreamName: new("s")})
			return err
		}, "ResourceNotFoundException"},
		{"delete a missing group", func() error {
			_, err := b.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: new("none")})
			return err
		}, "ResourceNotFoundException"},
		{"keep for two days", func() error {
			_, err := b.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: new("group"), RetentionInDays: new(int32(2))})
			return err
		}, "InvalidParameterException"},
		{"read a missing stream", func() error {
			_, err := b.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: new("group"), LogStreamName: new("none")})
			return err
		}, "ResourceNotFoundException"},
		{"read with a bad token", func() error {
			_, err := b.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: new("group"), LogStreamName: new("stream"), NextToken: new("x")})
			return err
		}, "InvalidParameterException"},
		{"order by time with a prefix", func() error {
			_, err := b.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{
				LogGroupName: new("group"), OrderBy: types.OrderByLastEventTime, LogStreamNamePrefix: new("s"),
			})
			return err
		}, "InvalidParameterException"},
		{"a JSON pattern", func() error {
			_, err := b.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: new("group"), FilterPattern: new(`{ $.a = 1 }`)})
			return err
		}, "InvalidParameterException"},
		{"filter a missing stream", func() error {
			_, err := b.FilterLogEvents(ctx, &sdk.FilterLogEventsInput{LogGroupName: new("group"), LogStreamNames: []string{"none"}})
			return err
		}, "ResourceNotFoundException"},
	}
	for _, test := range tests {
		if got := code(test.call()); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestFilterLogEvents(t *testing.T) {
	b := start(t)
	now := time.Now()
	b.put(t, "stream", now.Add(-time.Minute), "INFO one", "ERROR two", "ERROR three words")
	b.put(t, "other", now.Add(-2*time.Minute), "WARN four", `say "hi" five`)
	b.put(t, "other", now, "INFO six")
	tests := []struct {
		in   sdk.FilterLogEventsInput
		want string
	}{
		{sdk.FilterLogEventsInput{}, "four five one two three six"},
		{sdk.FilterLogEventsInput{StartFromHead: new(false), StartTime: new(now.Add(-time.Hour).UnixMilli())}, "six three two one five four"},
		{sdk.FilterLogEventsInput{LogStreamNames: []string{"other"}}, "four five six"},
		{sdk.FilterLogEventsInput{LogStreamNames: []string{"other", "stream"}, FilterPattern: new("INFO")}, "one six"},
		{sdk.FilterLogEventsInput{LogStreamNamePrefix: new("str")}, "one two three"},
		{sdk.FilterLogEventsInput{FilterPattern: new("ERROR")}, "two three"},
		{sdk.FilterLogEventsInput{FilterPattern: new("ERROR words")}, "three"},
		{sdk.FilterLogEventsInput{FilterPattern: new("?ERROR ?WARN")}, "four two three"},
		{sdk.FilterLogEventsInput{FilterPattern: new("-ERROR")}, "four five one six"},
		{sdk.FilterLogEventsInput{FilterPattern: new(`"three words"`)}, "three"},
		{sdk.FilterLogEventsInput{FilterPattern: new(`"\"hi\""`)}, "five"},
		{sdk.FilterLogEventsInput{FilterPattern: new(`ERROR -"three words"`)}, "two"},
		{sdk.FilterLogEventsInput{StartTime: new(now.UnixMilli())}, "six"},
		{sdk.FilterLogEventsInput{EndTime: new(now.Add(-2*time.Minute).UnixMilli() + 1)}, "four"},
	}
	number := func(message string) string {
		for _, word := range strings.Fields(message) {
			if strings.Contains("one two three four five six", word) {
				return word
			}
		}
		return message
	}
	for _, test := range tests {
		for _, limit := range []*int32{nil, new(int32(1)), new(int32(2))} {
			test.in.LogGroupName, test.in.Limit = new("group"), limit
			var got []string
			for pages := sdk.NewFilterLogEventsPaginator(b.Client, &test.in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Events {
					got = append(got, number(*e.Message))
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("pattern %q, streams %q, prefix %q, limit %d (-want +got):\n%s",
					deref(test.in.FilterPattern), test.in.LogStreamNames, deref(test.in.LogStreamNamePrefix), deref(limit), diff)
			}
		}
	}
}

func TestLogsOutliveTheService(t *testing.T) {
	home := t.TempDir()
	t.Run("write", func(t *testing.T) {
		b := open(t, home)
		if _, err := b.CreateLogGroup(t.Context(), &sdk.CreateLogGroupInput{LogGroupName: new("group")}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.CreateLogStream(t.Context(), &sdk.CreateLogStreamInput{LogGroupName: new("group"), LogStreamName: new("stream")}); err != nil {
			t.Fatal(err)
		}
		b.put(t, "stream", time.Now(), "here")
	})
	if diff := cmp.Diff([]string{"here"}, open(t, home).all(t, "stream")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func (b *bed) count(t testing.TB, query string) (n int) {
	t.Helper()
	if err := b.store.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRunRemovesWhatIsGoneOrExpired(t *testing.T) {
	home := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := startAt(t, home)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.service.Run(ctx) }()
		if _, err := b.PutRetentionPolicy(t.Context(), &sdk.PutRetentionPolicyInput{LogGroupName: new("group"), RetentionInDays: new(int32(1))}); err != nil {
			t.Fatal(err)
		}
		b.put(t, "stream", time.Now(), "expires")
		b.put(t, "other", time.Now(), "goes with its stream")
		if _, err := b.DeleteLogStream(t.Context(), &sdk.DeleteLogStreamInput{LogGroupName: new("group"), LogStreamName: new("other")}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := b.count(t, "SELECT (SELECT count(*) FROM logs_event) + (SELECT count(*) FROM logs_gone)"); got != 1 {
			t.Errorf("after deleting a stream: got %d rows, want the one event", got)
		}
		time.Sleep(23 * time.Hour)
		b.put(t, "stream", time.Now(), "stays")
		if diff := cmp.Diff([]string{"expires", "stays"}, b.all(t, "stream")); diff != "" {
			t.Errorf("events within a day (-want +got):\n%s", diff)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if diff := cmp.Diff([]string{"stays"}, b.all(t, "stream")); diff != "" {
			t.Errorf("events after a day (-want +got):\n%s", diff)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
