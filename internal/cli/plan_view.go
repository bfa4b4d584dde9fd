package cli

import (
	"context"
	"time"

	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/scaling"
)

// A planView is the answer to what was asked.
type planView struct {
	study    *plan.Study
	median   plan.Outcome
	seed     uint64
	timeline []plan.Sample
	within   *withinView
	compared []plan.Alternative
}

// A withinView is what --within asks.
type withinView struct {
	Limit time.Duration
	Met   bool
	Share float64 // of the runs that hold it
	// LeastMax is the smallest limit of tasks that holds it; 0 where none does.
	LeastMax int
	Least    *plan.Model // with that limit
	NoMax    string      // why none does
	Size     *plan.Sized
}

// mostTasks is the most that a search gives a service.
const mostTasks = 5000

// answer simulates what is asked.
func (p *planned) answer(ctx context.Context, o planOptions) (*planView, error) {
	study, err := plan.Ask(ctx, p.question)
	if err != nil {
		return nil, err
	}
	v := &planView{study: study}
	v.seed, _ = v.study.Median()
	v.median, v.timeline = plan.Timeline(p.question.Model, p.question.Cloud, p.question.Load, v.seed)
	if p.within > 0 {
		if v.within, err = p.holds(ctx, study); err != nil {
			return nil, err
		}
	}
	if o.compare || o.report != "" {
		if v.compared, err = plan.Compare(ctx, v.study, p.name); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// holds finds out what holds the time that is asked for.
func (p *planned) holds(ctx context.Context, s *plan.Study) (*withinView, error) {
	w := &withinView{Limit: p.within, Met: s.Meets(p.within, plan.Sure), Share: s.Share(p.within)}
	q := s.ForSearch()
	here, most := s.Model.Capacity.Max, scaling.Need(q.Load.Jobs, mostTasks)
	// What the study has found with more seeds, the search need not find again.
	low, high := here+1, most
	if w.Met {
		low, high = 1, min(here-1, most)
	}
	limit, ok, err := plan.LeastMax(ctx, q, p.build, p.within, low, high)
	if err != nil {
		return nil, err
	}
	if !ok && w.Met {
		limit, ok = here, true
	}
	if !ok {
		if q.Model, err = p.build(most); err != nil {
			return nil, err
		}
		study, err := plan.Ask(ctx, q)
		if err != nil {
			return nil, err
		}
		w.NoMax = study.WhyNot(p.within)
		return w, nil
	}
	w.LeastMax = limit
	if w.Least, err = p.build(limit); err != nil {
		return nil, err
	}
	if !w.Met {
		q.Model = w.Least
	}
	best, ok, err := plan.CheapestSize(ctx, q, p.question.Model.Task.CPU, p.within)
	if own := s.Sized(); w.Met && (!ok || best.Size == own.Size) {
		best, ok = own, true // with more seeds
	}
	if ok {
		w.Size = &best
	}
	return w, err
}

// leastMaxStudy is what the service is between runs with the smallest limit that
// holds what is asked.
func (v *planView) leastMaxStudy() *plan.Study {
	q := v.study.Question
	q.Model = v.within.Least
	return &plan.Study{Question: q}
}

// missed says whether something was asked that the template does not hold.
func (v *planView) missed() bool { return v.within != nil && !v.within.Met }

// page is the answer as a page.
func (v *planView) page(p *planned) []byte {
	r := plan.Report{
		Name: p.name, Study: v.study, Median: v.median, Seed: v.seed, Timeline: v.timeline,
		Compared: v.compared, Warnings: p.warnings,
	}
	if w := v.within; w != nil {
		r.Within, r.Met, r.Share, r.LeastMax, r.NoMax = w.Limit, w.Met, w.Share, w.LeastMax, w.NoMax
	}
	return r.HTML()
}

type planJSON struct {
	Name       string             `json:"name"`
	Jobs       int                `json:"jobs"`
	Duration   string             `json:"duration"`
	Seeds      int                `json:"seeds"`
	Seed       uint64             `json:"seed"`
	Max        int                `json:"max"`
	Why        string             `json:"why"`
	Finish     quantileJSON       `json:"finishSeconds"`
	FirstStart quantileJSON       `json:"firstStartSeconds"`
	Peak       quantileJSON       `json:"peakTasks"`
	Wasted     quantileJSON       `json:"wastedTaskMinutes"`
	Minutes    quantileJSON       `json:"taskMinutes"`
	Jobs50     jobsJSON           `json:"jobsP50"`
	Jobs95     jobsJSON           `json:"jobsP95"`
	Jobsmean   jobsJSON           `json:"jobsMean"`
	Parts      map[string]float64 `json:"medianPartsSeconds"`
	Cost       costJSON           `json:"costUSD"`
	IdleMonth  float64            `json:"idleMonthUSD"`
	Within     *withinJSON        `json:"within,omitempty"`
	Compared   []alternativeJSON  `json:"compared,omitempty"`
	Warnings   []string           `json:"warnings"`
	Priced     string             `json:"priced"`
}

// A quantileJSON is null where it never comes.
type quantileJSON struct {
	P50 *float64 `json:"p50"`
	P95 *float64 `json:"p95"`
}

type jobsJSON struct {
	Done        float64 `json:"done"`
	Failed      float64 `json:"failed"`
	TimedOut    float64 `json:"timedOut"` // of those that failed
	DeadLetter  float64 `json:"deadLetter"`
	Unfinished  float64 `json:"unfinished"`
	Killed      float64 `json:"killed"`
	Interrupted float64 `json:"interrupted"`
	Repeated    float64 `json:"repeated"`
}

type costJSON struct {
	Mean     float64 `json:"mean"`
	P50      float64 `json:"p50"`
	P95      float64 `json:"p95"`
	Compute  float64 `json:"compute"`
	Storage  float64 `json:"storage"`
	Requests float64 `json:"requests"`
}

type withinJSON struct {
	Seconds  float64   `json:"seconds"`
	Met      bool      `json:"met"`
	Share    float64   `json:"share"`
	LeastMax *int      `json:"leastMax"`
	Idle     *float64  `json:"leastMaxIdleMonthUSD,omitempty"`
	NoMax    string    `json:"whyNoMax,omitempty"`
	Cheapest *sizeJSON `json:"cheapestSize"`
}

type sizeJSON struct {
	CPU    float64 `json:"cpu"`
	Memory float64 `json:"memoryGiB"`
	P95    float64 `json:"p95Seconds"`
	Cost   float64 `json:"costUSD"`
}

type alternativeJSON struct {
	Name        string   `json:"name"`
	Cannot      string   `json:"cannot,omitempty"`
	P50         *float64 `json:"p50Seconds"`
	P95         *float64 `json:"p95Seconds"`
	Lost        *float64 `json:"jobsWithoutResult"`
	Cost        *float64 `json:"costUSD"`
	Month       float64  `json:"idleMonthUSD"`
	Assumptions []string `json:"assumptions"`
}

func (v *planView) json(p *planned) planJSON {
	s := v.study
	q := func(of func(*plan.Outcome) float64) quantileJSON {
		return quantileJSON{new(s.Quantile(.5, of)), new(s.Quantile(.95, of))}
	}
	jobs := func(of func(func(*plan.Outcome) float64) float64) jobsJSON {
		return jobsJSON{
			Done:        of(func(o *plan.Outcome) float64 { return float64(o.Done) }),
			Failed:      of(func(o *plan.Outcome) float64 { return float64(o.Failed) }),
			TimedOut:    of(func(o *plan.Outcome) float64 { return float64(o.TimedOut) }),
			DeadLetter:  of(func(o *plan.Outcome) float64 { return float64(o.Lost) }),
			Unfinished:  of(func(o *plan.Outcome) float64 { return float64(o.Unfinished) }),
			Killed:      of(func(o *plan.Outcome) float64 { return float64(o.Killed) }),
			Interrupted: of(func(o *plan.Outcome) float64 { return float64(o.Interrupted) }),
			Repeated:    of(func(o *plan.Outcome) float64 { return float64(o.Repeated) }),
		}
	}
	quantile := func(p float64) func(func(*plan.Outcome) float64) float64 {
		return func(of func(*plan.Outcome) float64) float64 { return s.Quantile(p, of) }
	}
	total := func(o *plan.Outcome) float64 { return o.Cost.Total() }
	parts := map[string]float64{}
	for _, part := range partsOf(v.median.Parts()) {
		parts[part.name] = part.lasts.Seconds()
	}
	doc := planJSON{
		Name: p.name, Jobs: s.Load.Jobs, Duration: s.Load.Durations.String(), Seeds: s.Seeds, Seed: s.Seed,
		Max:        s.Model.Capacity.Max,
		Why:        s.Why(),
		Finish:     quantileJSON{unlessNever(s.FinishOrNever(.5)), unlessNever(s.FinishOrNever(.95))},
		FirstStart: quantileJSON{unlessNever(s.Time(.5, (*plan.Outcome).FirstStartOrNever)), unlessNever(s.Time(.95, (*plan.Outcome).FirstStartOrNever))},
		Peak:       q(func(o *plan.Outcome) float64 { return float64(o.Peak) }),
		Wasted:     q(wastedMinutes),
		Minutes:    q(func(o *plan.Outcome) float64 { return o.TaskTime.Minutes() }),
		Jobs50:     jobs(quantile(.5)),
		Jobs95:     jobs(quantile(.95)),
		Jobsmean:   jobs(s.Mean),
		Parts:      parts,
		Cost: costJSON{
			Mean: s.Mean(total), P50: s.Quantile(.5, total), P95: s.Quantile(.95, total),
			Compute:  s.Mean(func(o *plan.Outcome) float64 { return o.Cost.Compute }),
			Storage:  s.Mean(func(o *plan.Outcome) float64 { return o.Cost.Storage }),
			Requests: s.Mean(func(o *plan.Outcome) float64 { return o.Cost.Requests }),
		},
		IdleMonth: s.IdleMonth(), Warnings: append([]string{}, p.warnings...), Priced: plan.Priced,
	}
	if w := v.within; w != nil {
		doc.Within = &withinJSON{Seconds: w.Limit.Seconds(), Met: w.Met, Share: w.Share, NoMax: w.NoMax}
		if w.LeastMax > 0 {
			doc.Within.LeastMax, doc.Within.Idle = &w.LeastMax, new(v.leastMaxStudy().IdleMonth())
		}
		if w.Size != nil {
			doc.Within.Cheapest = &sizeJSON{w.Size.CPU, w.Size.Memory, w.Size.P95.Seconds(), w.Size.Cost}
		}
	}
	for _, c := range v.compared {
		other := alternativeJSON{Name: c.Name, Cannot: c.Cannot, Month: c.Month, Assumptions: append([]string{}, c.Assumptions...)}
		if c.Cannot == "" {
			other.P50, other.P95, other.Lost, other.Cost = unlessNever(c.P50), unlessNever(c.P95), &c.Lost, &c.Cost
		}
		doc.Compared = append(doc.Compared, other)
	}
	return doc
}

// unlessNever is a time in seconds, nil for one that does not come.
func unlessNever(d time.Duration) *float64 {
	if d == plan.Never {
		return nil
	}
	return new(d.Seconds())
}

// wastedMinutes are the minutes of all tasks in which nothing came about.
func wastedMinutes(o *plan.Outcome) float64 { return (o.TaskTime - o.Useful).Minutes() }

type part struct {
	name  string
	lasts time.Duration
}

func partsOf(p plan.Parts) []part {
	return []part{{"waking", p.Waking}, {"starting", p.Starting}, {"waiting", p.Waiting}, {"running", p.Running}, {"tail", p.Tail}}
}
