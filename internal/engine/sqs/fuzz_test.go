package sqs_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// faultCodes are those that SQS's model and its list of common errors have, and
// what the protocols answer by themselves.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
var faultCodes = []string{
	"BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidAction", "InvalidAttributeName",
	"InvalidAttributeValue", "InvalidBatchEntryId", "InvalidMessageContents", "InvalidParameterValue",
	"InvalidParameterValueException", "MalformedInput", "MalformedQueryString", "MissingAction", "MissingParameter",
	"MissingRequiredParameterException", "NoSuchVersion", "OverLimit", "PurgeQueueInProgress", "QueueAlreadyExists",
	"QueueDeletedRecently", "QueueDoesNotExist", "QueueNameExists", "NonExistentQueue", "ReceiptHandleIsInvalid",
	"ResourceNotFoundException", "SerializationException", "TooManyEntriesInBatchRequest", "UnknownOperationException",
	"UnsupportedOperation",
}

func knownFault(code string) bool {
	return slices.Contains(faultCodes, strings.TrimPrefix(code, "AWS.SimpleQueueService."))
}

// A prey is a service with something in it for requests to reach.
type prey struct {
	*engine
	handles []string
}

func newPrey(f *testing.F) *prey {
	p := &prey{engine: start(f, f.TempDir()+"/x.db")}
	dead := p.create(f, "dead")
	url := p.create(f, "q", "RedrivePolicy", fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, account.ARN("sqs", "dead")))
	fifo := p.createFIFO(f, "q.fifo")
	p.send(f, dead, "x")
	p.send(f, url, "x")
	p.put(f, fifo, "g:1")
	for _, url := range []string{url, fifo} {
		p.handles = append(p.handles, *p.receive(f, url)[0].ReceiptHandle)
	}
	p.send(f, url, "y")
	return p
}

