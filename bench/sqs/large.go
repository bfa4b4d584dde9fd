package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/spate-run/spate/bench/internal/measure"
)

// A large queue has this many messages of a kilobyte, or so many of a megabyte,
// or so many receivers that wait.
const (
	manyMessages  = 1_000_000
	largeMessages = 200
	manyPolls     = 10_000
)

// large measures what much of everything takes: memory, disk and time.
func large(ctx context.Context, o options) error {
	return onOneEngine(ctx, o, func(l *largely) []func(context.Context) error {
		return []func(context.Context) error{l.megabytes, l.million, l.restart, l.purge, l.again, l.polls}
	})
}

// soak lets many messages pass through an engine.
func soak(ctx context.Context, o options) error {
	return onOneEngine(ctx, o, func(l *largely) []func(context.Context) error {
		return []func(context.Context) error{l.soak}
	})
}

func onOneEngine(ctx context.Context, o options, steps func(*largely) []func(context.Context) error) error {
	dir, err := os.MkdirTemp("", "bench-sqs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.spate == "" {
		measure.Tell("building spate")
		if o.spate, err = measure.Build(ctx, "./cmd/spate", dir); err != nil {
			return err
		}
	}
	fmt.Printf("%s\n\n", measure.Machine())
	l := &largely{bench: &bench{options: o}, dir: dir}
	if err := l.start(ctx); err != nil {
		return err
	}
	for _, step := range steps(l) {
		if err := step(ctx); err != nil {
			return errors.Join(err, l.stop())
		}
	}
	return l.stop()
}

// A largely is the one engine that all of it happens to.
type largely struct {
	*bench
	dir    string
	engine *rival
	queue  string
}

func (l *largely) start(context.Context) (err error) {
	l.engine, err = startSpate(l.spate, l.dir)
	return err
}

func (l *largely) stop() error {
	if l.engine == nil {
		return nil
	}
	err := l.engine.process.Signal(os.Interrupt)
	_, waited := l.engine.process.Wait()
	l.engine = nil
	return errors.Join(err, waited)
}

// tell prints a figure with the memory and the disk that the engine then has.
func (l *largely) tell(what string, got any) {
	fmt.Printf("%-52s %12v   %4d MB of memory, %5d MB of disk\n", what, got, l.engine.memory()>>20, l.disk()>>20)
}

// disk is the size of the engine's files.
func (l *largely) disk() (n int64) {
	files, err := filepath.Glob(filepath.Join(l.dir, "home", "spate.db*"))
	if err != nil {
		return 0
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			n += info.Size()
		}
	}
	return n
}

// polls has many receivers wait.
func (l *largely) polls(ctx context.Context) error {
	measure.Tell("waiting receivers")
	queue, err := l.makeQueue(ctx, l.engine)
	if err != nil {
		return err
	}
	before := l.engine.memory()
	var waiting sync.WaitGroup
	errs := make([]error, manyPolls)
	for i := range manyPolls {
		c, err := dial(l.engine)
		if err != nil {
			return err
		}
		waiting.Go(func() {
			defer c.conn.Close()
			_, errs[i] = c.call("ReceiveMessage", `{"QueueUrl":"`+queue+`","WaitTimeSeconds":20}`)
		})
	}
	time.Sleep(5 * time.Second) // by then all wait
	used := l.engine.processor()
	time.Sleep(5 * time.Second)
	used = l.engine.processor() - used
	l.tell(fmt.Sprintf("%d waiting receivers take", manyPolls), fmt.Sprintf("%d MB", (l.engine.memory()-before)>>20))
	l.tell("and of the processor", fmt.Sprintf("%.1f %%", 100*used.Seconds()/5))
	waiting.Wait()
	return errors.Join(errs...)
}

