package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/bench/internal/measure"
)

type bench struct {
	options
	rivals []*rival
	queues int // made so far
}

// ours is spate's place among the rivals, after the floor.
const ours = 1

// A load is what clients do.
type load struct {
	connections, size, batch int
	sdk                      bool // by the Go SDK's client
}

func (l load) String() string {
	client := "lean client"
	if l.sdk {
		client = "Go SDK"
	}
	return fmt.Sprintf("%s, %d connections, %d B, batches of %d", client, l.connections, l.size, l.batch)
}

// A rate is what a rival did in a round.
type rate struct {
	perSecond float64
	processor time.Duration // of the server, for a message
}

// compare prints what each rival does of a load.
func (b *bench) compare(ctx context.Context, l load) error {
	measure.Tell("%v", l)
	rates := map[*rival][]rate{}
	for range b.rounds {
		for i, r := range b.rivals {
			got, err := b.round(ctx, r, l)
			switch {
			case err == nil:
				rates[r] = append(rates[r], got)
			case i <= ours || ctx.Err() != nil:
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	fmt.Println(l)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  \tMESSAGES/S\tSERVER CPU A MESSAGE\tSPATE IS")
	own := median(rates[b.rivals[ours]])
	for _, r := range b.rivals {
		if len(rates[r]) == 0 {
			fmt.Fprintf(w, "  %s\tfails\n", r.name)
			continue
		}
		m := median(rates[r])
		fmt.Fprintf(w, "  %s\t%.0f\t%v\t%.2f of it\n", r.name, m.perSecond, m.processor.Round(100*time.Nanosecond), own.perSecond/m.perSecond)
	}
	w.Flush()
	return nil
}

func median(rates []rate) rate {
	rates = slices.Clone(rates)
	slices.SortFunc(rates, func(a, b rate) int { return int(a.perSecond - b.perSecond) })
	return rates[len(rates)/2]
}

// round has the clients work for the time that a rival has.
func (b *bench) round(ctx context.Context, r *rival, l load) (rate, error) {
	queue, err := b.makeQueue(ctx, r)
	if err != nil {
		return rate{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, b.each)
	defer cancel()
	var done atomic.Int64
	var clients sync.WaitGroup
	errs := make([]error, l.connections)
	payload := strings.Repeat("x", l.size)
	before, began := r.processor(), time.Now()
	for i := range l.connections {
		clients.Go(func() {
			cycle, stop, err := clientOf(r, l, queue, payload)
			if err != nil {
				errs[i] = err
				return
			}
			defer stop()
			for ctx.Err() == nil {
				n, err := cycle(ctx)
				if err != nil && ctx.Err() == nil {
					errs[i] = err
					return
				}
				done.Add(int64(n))
			}
		})
	}
	clients.Wait()
	took, n := time.Since(began), done.Load()
	if err := errors.Join(errs...); err != nil {
		return rate{}, err
	}
	if n == 0 {
		return rate{}, errors.New("no message came back")
	}
	return rate{float64(n) / took.Seconds(), (r.processor() - before) / time.Duration(n)}, nil
}

// clientOf is one connection's cycle of a load.
func clientOf(r *rival, l load, queue, payload string) (cycle func(context.Context) (int, error), stop func(), err error) {
	if l.sdk {
		client := sdkClient(r)
		return func(ctx context.Context) (int, error) { return cycleBySDK(ctx, client, queue, payload) }, func() {}, nil
	}
	c, err := dial(r)
	if err != nil {
		return nil, nil, err
	}
	return func(context.Context) (int, error) { return c.cycle(queue, payload, l.batch) }, func() { _ = c.conn.Close() }, nil
}

func sdkClient(r *rival) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + r.address),
		Credentials:                      credentials.NewStaticCredentialsProvider(r.keys.id, r.keys.secret, ""),
		DisableMessageChecksumValidation: true, // the floor's never fit
	})
}

func cycleBySDK(ctx context.Context, client *sqs.Client, queue, payload string) (int, error) {
	if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &payload}); err != nil {
		return 0, err
	}
	got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue})
	if err != nil || len(got.Messages) == 0 {
		return 0, err
	}
	_, err = client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: got.Messages[0].ReceiptHandle})
	return 1, err
}

func (b *bench) makeQueue(ctx context.Context, r *rival) (string, error) {
	b.queues++
	name := fmt.Sprintf("bench-%d", b.queues)
	out, err := sdkClient(r).CreateQueue(ctx, &sqs.CreateQueueInput{
		QueueName: &name, Attributes: map[string]string{string(types.QueueAttributeNameVisibilityTimeout): "600"},
	})
	if err != nil {
		return "", err
	}
	return *out.QueueUrl, nil
}

// wake measures how long after its sending a message comes to somebody who waits.
func (b *bench) wake(ctx context.Context, times int) error {
	measure.Tell("long polls")
	r := b.rivals[ours]
	queue, err := b.makeQueue(ctx, r)
	if err != nil {
		return err
	}
	waiter, err := dial(r)
	if err != nil {
		return err
	}
	sender, err := dial(r)
	if err != nil {
		return err
	}
	var took measure.Series
	for range times {
		came := make(chan error, 1)
		var at time.Time
		go func() {
			reply, err := waiter.call("ReceiveMessage", `{"QueueUrl":"`+queue+`","WaitTimeSeconds":20}`)
			at = time.Now()
			if err == nil && len(handles(reply)) != 1 {
				err = errors.New("a long poll came back empty")
			}
			came <- err
		}()
		time.Sleep(5 * time.Millisecond) // until it waits
		sent := time.Now()
		if _, err := sender.call("SendMessage", `{"QueueUrl":"`+queue+`","MessageBody":"x"}`); err != nil {
			return err
		}
		if err := <-came; err != nil {
			return err
		}
		took = append(took, at.Sub(sent))
	}
	slices.Sort(took)
	fmt.Printf("long poll: a message comes %v after the sending begins in the median, %v at p99\n",
		took[len(took)/2].Round(10*time.Microsecond), took[len(took)*99/100].Round(10*time.Microsecond))
	return nil
}
