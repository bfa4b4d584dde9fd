package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Limits of a message.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const (
	maxMessageSize       = 1 << 20
	maxMessageAttributes = 10
	maxAttributeName     = 256
)

// invalidCharacter says which character of a text is none that XML 1.0 allows, if
// there is one. A text with half a surrogate pair is told by it, one that is no
// UTF-8 by its first byte that is none.
func invalidCharacter(s string) (found rune, ok bool) {
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(s[i:]); size < 2 {
				return brokenRune(s[i:]), true
			}
		case r == '\t', r == '\n', r == '\r':
		case r < ' ', r == 0xFFFE, r == 0xFFFF:
			return r, true
		}
	}
	return 0, false
}

// brokenRune is the surrogate that a text begins with in three bytes, which is not
// UTF-8, or its first byte.
func brokenRune(s string) rune {
	if len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] < 0xC0 && s[2]&0xC0 == 0x80 {
		return 0xD000 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F)
	}
	return rune(s[0])
}

const invalidBinary = "Invalid binary character '#x%X' was found in the message %s, the set of allowed characters is " +
	"#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."

// Compiling a pattern takes time: commands that need none of these start without
// them.
var (
	attributeName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]+$`) })
	attributeType = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(String|Number|Binary)(\..+)?$`) })

	groupID   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^[A-Za-z0-9!-/:-@\\[-`{-~]{1,128}$") })
	queueName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`) })
	entryID   = queueName // of the same shape
)

func checkMessageAttributes(attributes map[string]types.MessageAttributeValue) error {
	if len(attributes) > maxMessageAttributes {
		return invalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].",
			len(attributes), maxMessageAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if err := checkAttributeValue(name, attributes[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkAttributeName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		return invalidParameter("The request must contain non-empty message (user) attribute names.")
	case len(name) >= maxAttributeName:
		return invalidParameter("Message (user) attribute names must be shorter than 256 Bytes")
	case strings.Contains(name, ".."):
		return invalidParameter("Message (user) attribute name must not have successive '.' characters.")
	case !attributeName().MatchString(name):
		return invalidParameter("Message (user) attributes name can only contain upper and lower score characters, " +
			"digits, periods, hyphens and underscores. ")
	case strings.HasPrefix(lower, "aws."), strings.HasPrefix(lower, "amazon."),
		strings.HasPrefix(name, "."), strings.HasSuffix(name, "."):
		return invalidParameter("You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. " +
			"These strings are reserved for internal use. Additionally, they cannot start or end with '.'.")
	}
	return nil
}

func checkAttributeValue(name string, value types.MessageAttributeValue) error {
	dataType := aws.ToString(value.DataType)
	kind, _, _ := strings.Cut(dataType, ".")
	switch {
	case dataType == "":
		return invalidParameter("The message (user) attribute '%s' must contain a non-empty message attribute type.", name)
	case !attributeType().MatchString(dataType):
		return invalidParameter("The type of message (user) attribute '%s' is invalid. "+
			"You must use only the following supported type prefixes: Binary, Number, String.", name)
	case len(dataType) >= maxAttributeName:
		return invalidParameter("Message (user) attribute types must be shorter than 256 Bytes")
	case len(value.StringListValues)+len(value.BinaryListValues) > 0:
		return legacy("UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported.")
	case value.StringValue != nil && value.BinaryValue != nil:
		return invalidParameter("Message (user) attribute '%s' must have a single value.", name)
	case kind == "Binary" && aws.ToString(value.StringValue) != "":
		return invalidParameter("Message (user) attribute '%s' with type '%s' must use field 'Binary'.", name, kind)
	case kind != "Binary" && len(value.BinaryValue) > 0:
		return invalidParameter("Message (user) attribute '%s' with type '%s' must use field 'String'.", name, kind)
	case kind == "Binary" && len(value.BinaryValue) == 0,
		kind != "Binary" && aws.ToString(value.StringValue) == "":
		return invalidParameter("Message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, kind)
	}
	if found, ok := invalidCharacter(aws.ToString(value.StringValue)); ok {
		return invalidParameter(invalidBinary, found, "attribute '"+name+"' value")
	}
	if kind == "Number" && !isNumber(aws.ToString(value.StringValue)) {
		return invalidParameter("Can't cast the value of message (user) attribute '%s' to a number.", name)
	}
	return nil
}

// attributesSize is what attributes add to a message's size.
func attributesSize(attributes map[string]types.MessageAttributeValue) int {
	size := 0
	for name, value := range attributes {
		size += len(name) + len(aws.ToString(value.DataType)) + len(aws.ToString(value.StringValue)) + len(value.BinaryValue)
	}
	return size
}

func md5Text(body string) *string {
	sum := md5.Sum([]byte(body))
	return aws.String(hex.EncodeToString(sum[:]))
}

// md5Attributes returns the checksum that SDKs verify, nil for no attributes.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
func md5Attributes(attributes map[string]types.MessageAttributeValue) *string {
	if len(attributes) == 0 {
		return nil
	}
	sum := md5.New()
	write := func(part []byte) {
		sum.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		sum.Write(part)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		dataType := aws.ToString(value.DataType)
		write([]byte(name))
		write([]byte(dataType))
		if strings.HasPrefix(dataType, "Binary") {
			sum.Write([]byte{2})
			write(value.BinaryValue)
		} else {
			sum.Write([]byte{1})
			write([]byte(aws.ToString(value.StringValue)))
		}
	}
	return aws.String(hex.EncodeToString(sum.Sum(nil)))
}