// megabytes sends messages that must not stay in memory.
func (l *largely) megabytes(ctx context.Context) error {
	measure.Tell("large messages")
	queue, err := l.makeQueue(ctx, l.engine)
	if err != nil {
		return err
	}
	c, err := dial(l.engine)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	body := `{"QueueUrl":"` + queue + `","MessageBody":"` + strings.Repeat("x", 1<<20) + `"}`
	for range largeMessages {
		if _, err := c.call("SendMessage", body); err != nil {
			return err
		}
	}
	l.tell(fmt.Sprintf("%d messages of 1 MiB", largeMessages), "")
	_, err = sdkClient(l.engine).PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &queue})
	return err
}

// million fills a queue, and measures at some depths how fast it is then.
func (l *largely) million(ctx context.Context) (err error) {
	if l.queue, err = l.makeQueue(ctx, l.engine); err != nil {
		return err
	}
	depth := 0
	for _, next := range []int{0, 1_000, 100_000, manyMessages} {
		measure.Tell("%d messages", next)
		began := time.Now()
		if err := l.fill(next - depth); err != nil {
			return err
		}
		if next > 1_000 {
			l.tell(fmt.Sprintf("%d messages of 1 KB sent, each second", next-depth), int(float64(next-depth)/time.Since(began).Seconds()))
		}
		depth = next
		rate, err := l.cycles(ctx)
		if err != nil {
			return err
		}
		l.tell(fmt.Sprintf("sent, received and deleted a second beside %d", depth), int(rate))
	}
	return nil
}

// connections are those of a client that fills a queue or works at it.
const connections = 16

// fill sends messages of a kilobyte, ten at a time.
func (l *largely) fill(n int) error {
	var entries []string
	for i := range 10 {
		entries = append(entries, fmt.Sprintf(`{"Id":"%d","MessageBody":"%s"}`, i, strings.Repeat("x", 1024)))
	}
	batch := `{"QueueUrl":"` + l.queue + `","Entries":[` + strings.Join(entries, ",") + `]}`
	var left atomic.Int64
	left.Store(int64(n))
	return l.together(connections, func(c *lean) error {
		for left.Add(-10) >= 0 {
			if _, err := c.call("SendMessageBatch", batch); err != nil {
				return err
			}
		}
		return nil
	})
}

// cycles measures what connections do in the time of a round.
func (l *largely) cycles(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.each)
	defer cancel()
	var done atomic.Int64
	began := time.Now()
	err := l.together(connections, func(c *lean) error {
		for ctx.Err() == nil {
			n, err := c.cycle(l.queue, strings.Repeat("x", 1024), 1)
			if err != nil {
				return err
			}
			done.Add(int64(n))
		}
		return nil
	})
	return float64(done.Load()) / time.Since(began).Seconds(), err
}

func (l *largely) together(n int, work func(*lean) error) error {
	var clients sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		clients.Go(func() {
			c, err := dial(l.engine)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.conn.Close()
			errs[i] = work(c)
		})
	}
	clients.Wait()
	return errors.Join(errs...)
}

// again starts anew, with the memory of an engine that did nothing before.
func (l *largely) again(ctx context.Context) error { return errors.Join(l.stop(), l.start(ctx)) }

// restart measures how long it takes to end the engine and for the next one to
// answer.
func (l *largely) restart(ctx context.Context) error {
	measure.Tell("restart")
	began := time.Now()
	if err := l.again(ctx); err != nil {
		return err
	}
	_, err := sdkClient(l.engine).ListQueues(ctx, &sqs.ListQueuesInput{})
	l.tell(fmt.Sprintf("an end and a start with %d messages", manyMessages), measure.Short(time.Since(began)))
	return err
}

// purge empties the queue, and waits until the disk has its room back.
func (l *largely) purge(ctx context.Context) error {
	measure.Tell("purge")
	began := time.Now()
	if _, err := sdkClient(l.engine).PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &l.queue}); err != nil {
		return err
	}
	l.tell("a purge of them", measure.Short(time.Since(began)))
	full := l.disk()
	for began = time.Now(); l.disk() > full/4 && time.Since(began) < 2*time.Minute; time.Sleep(100 * time.Millisecond) {
	}
	l.tell("until the disk has its room back", measure.Short(time.Since(began)))
	return nil
}
