package simulation

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	sdkecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	sdks3 "github.com/aws/aws-sdk-go-v2/service/s3"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	serviceName = "work"
	queueName   = "jobs"
	bucketName  = "records"
	resourceID  = "service/default/" + serviceName
)

// A plan is what a seed says of the world before it begins.
type plan struct {
	limit   int
	slots   int // tasks that the machine holds at once
	cadence int
	keeper  bool // containers outlive the engine
	jobs    int
	batches int
	longest time.Duration // of a job
	back    time.Duration // after that the clock is set back to the beginning; 0: never
	storm   time.Duration // after that nothing goes wrong any more
	// Mean times between faults of a kind; 0: there are none.
	crashes, outages, stops, jumps, clouds, deployments time.Duration
	// Chances, of 1.
	slow, refused, stubborn, twice, failing, dying float64
	kicked                                         float64 // runs whose client has tasks start at once
}

func newPlan(r *rand.Rand) plan {
	mean := func(chance float64, least, most time.Duration) time.Duration {
		if r.Float64() >= chance {
			return 0
		}
		return between(r, least, most)
	}
	chance := func(chance, most float64) float64 {
		if r.Float64() >= chance {
			return 0
		}
		return most * r.Float64()
	}
	p := plan{
		limit: 1 + r.IntN(10), cadence: 1, keeper: r.IntN(2) == 0,
		jobs: 1 + r.IntN(10), batches: 1 + r.IntN(3),
		longest: between(r, time.Minute, 30*time.Minute),
		storm:   between(r, 20*time.Minute, 2*time.Hour),
	}
	p.slots = max(1, p.limit-2+r.IntN(5))
	if r.IntN(4) == 0 { // time runs as it does: there is a lot to do in an hour
		p.cadence, p.longest, p.storm = 60, between(r, time.Second, 2*time.Minute), between(r, time.Minute, 5*time.Minute)
	}
	p.crashes = mean(.5, 5*time.Minute, time.Hour)
	p.outages = mean(.4, 20*time.Minute, time.Hour)
	p.stops = mean(.4, 5*time.Minute, time.Hour)
	p.jumps = mean(.4, 15*time.Minute, time.Hour)
	p.clouds = mean(.5, 10*time.Minute, time.Hour)
	p.deployments = mean(.3, 10*time.Minute, time.Hour)
	p.slow, p.refused, p.stubborn = chance(.5, 1), chance(.2, .5), chance(.3, 1)
	p.kicked = .5
	if r.IntN(8) == 0 {
		p.back = between(r, p.storm/4, p.storm)
	}
	p.twice, p.failing, p.dying = chance(.5, .3), chance(.3, .3), chance(.3, .3)
	return p
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// An event is something that the driver does at a time.
type event struct {
	at     time.Time
	number int
	do     func()
	frozen bool // a machine that sleeps does it later
}

type agenda []event

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(event)) }
func (a *agenda) Pop() any     { old := *a; x := old[len(old)-1]; *a = old[:len(old)-1]; return x }
func (a agenda) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].number < a[j].number
}

// A job is one message's work.
type job struct {
	id       string
	takes    time.Duration
	failures int // attempts that fail before one does not
	sent     bool
	results  int // puts of a result that were granted
}

// A world is a stack, its engine, its machine and its clients.
type world struct {
	testing.TB
	seed      uint64
	plan      plan
	random    *rand.Rand
	chronicle *chronicle
	clock     *clock
	begin     time.Time
	agenda    agenda
	events    int
	homes     int
	dir       string
	engine    *engine // nil while it is down
	machine   *machine
	weather   weather
	workers   map[*proc]*worker
	numbered  []*worker // in the order of their starts
	jobs      []*job
	queue     string
	done      time.Time // when all had results, and the storm was over
	home      string    // what was left of the engine when the clock was set back
	back      bool      // it was
	leaving   bool      // the engine is about to end
	over      bool
	took      time.Duration // of virtual time
	counts    []int         // that the service was scaled to, guarded by its scaling

	aws     aws.Config
	queues  *sdksqs.Client
	tasks   *sdkecs.Client
	objects *sdks3.Client
	scaling *applicationautoscaling.Client
}

func newWorld(t testing.TB, dir string, seed uint64, change func(*plan)) *world {
	w := &world{
		TB: t, seed: seed, random: rand.New(rand.NewPCG(seed, 5)), chronicle: newChronicle(), begin: time.Now(),
		machine: &machine{wake: make(chan struct{}, 1)}, workers: map[*proc]*worker{}, dir: dir,
	}
	w.plan = newPlan(w.random)
	if change != nil {
		change(&w.plan)
	}
	w.aws = w.client("")
	w.queues, w.tasks = sdksqs.NewFromConfig(w.aws), sdkecs.NewFromConfig(w.aws)
	w.objects = sdks3.NewFromConfig(w.aws, func(o *sdks3.Options) { o.UsePathStyle = true })
	w.scaling = applicationautoscaling.NewFromConfig(w.aws)
	return w
}

// memoryDir is a folder that costs no waiting for a disk, where there is one.
func memoryDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "spate-simulation-")
	if err != nil {
		return t.TempDir()
	}
	return dir
}

// client configures clients whose credentials have a session token.
func (w *world) client(token string) aws.Config {
	return aws.Config{
		Region: account.Region, BaseEndpoint: new("http://engine.local"),
		HTTPClient:  &http.Client{Transport: door{w}},
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", token),
	}
}

func (w *world) ctx() context.Context { return context.Background() }

// must fails the test: this cannot go wrong in any world.
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("seed %d: %v\n%s", w.seed, err, w.chronicle)
	}
}

// chance says whether something of a probability happens.
func (w *world) chance(p float64) bool { return p > 0 && w.random.Float64() < p }

func (w *world) between(least, most time.Duration) time.Duration {
	return between(w.random, least, most)
}

// after puts something on the agenda.
func (w *world) after(d time.Duration, do func()) { w.put(d, false, do) }

// put puts something on the agenda; what is frozen a sleeping machine does when
// it wakes up.
func (w *world) put(d time.Duration, frozen bool, do func()) {
	w.events++
	heap.Push(&w.agenda, event{time.Now().Add(d), w.events, do, frozen})
}

// now and then does something at random times until the storm is over.
func (w *world) nowAndThen(mean time.Duration, do func()) {
	if mean == 0 {
		return
	}
	w.after(time.Duration(w.random.ExpFloat64()*float64(mean)), func() {
		if time.Since(w.begin) < w.plan.storm {
			do()
			w.nowAndThen(mean, do)
		}
	})
}

// drive does what is on the agenda until the world is over.
func (w *world) drive() {
	for !w.over && len(w.agenda) > 0 && len(w.chronicle.broken()) == 0 {
		timer := time.NewTimer(time.Until(w.agenda[0].at))
		select {
		case <-timer.C:
		case <-w.machine.wake:
		}
		timer.Stop()
		w.clock.advance()
		synctest.Wait()
		w.look()
		for len(w.agenda) > 0 && !time.Now().Before(w.agenda[0].at) && !w.over {
			heap.Pop(&w.agenda).(event).do()
			synctest.Wait()
			w.look()
		}
	}
}

// newHome is a folder for one engine more.
func (w *world) newHome() string {
	w.homes++
	return filepath.Join(w.dir, fmt.Sprint(w.homes))
}

func (w *world) launch(dir string) {
	var err error
	w.engine, err = w.start(dir)
	w.must(err)
	synctest.Wait()
}
