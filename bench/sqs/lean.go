package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // SQS's checksum of bodies
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A lean client has one connection and does no more than it must.
type lean struct {
	conn    net.Conn
	read    *bufio.Reader
	address string
	keys    keys
	day     string
	key     []byte
	request []byte
	body    []byte
}

func dial(r *rival) (*lean, error) {
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		return nil, err
	}
	return &lean{conn: conn, read: bufio.NewReaderSize(conn, 64<<10), address: r.address, keys: r.keys}, nil
}

// call sends a signed request and returns the reply, which is good until the
// next call.
func (c *lean) call(operation, body string) ([]byte, error) {
	now := time.Now().UTC().Format("20060102T150405Z")
	hash := sha256.Sum256([]byte(body))
	c.request = fmt.Appendf(c.request[:0], "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"X-Amz-Target: AmazonSQS.%s\r\nX-Amz-Date: %s\r\nContent-Length: %d\r\n"+
		"Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/us-east-1/sqs/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=%s\r\n\r\n%s",
		c.address, operation, now, len(body), c.keys.id, now[:8], c.sign(operation, now, hex.EncodeToString(hash[:])), body)
	if _, err := c.conn.Write(c.request); err != nil {
		return nil, err
	}
	return c.reply(operation)
}

// sign is SigV4 with the day's key kept.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
func (c *lean) sign(operation, now, hash string) string {
	if c.day != now[:8] {
		c.day, c.key = now[:8], []byte("AWS4"+c.keys.secret)
		for _, part := range []string{c.day, "us-east-1", "sqs", "aws4_request"} {
			c.key = digest(c.key, part)
		}
	}
	canonical := sha256.Sum256([]byte("POST\n/\n\nhost:" + c.address + "\nx-amz-date:" + now + "\nx-amz-target:AmazonSQS." + operation +
		"\n\nhost;x-amz-date;x-amz-target\n" + hash))
	return hex.EncodeToString(digest(c.key, "AWS4-HMAC-SHA256\n"+now+"\n"+c.day+"/us-east-1/sqs/aws4_request\n"+hex.EncodeToString(canonical[:])))
}

func digest(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (c *lean) reply(operation string) ([]byte, error) {
	status, err := c.read.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	ok := bytes.Contains(status, []byte(" 200 "))
	length := 0
	for {
		line, err := c.read.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(strings.TrimSpace(string(value))); err != nil {
				return nil, err
			}
		}
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.read, c.body); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: %s", operation, c.body)
	}
	return c.body, nil
}

// cycle sends, receives and deletes a batch, and returns how many messages that
// were.
func (c *lean) cycle(queue, payload string, batch int) (int, error) {
	if batch == 1 {
		return c.single(queue, payload)
	}
	var entries []string
	for i := range batch {
		entries = append(entries, fmt.Sprintf(`{"Id":"%d","MessageBody":"%s"}`, i, payload))
	}
	if _, err := c.call("SendMessageBatch", `{"QueueUrl":"`+queue+`","Entries":[`+strings.Join(entries, ",")+`]}`); err != nil {
		return 0, err
	}
	reply, err := c.call("ReceiveMessage", `{"QueueUrl":"`+queue+`","MaxNumberOfMessages":10}`)
	if err != nil {
		return 0, err
	}
	entries = entries[:0]
	for i, handle := range handles(reply) {
		entries = append(entries, fmt.Sprintf(`{"Id":"%d","ReceiptHandle":"%s"}`, i, handle))
	}
	if len(entries) == 0 {
		return 0, nil
	}
	_, err = c.call("DeleteMessageBatch", `{"QueueUrl":"`+queue+`","Entries":[`+strings.Join(entries, ",")+`]}`)
	return len(entries), err
}

func (c *lean) single(queue, payload string) (int, error) {
	if _, err := c.call("SendMessage", `{"QueueUrl":"`+queue+`","MessageBody":"`+payload+`"}`); err != nil {
		return 0, err
	}
	reply, err := c.call("ReceiveMessage", `{"QueueUrl":"`+queue+`"}`)
	if err != nil {
		return 0, err
	}
	got := handles(reply)
	if len(got) == 0 {
		return 0, nil
	}
	_, err = c.call("DeleteMessage", `{"QueueUrl":"`+queue+`","ReceiptHandle":"`+got[0]+`"}`)
	return 1, err
}

// handles are the receipt handles of a reply.
func handles(reply []byte) []string {
	var all []string
	for rest := reply; ; {
		_, after, ok := bytes.Cut(rest, []byte(`"ReceiptHandle":"`))
		if !ok {
			return all
		}
		handle, next, _ := bytes.Cut(after, []byte(`"`))
		all, rest = append(all, string(handle)), next
	}
}

// cannedReply is the floor's answer to an operation.
func cannedReply(operation string, ten bool) string {
	const id, handle = "11111111-2222-3333-4444-555555555555", "AQEBcanned"
	sum := md5.Sum([]byte("x")) //nolint:gosec // SQS's checksum of bodies
	hash := hex.EncodeToString(sum[:])
	message := `{"MessageId":"` + id + `","ReceiptHandle":"` + handle + `","MD5OfBody":"` + hash + `","Body":"x"}`
	many := func(one string, n int) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	switch operation {
	case "CreateQueue":
		return `{"QueueUrl":"http://127.0.0.1:4199/000000000000/bench"}`
	case "SendMessage":
		return `{"MessageId":"` + id + `","MD5OfMessageBody":"` + hash + `"}`
	case "SendMessageBatch":
		return `{"Failed":[],"Successful":[` + many(`{"Id":"0","MessageId":"`+id+`","MD5OfMessageBody":"`+hash+`"}`, 10) + `]}`
	case "ReceiveMessage":
		n := 1
		if ten {
			n = 10
		}
		return `{"Messages":[` + many(message, n) + `]}`
	case "DeleteMessageBatch":
		return `{"Failed":[],"Successful":[` + many(`{"Id":"0"}`, 10) + `]}`
	}
	return `{}`
}
