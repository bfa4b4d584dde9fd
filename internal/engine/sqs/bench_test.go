package sqs_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
)

// BenchmarkCycle measures durable cycles of sending, receiving and deleting a
// message of 1 KB by 64 clients, of the service alone and through the SDK.
func BenchmarkCycle(b *testing.B) {
	body := strings.Repeat("x", 1024)
	for name, cycle := range map[string]func(*engine, string) error{
		"service": func(e *engine, url string) error { return e.service.Cycle(context.Background(), url, body) },
		"sdk": func(e *engine, url string) error {
			ctx := context.Background()
			if _, err := e.SendMessage(ctx, &sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
				return err
			}
			out, err := e.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: &url})
			if err != nil || len(out.Messages) == 0 {
				return err
			}
			_, err = e.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: out.Messages[0].ReceiptHandle})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			e := open(b)
			url := e.create(b, "q")
			b.SetParallelism(64 / runtime.GOMAXPROCS(0))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := cycle(e, url); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "cycles/s")
		})
	}
}

// BenchmarkMemory measures what a message takes in memory beside its body.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		e := open(b)
		e.create(b, "q")
		before := heap()
		e.service.Fill("q", n, 0, time.Now().Add(-time.Second).UnixMilli())
		b.ReportMetric(float64(heap()-before)/n, "B/message")
		e.stop()
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkFIFOReceive measures a reception from a FIFO queue and its return, by
// how many messages are visible, a hundred in each group.
func BenchmarkFIFOReceive(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := open(b)
			e.createFIFO(b, "q.fifo")
			e.service.FillGroups("q.fifo", n, n/100, time.Now().UnixMilli())
			for b.Loop() {
				e.service.TakeAndReturn("q.fifo", 10)
			}
		})
	}
}
