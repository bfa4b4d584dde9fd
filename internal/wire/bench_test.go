package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const sendMessage = `{"QueueUrl":"http://127.0.0.1:4566/000000000000/retrain","MessageBody":"{\"sector\": \"construction\", \"horizon\": 12}","DelaySeconds":0,` +
	`"MessageAttributes":{"spate.run":{"DataType":"String","StringValue":"01JD8Q2Z4W9V6X5Y7T3R1P0N8M"},"spate.index":{"DataType":"Number","StringValue":"42"}}}`

func sendMessageReply() *sqs.SendMessageOutput {
	return &sqs.SendMessageOutput{
		MessageId:              aws.String("0d7e3f6a-3f0e-4b57-9d3f-6a1f2a7c9d10"),
		MD5OfMessageBody:       aws.String("fafb00f5732ab283681e124bf8747ed1"),
		MD5OfMessageAttributes: aws.String("d25a6aea97eb8f585bfa92d314504a92"),
	}
}

func receiveMessageReply() *sqs.ReceiveMessageOutput {
	out := &sqs.ReceiveMessageOutput{}
	for i := range 10 {
		out.Messages = append(out.Messages, types.Message{
			MessageId:     aws.String(fmt.Sprintf("0d7e3f6a-3f0e-4b57-9d3f-6a1f2a7c9d%02d", i)),
			ReceiptHandle: aws.String(strings.Repeat("AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy", 4)),
			Body:          aws.String(`{"sector": "construction", "horizon": 12}`),
			MD5OfBody:     aws.String("fafb00f5732ab283681e124bf8747ed1"),
			Attributes:    map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000123"},
			MessageAttributes: map[string]types.MessageAttributeValue{
				"spate.index": {DataType: aws.String("Number"), StringValue: aws.String("42")},
			},
		})
	}
	return out
}

func BenchmarkSendMessage(b *testing.B) {
	p := newPlanner(&Service{Name: "sqs"})
	in, out := p.shape(reflect.TypeFor[sqs.SendMessageInput]()), p.shape(reflect.TypeFor[sqs.SendMessageOutput]())
	reply := reflect.ValueOf(sendMessageReply()).Elem()
	b.Run("wire", func(b *testing.B) {
		var buffer []byte
		for b.Loop() {
			v := reflect.New(in.typ).Elem()
			if err := decodeJSON([]byte(sendMessage), v, in, &presence{}); err != nil {
				b.Fatal(err)
			}
			buffer = appendJSON(buffer[:0], reply, out)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		reply := sendMessageReply()
		for b.Loop() {
			var v struct {
				QueueUrl, MessageBody *string
				DelaySeconds          int32
				MessageAttributes     map[string]struct{ DataType, StringValue *string }
			}
			if err := json.Unmarshal([]byte(sendMessage), &v); err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(struct{ MessageId, MD5OfMessageBody, MD5OfMessageAttributes *string }{
				reply.MessageId, reply.MD5OfMessageBody, reply.MD5OfMessageAttributes,
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReceiveMessage(b *testing.B) {
	const request = `{"QueueUrl":"http://127.0.0.1:4566/000000000000/retrain","MaxNumberOfMessages":10,"WaitTimeSeconds":20,"MessageAttributeNames":["All"]}`
	p := newPlanner(&Service{Name: "sqs"})
	in, out := p.shape(reflect.TypeFor[sqs.ReceiveMessageInput]()), p.shape(reflect.TypeFor[sqs.ReceiveMessageOutput]())
	b.Run("wire", func(b *testing.B) {
		reply := reflect.ValueOf(receiveMessageReply()).Elem()
		var buffer []byte
		for b.Loop() {
			v := reflect.New(in.typ).Elem()
			if err := decodeJSON([]byte(request), v, in, &presence{}); err != nil {
				b.Fatal(err)
			}
			buffer = appendJSON(buffer[:0], reply, out)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		type attribute struct{ DataType, StringValue *string }
		type message struct {
			MessageId, ReceiptHandle, Body, MD5OfBody *string
			Attributes                                map[string]string
			MessageAttributes                         map[string]attribute
		}
		type output struct{ Messages []message }
		var reply output
		for _, m := range receiveMessageReply().Messages {
			attributes := map[string]attribute{}
			for name, a := range m.MessageAttributes {
				attributes[name] = attribute{a.DataType, a.StringValue}
			}
			reply.Messages = append(reply.Messages, message{m.MessageId, m.ReceiptHandle, m.Body, m.MD5OfBody, m.Attributes, attributes})
		}
		for b.Loop() {
			var v struct {
				QueueUrl                             *string
				MaxNumberOfMessages, WaitTimeSeconds int32
				MessageAttributeNames                []string
			}
			if err := json.Unmarshal([]byte(request), &v); err != nil {
				b.Fatal(err)
			}
			if _, err := json.Marshal(reply); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	for name, value := range map[string]string{
		"X-Amz-Target": "AmazonSQS.SendMessage", "X-Amz-Date": time.Now().UTC().Format(timeFormat),
		"Content-Type": "application/x-amz-json-1.0", "Amz-Sdk-Request": "attempt=1; max=3", "X-Amzn-Query-Mode": "true",
	} {
		r.Header.Set(name, value)
	}
	keys := aws.Credentials{AccessKeyID: "A", SecretAccessKey: "secret"}
	sum := sha256.Sum256([]byte(sendMessage))
	if err := v4.NewSigner().SignHTTP(b.Context(), keys, r, hex.EncodeToString(sum[:]), "sqs", "us-east-1", time.Now()); err != nil {
		b.Fatal(err)
	}
	v := newVerifier(&Keys{AccessKeyID: "A", SecretAccessKey: "secret"})
	for b.Loop() {
		s, denied := readSignature(r)
		sum := sha256.Sum256([]byte(sendMessage))
		if denied == nil {
			denied = v.verify(r, s, hex.EncodeToString(sum[:]))
		}
		if denied != nil {
			b.Fatal(denied.fault())
		}
	}
}