// ask makes a request as a fuzzer wrote it, in which $0 and $1 are receipt
// handles of the queues q and q.fifo. It gives up waiting soon.
func (p *prey) ask(t *testing.T, header http.Header, body string) (answer *httptest.ResponseRecorder, whole bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for i, handle := range p.handles {
		body = strings.ReplaceAll(body, fmt.Sprint("$", i), handle)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://engine.local/", strings.NewReader(body))
	r.Header = header
	answer = httptest.NewRecorder()
	p.handler.ServeHTTP(answer, r)
	return answer, ctx.Err() == nil
}

// FuzzOperationsByJSON: whatever a request says, the answer is the operation's or
// an error that AWS has.
func FuzzOperationsByJSON(f *testing.F) {
	for _, seed := range [][2]string{
		{"CreateQueue", `{"QueueName":"new.fifo","Attributes":{"FifoQueue":"true","RedrivePolicy":"{\"deadLetterTargetArn\":\"x\",\"maxReceiveCount\":\"1\"}"},"tags":{"a":"b"}}`},
		{"CreateQueue", `{"QueueName":"q","Attributes":{"Policy":"{}","RedriveAllowPolicy":"{\"redrivePermission\":\"byQueue\"}"}}`},
		{"SendMessage", `{"QueueUrl":"q","MessageBody":"x","DelaySeconds":1,"MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"AAE="}},"MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"t"}}}`},
		{"SendMessage", `{"QueueUrl":"q.fifo","MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"d"}`},
		{"SendMessageBatch", `{"QueueUrl":"q.fifo","Entries":[{"Id":"a","MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"d"},null]}`},
		{"ReceiveMessage", `{"QueueUrl":"q","MaxNumberOfMessages":10,"VisibilityTimeout":0,"MessageAttributeNames":["a.*"],"AttributeNames":["All"]}`},
		{"ReceiveMessage", `{"QueueUrl":"q.fifo","ReceiveRequestAttemptId":"x","WaitTimeSeconds":1}`},
		{"DeleteMessage", `{"QueueUrl":"q","ReceiptHandle":"$0"}`},
		{"DeleteMessageBatch", `{"QueueUrl":"q.fifo","Entries":[{"Id":"a","ReceiptHandle":"$1"},{"Id":"b","ReceiptHandle":"$0"}]}`},
		{"ChangeMessageVisibility", `{"QueueUrl":"q","ReceiptHandle":"$0","VisibilityTimeout":43200}`},
		{"ChangeMessageVisibilityBatch", `{"QueueUrl":"q.fifo","Entries":[{"Id":"a","ReceiptHandle":"$1","VisibilityTimeout":0}]}`},
		{"SetQueueAttributes", `{"QueueUrl":"q.fifo","Attributes":{"DelaySeconds":"1","FifoThroughputLimit":"perMessageGroupId","DeduplicationScope":"messageGroup"}}`},
		{"GetQueueAttributes", `{"QueueUrl":"q","AttributeNames":["All","FifoQueue"]}`},
		{"GetQueueUrl", `{"QueueName":"q","QueueOwnerAWSAccountId":"000000000000"}`},
		{"ListQueues", `{"MaxResults":1,"NextToken":"cQ=="}`},
		{"ListDeadLetterSourceQueues", `{"QueueUrl":"dead","MaxResults":1000}`},
		{"TagQueue", `{"QueueUrl":"q","Tags":{"a":"b"}}`},
		{"UntagQueue", `{"QueueUrl":"q","TagKeys":["a"]}`},
		{"ListQueueTags", `{"QueueUrl":"https://sqs/0/q"}`},
		{"AddPermission", `{"QueueUrl":"q","Label":"l","AWSAccountIds":["111122223333"],"Actions":["SendMessage"]}`},
		{"RemovePermission", `{"QueueUrl":"q","Label":"l"}`},
		{"StartMessageMoveTask", `{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:dead","DestinationArn":"arn:aws:sqs:us-east-1:000000000000:q","MaxNumberOfMessagesPerSecond":1}`},
		{"CancelMessageMoveTask", `{"TaskHandle":"eyJ0YXNrSWQiOiJhIn0="}`},
		{"ListMessageMoveTasks", `{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:dead","MaxResults":10}`},
		{"PurgeQueue", `{"QueueUrl":"q"}`},
		{"DeleteQueue", `{"QueueUrl":"new.fifo"}`},
		{"Nothing", `[]`},
	} {
		f.Add(seed[0], seed[1])
	}
	p := newPrey(f)
	f.Fuzz(func(t *testing.T, operation, body string) {
		answer, whole := p.ask(t, http.Header{
			"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"AmazonSQS." + operation}, "X-Amzn-Query-Mode": {"true"},
		}, body)
		if !whole {
			return
		}
		var reply map[string]any
		if err := json.Unmarshal(answer.Body.Bytes(), &reply); err != nil {
			t.Fatalf("got %d %q: %v", answer.Code, answer.Body, err)
		}
		if answer.Code == http.StatusOK {
			return
		}
		code, _ := reply["__type"].(string)
		legacy, blame, _ := strings.Cut(answer.Header().Get("X-Amzn-Query-Error"), ";")
		if answer.Code >= 500 || !knownFault(code) || !knownFault(legacy) || blame != "Sender" {
			t.Errorf("got %d %s (%s), want an error of SQS's", answer.Code, answer.Body, answer.Header().Get("X-Amzn-Query-Error"))
		}
	})
}

// FuzzOperationsByQuery is the same in the protocol of older clients.
func FuzzOperationsByQuery(f *testing.F) {
	for _, seed := range []string{
		"Action=CreateQueue&QueueName=new&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=7&Tag.1.Key=a&Tag.1.Value=b",
		"Action=SendMessage&QueueUrl=q&MessageBody=a%3Cb&DelaySeconds=0&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=Number&MessageAttribute.1.Value.StringValue=1",
		"Action=SendMessageBatch&QueueUrl=q.fifo&SendMessageBatchRequestEntry.1.Id=x&SendMessageBatchRequestEntry.1.MessageBody=b&SendMessageBatchRequestEntry.1.MessageGroupId=g&SendMessageBatchRequestEntry.1.MessageDeduplicationId=d",
		"Action=ReceiveMessage&QueueUrl=q&MaxNumberOfMessages=10&AttributeName.1=All&MessageAttributeName.1=All",
		"Action=DeleteMessage&QueueUrl=q&ReceiptHandle=$0",
		"Action=DeleteMessageBatch&QueueUrl=q.fifo&DeleteMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.ReceiptHandle=$1",
		"Action=ChangeMessageVisibilityBatch&QueueUrl=q&ChangeMessageVisibilityBatchRequestEntry.1.Id=a&ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle=$0&ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout=1",
		"Action=GetQueueAttributes&QueueUrl=q&AttributeName.1=All",
		"Action=SetQueueAttributes&QueueUrl=q&Attribute.1.Name=RedrivePolicy&Attribute.1.Value=",
		"Action=ListQueues&QueueNamePrefix=q&MaxResults=1",
		"Action=AddPermission&QueueUrl=q&Label=l&AWSAccountId.1=111122223333&ActionName.1=SendMessage",
		"Action=StartMessageMoveTask&SourceArn=arn:aws:sqs:us-east-1:000000000000:dead",
		"Action=ListMessageMoveTasks&SourceArn=arn:aws:sqs:us-east-1:000000000000:dead",
		"Action=PurgeQueue&QueueUrl=none",
		"Action=Nothing", "",
	} {
		f.Add(seed)
	}
	p := newPrey(f)
	f.Fuzz(func(t *testing.T, form string) {
		answer, whole := p.ask(t, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form+"&Version=2012-11-05")
		if !whole {
			return
		}
		var reply struct {
			XMLName xml.Name
			Error   struct{ Type, Code, Message string }
		}
		decoder := xml.NewDecoder(strings.NewReader(strings.TrimSpace(answer.Body.String())))
		if err := decoder.Decode(&reply); err != nil {
			t.Fatalf("got %d, which is no XML: %v", answer.Code, err)
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			t.Errorf("after the reply: got %v, want its end", err)
		}
		if answer.Code != http.StatusOK && (answer.Code >= 500 || reply.Error.Type != "Sender" || !knownFault(reply.Error.Code)) {
			t.Errorf("got %d %+v, want an error of SQS's", answer.Code, reply.Error)
		}
	})
}
