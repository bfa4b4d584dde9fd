package sns

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/wire"
)

// sizeLimit is how many bytes a message has at most, and those of a batch
// together.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const sizeLimit = 262_144

// A message is one that is published.
type message struct {
	id         string
	at         time.Time
	topic      topic
	subject    *string
	text       string
	each       map[string]string // texts for protocols, where it has a structure
	attributes map[string]MessageAttributeValue
	group      string
	repeat     string // tells it from others on a FIFO topic
	sequence   string // its place on a FIFO topic
}

// A draft is what requests say of a message.
type draft struct {
	Message, Structure, Subject, Group, Repeat *string
	Attributes                                 map[string]MessageAttributeValue
	path                                       string // to its members, in complaints
}

// newMessage checks a draft for a topic; one without a name is for a phone.
func newMessage(d draft, t topic) (*message, error) {
	m := &message{
		id: delivery.NewID(), at: time.Now(), topic: t, subject: d.Subject, text: deref(d.Message),
		attributes: d.Attributes, group: deref(d.Group), repeat: deref(d.Repeat),
	}
	switch {
	case d.Message == nil:
		return nil, null(d.path + "message")
	case m.text == "":
		return nil, invalid("Empty message")
	case m.size() > sizeLimit:
		return nil, invalid("Message too long")
	case d.Subject != nil && !subject(*d.Subject):
		return nil, invalid("Subject")
	}
	if err := checkAttributes(d); err != nil {
		return nil, err
	}
	if err := m.structure(deref(d.Structure)); err != nil {
		return nil, err
	}
	return m, m.order()
}

// structure reads a message that has a text for each protocol.
func (m *message) structure(kind string) error {
	switch kind {
	case "":
		return nil
	case "json":
	default:
		return invalid("MessageStructure")
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(m.text), &members); err != nil {
		return invalid("Message Structure - JSON message body failed to parse")
	}
	m.each = map[string]string{}
	for protocol, member := range members {
		if text, ok := member.(string); ok {
			m.each[protocol] = text
		}
	}
	text, ok := m.each["default"]
	if !ok {
		return invalid("Message Structure - No default entry in JSON message body")
	}
	m.text = text
	return nil
}

// order applies the rules of the topic's type.
// https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html
func (m *message) order() error {
	switch {
	case !m.topic.fifo() && m.repeat != "":
		return invalid("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	case !m.topic.fifo():
		return nil
	case m.group == "":
		return invalid("The MessageGroupId parameter is required for FIFO topics")
	case m.repeat == "" && m.topic.Attributes["ContentBasedDeduplication"] != "true":
		return invalid("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	case m.repeat == "":
		hash := sha256.Sum256([]byte(m.text))
		m.repeat = hex.EncodeToString(hash[:])
	}
	if m.topic.Attributes["FifoThroughputScope"] == "MessageGroup" {
		m.repeat = m.group + "\x00" + m.repeat
	}
	return nil
}

// size is what counts towards the limit: the body, and the names, types and
// values of attributes.
func (m *message) size() int {
	n := len(m.text)
	for name, a := range m.attributes {
		n += len(name) + len(deref(a.DataType)) + len(deref(a.StringValue)) + len(a.BinaryValue)
	}
	return n
}

// subject reports whether a text may be a subject: ASCII, and one line of at
// most 100 characters.
func subject(text string) bool {
	if text == "" || len(text) > 100 {
		return false
	}
	for _, b := range []byte(text) {
		if b < ' ' || b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// checkAttributes applies the rules of message attributes.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
func checkAttributes(d draft) error {
	for _, name := range slices.Sorted(maps.Keys(d.Attributes)) {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		a := d.Attributes[name]
		if a.DataType == nil {
			return null(d.path + "messageAttributes." + name + ".member.dataType")
		}
		if err := checkAttribute(name, a); err != nil {
			return err
		}
	}
	return nil
}

func checkAttribute(name string, a MessageAttributeValue) error {
	base, _, _ := strings.Cut(*a.DataType, ".")
	field := map[string]string{"String": "String", "Number": "String", "Binary": "Binary"}[base]
	hasText, hasBytes := deref(a.StringValue) != "", len(a.BinaryValue) > 0
	switch {
	case field == "":
		return wrong("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
	case !hasText && !hasBytes:
		return wrong("The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, *a.DataType)
	case field == "String" && hasBytes, field == "Binary" && hasText:
		return wrong("The message attribute '%s' with type '%s' must use field '%s'.", name, *a.DataType, field)
	}
	return nil
}

func checkAttributeName(name string) error {
	switch {
	case name == "" || len(name) > 255:
		return wrong("Length of message attribute name must be less than 256 bytes.")
	case strings.HasPrefix(name, "."):
		return wrong("Invalid message attribute name starting with character '.' was found.")
	case strings.HasSuffix(name, "."):
		return wrong("Invalid message attribute name ending with character '.' was found.")
	case strings.Contains(name, ".."):
		return wrong("Message attribute name can not have successive '.' character.")
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r) {
			return wrong("Invalid non-alphanumeric character '#x%X' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.", r)
		}
	}
	return nil
}

func wrong(format string, args ...any) *wire.Fault {
	return wire.Faultf("ParameterValueInvalid", format, args...)
}

// body is the message as a protocol's endpoints have it.
func (m *message) body(protocol string) string {
	if text, ok := m.each[protocol]; ok {
		return text
	}
	return m.text
}

// An attribute is a message attribute in an envelope.
type attribute struct{ Type, Value string }

// An envelope is what endpoints get that do not ask for the message alone. On
// AWS those of standard topics are signed too.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
type envelope struct {
	Type, MessageId   string
	SequenceNumber    string `json:",omitempty"`
	Token             string `json:",omitempty"`
	TopicArn          string
	Subject           *string `json:",omitempty"`
	Message           string
	SubscribeURL      string `json:",omitempty"`
	Timestamp         string
	UnsubscribeURL    string               `json:",omitempty"`
	MessageAttributes map[string]attribute `json:",omitempty"`
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// envelope is the message as a subscription's endpoint gets it.
func (s *Service) envelope(m *message, sub subscription) (string, error) {
	e := envelope{
		Type: "Notification", MessageId: m.id, SequenceNumber: m.sequence, TopicArn: m.topic.ARN, Subject: m.subject,
		Message: m.body(sub.Protocol), Timestamp: timestamp(m.at), UnsubscribeURL: s.unsubscribeURL(sub),
	}
	for name, a := range m.attributes {
		value := deref(a.StringValue)
		if len(a.BinaryValue) > 0 {
			value = base64.StdEncoding.EncodeToString(a.BinaryValue)
		}
		if e.MessageAttributes == nil {
			e.MessageAttributes = map[string]attribute{}
		}
		e.MessageAttributes[name] = attribute{Type: *a.DataType, Value: value}
	}
	return encode(e)
}

// encode writes JSON whose links can be read.
func encode(value any) (string, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("writing JSON: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}
