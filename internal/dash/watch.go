package dash

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

// shown is how many jobs of a run pages show one by one. Of larger runs they
// show the first, and the counts of all.
const shown = 50_000

// The pauses between two looks at a run. On AWS each costs requests.
const (
	lookEvery       = 300 * time.Millisecond
	restEvery       = 2 * time.Second // at a run that is done, which may be retried
	remoteEvery     = 2 * time.Second
	remoteRestEvery = 15 * time.Second
	lookShare       = 5 // a look takes at most a fifth of the time
)

// samplesKept bounds what is remembered of tasks and messages.
const samplesKept = 2000

// A sample is what was seen of a run's stack at one moment.
type sample struct {
	At          int64 `json:"t"` // Unix, in milliseconds
	Outstanding int   `json:"o"` // jobs of the run without a result
	Tasks       int   `json:"n"`
	Wanted      int   `json:"w"`
}

// A watch is what is known of a run that somebody looks at. All who look share
// one.
type watch struct {
	run    *run.Run
	remote bool

	mu       sync.Mutex // guards what follows
	follower *run.Follower
	next     time.Time // when to look again
	seen     look
	rows     []run.Row // by index; results are read when they are asked for
	read     []int     // the generation whose result a row has, or 0
	changed  []int     // indices, in the order in which their rows changed
	spent    float64   // seconds that jobs took whose results were read
	samples  []sample
	scaled   []decision
}

// A look is how a run stood at one moment.
type look struct {
	run.Progress
	Standings []run.Standing
	Took      time.Duration
	At        time.Time
	// Seconds is how long jobs have run whose results were read, and those that
	// run.
	Seconds float64
}

func newWatch(r *run.Run, remote bool) *watch {
	return &watch{run: r, remote: remote, follower: r.Follow()}
}

// look returns how the run stands, at most a pause old.
func (w *watch) look(ctx context.Context) (look, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lookLocked(ctx)
}

func (w *watch) lookLocked(ctx context.Context) (look, error) {
	began := time.Now()
	if began.Before(w.next) {
		return w.seen, nil
	}
	p, err := w.follower.Look(ctx)
	if err != nil {
		return look{}, err
	}
	took, err := w.run.Took(ctx, p)
	if err != nil {
		return look{}, err
	}
	if w.scaled, err = decisions(ctx, w.run); err != nil {
		return look{}, err
	}
	before := w.seen.Standings
	w.seen = look{Progress: p, Standings: w.follower.Standings(p, shown), Took: took, At: time.Now(), Seconds: w.spent}
	for _, a := range p.Running {
		w.seen.Seconds += w.seen.At.Sub(a.Started).Seconds()
	}
	for i, now := range w.seen.Standings {
		if before == nil || before[i] != now {
			w.changed = append(w.changed, i)
		}
	}
	if !p.Finished() || len(w.samples) == 0 || p.Tasks != (run.Tasks{}) {
		w.samples = append(w.samples, sample{w.seen.At.UnixMilli(), p.Jobs - p.Ended(), p.Tasks.Running, p.Tasks.Desired})
		if len(w.samples) > samplesKept { // every other of the older half
			kept := w.samples[:0]
			for i, s := range w.samples {
				if i%2 == 0 || i > samplesKept/2 {
					kept = append(kept, s)
				}
			}
			w.samples = kept
		}
	}
	w.next = time.Now().Add(max(w.pause(), lookShare*time.Since(began)))
	return w.seen, nil
}

// pause is the time between two looks.
func (w *watch) pause() time.Duration {
	resting := w.seen.Jobs > 0 && w.seen.Finished() && w.seen.Tasks == (run.Tasks{})
	switch {
	case w.remote && resting:
		return remoteRestEvery
	case w.remote:
		return remoteEvery
	case resting:
		return restEvery
	}
	return lookEvery
}

// stale has the next look taken at once.
func (w *watch) stale() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = time.Time{}
}

// rowsSince returns the jobs that changed since so many changes, with their
// results, and how many changes there are.
func (w *watch) rowsSince(ctx context.Context, after int) ([]run.Row, int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.lookLocked(ctx); err != nil {
		return nil, 0, err
	}
	if w.rows == nil {
		if err := w.readConfigs(ctx); err != nil {
			return nil, 0, err
		}
	}
	if after < 0 || after > len(w.changed) {
		after = 0
	}
	indices := slices.Clone(w.changed[after:])
	slices.Sort(indices)
	indices = slices.Compact(indices)
	var wanting []run.Row
	for _, i := range indices {
		now := w.seen.Standings[i]
		if w.read[i] == now.Generation && (w.rows[i].State == now.State) {
			continue
		}
		w.rows[i].State, w.rows[i].Generation, w.rows[i].Result, w.read[i] = now.State, now.Generation, nil, now.Generation
		if now.State == record.Done || now.State == record.Failed {
			w.read[i] = 0
			wanting = append(wanting, w.rows[i])
		}
	}
	if err := w.follower.Fill(ctx, wanting); err != nil {
		return nil, 0, err
	}
	for _, row := range wanting {
		w.rows[row.Index], w.read[row.Index] = row, row.Generation
		if row.Result != nil {
			w.spent += row.Result.Ended.Sub(row.Result.Started).Seconds()
		}
	}
	rows := make([]run.Row, len(indices))
	for at, i := range indices {
		rows[at] = w.rows[i]
	}
	return rows, len(w.changed), nil
}

func (w *watch) readConfigs(ctx context.Context) error {
	rows := make([]run.Row, 0, min(w.run.Jobs, shown))
	for row, err := range w.run.Configs(ctx) {
		if err != nil {
			return err
		}
		if row.Index == shown {
			break
		}
		rows = append(rows, row)
	}
	for len(rows) < min(w.run.Jobs, shown) { // a record that is not whole
		rows = append(rows, run.Row{Index: len(rows)})
	}
	w.rows, w.read = rows, make([]int, len(rows))
	return nil
}

// history returns the samples since a moment, and the scaling decisions.
func (w *watch) history(since int64) ([]sample, []decision) {
	w.mu.Lock()
	defer w.mu.Unlock()
	from := len(w.samples)
	for from > 0 && w.samples[from-1].At > since {
		from--
	}
	return slices.Clone(w.samples[from:]), w.scaled
}
