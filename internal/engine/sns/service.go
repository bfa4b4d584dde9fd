package sns

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Config says what a Service stands on.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger
	// Endpoint is the engine's address, such as http://127.0.0.1:4100; the
	// links of notices lead there.
	Endpoint string
	// Send sends a message to a queue. A [*wire.Fault] is the queue's answer;
	// any other error is the engine's own.
	Send func(context.Context, delivery.Call) error
}

// A Service is SNS. Its methods are safe for concurrent use.
type Service struct {
	config        Config
	topicTable    store.Table[topic]
	subscriptions store.Table[subscription]
	posts         *delivery.Queue // what HTTP endpoints are owed
	client        *http.Client

	// mu guards what follows, and is held while a change is written. The
	// documents are replaced as a whole, so that replies may point into them.
	mu     sync.Mutex
	topics map[string]topic        // by ARN
	subs   map[string]subscription // by ARN
	sent   map[string]*recent      // of FIFO topics, by ARN
}

// A topic is the document of one.
type topic struct {
	ARN        string
	Name       string
	Created    time.Time
	Attributes map[string]string // those that are set
	Tags       map[string]string
	Deleted    int // how many subscriptions were
}

func (t topic) fifo() bool { return t.Attributes["FifoTopic"] == "true" }

// A subscription is the document of one.
type subscription struct {
	ARN        string
	Topic      string // its ARN
	Protocol   string
	Endpoint   string
	Created    time.Time
	Attributes map[string]string // those that are set
	Token      string            // confirms it
	Confirmed  bool
	// Known says that who confirmed it had signed, and Guarded that who takes
	// it away must sign too.
	Known   bool
	Guarded bool

	filter *filter // of the FilterPolicy; nil lets everything pass
}

// New loads the topics and their subscriptions.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		config:        config,
		topicTable:    store.NewTable[topic](config.Store, "sns.topic"),
		subscriptions: store.NewTable[subscription](config.Store, "sns.subscription"),
		client:        newClient(),
		sent:          map[string]*recent{},
	}
	var err error
	if s.topics, err = s.topicTable.All(ctx); err != nil {
		return nil, fmt.Errorf("loading topics: %w", err)
	}
	if s.subs, err = s.subscriptions.All(ctx); err != nil {
		return nil, fmt.Errorf("loading subscriptions: %w", err)
	}
	for arn, sub := range s.subs {
		if sub.filter, err = newFilter(sub.Attributes); err != nil {
			return nil, fmt.Errorf("loading subscription %q: %w", arn, err)
		}
		s.subs[arn] = sub
	}
	s.posts, err = delivery.NewQueue(ctx, delivery.Config{
		Store: config.Store, Log: config.Log, Kind: "sns.post", Do: s.do,
	})
	return s, err
}

// Run posts to HTTP endpoints until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.posts.Run(ctx) }

// Wire returns the operations of the service. On AWS it speaks Query alone; the
// JSON is for the engine's own callers (wire.Caller).
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{
		Name: "sns", Target: "AmazonSimpleNotificationService", JSONVersion: "1.1",
		QueryVersion: queryVersion, Namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
	}
	wire.Handle(w, s.createTopic)
	wire.Handle(w, s.getTopicAttributes)
	wire.Handle(w, s.setTopicAttributes)
	wire.Handle(w, s.listTopics)
	wire.Handle(w, s.deleteTopic)
	wire.Handle(w, s.subscribe)
	wire.Handle(w, s.confirmSubscription)
	wire.Handle(w, s.unsubscribe)
	wire.Handle(w, s.listSubscriptions)
	wire.Handle(w, s.listSubscriptionsByTopic)
	wire.Handle(w, s.getSubscriptionAttributes)
	wire.Handle(w, s.setSubscriptionAttributes)
	wire.Handle(w, s.publish)
	wire.Handle(w, s.publishBatch)
	wire.Handle(w, s.tagResource)
	wire.Handle(w, s.untagResource)
	wire.Handle(w, s.listTagsForResource)
	wire.Handle(w, s.addPermission)
	wire.Handle(w, s.removePermission)
	return w
}

const queryVersion = "2010-03-31"

// topicLocked returns the topic of an ARN, which member gave.
func (s *Service) topicLocked(arn *string, member string) (topic, error) {
	text := deref(arn)
	if n := strings.Count(text, ":") + 1; n < 6 {
		return topic{}, invalid("%s Reason: An ARN must have at least 6 elements, not %d", member, n)
	}
	if part := strings.SplitN(text, ":", 6); part[2] != "sns" || part[3] != s.config.Account.Region {
		return topic{}, invalid("%s", member)
	}
	t, ok := s.topics[text]
	if !ok {
		return topic{}, notFound("Topic does not exist")
	}
	return t, nil
}

// saveTopicLocked writes a topic.
func (s *Service) saveTopicLocked(ctx context.Context, t topic) error {
	if err := s.topicTable.Save(ctx, t.ARN, t); err != nil {
		return err
	}
	s.topics[t.ARN] = t
	return nil
}

// ofTopicLocked returns the subscriptions of a topic, the oldest first; all of
// them where the ARN is empty.
func (s *Service) ofTopicLocked(arn string) []subscription {
	var list []subscription
	for _, sub := range s.subs {
		if arn == "" || sub.Topic == arn {
			list = append(list, sub)
		}
	}
	sorting.By(list, func(a, b subscription) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ARN, b.ARN)
	})
	return list
}

// set returns a copy of a map with a further entry; an empty value takes one
// away.
func set(from map[string]string, key, value string) map[string]string {
	to := map[string]string{}
	maps.Copy(to, from)
	to[key] = value
	if value == "" {
		delete(to, key)
	}
	return to
}

// pageSize is how many topics and subscriptions a page has.
// https://docs.aws.amazon.com/sns/latest/api/API_ListTopics.html
const pageSize = 100

// page cuts a page from a list. Tokens count what earlier pages had.
func page[T any](all []T, token *string) (items []T, next *string, err error) {
	begin := 0
	if deref(token) != "" {
		if begin, err = strconv.Atoi(*token); err != nil || begin < 0 || begin > len(all) {
			return nil, nil, invalid("NextToken")
		}
	}
	end := min(len(all), begin+pageSize)
	if end < len(all) {
		next = new(strconv.Itoa(end))
	}
	return all[begin:end], next, nil
}

// invalid is SNS's complaint about a parameter.
func invalid(format string, args ...any) *wire.Fault {
	return wire.Faultf("InvalidParameter", "Invalid parameter: "+format, args...)
}

func notFound(message string) *wire.Fault {
	return &wire.Fault{Code: "NotFound", Message: message, Status: http.StatusNotFound}
}

// null is the complaint about a member that is missing.
func null(member string) *wire.Fault {
	return wire.Faultf("ValidationError", "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}

// deref is what p points to, or the zero value.
func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
