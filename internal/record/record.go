package record

import (
	"time"

	"github.com/spate-run/spate/internal/job"
)

// A Run is run.json: one submission as it was sent.
type Run struct {
	ID      string    `json:"id"`
	Job     job.Job   `json:"job"`
	Jobs    int       `json:"jobs"`   // how many configurations
	Params  []string  `json:"params"` // the parameters' names, in order
	Stack   string    `json:"stack"`
	Queue   string    `json:"queue"` // the queue's URL
	User    string    `json:"user"`
	Host    string    `json:"host"`
	Created time.Time `json:"created"`
	// Scheduled is the time for which the job's schedule sent the run, and zero
	// where a person did.
	Scheduled time.Time `json:"scheduled,omitzero"`
}

// A Schedule is schedule/run.json: what a scheduled run sends.
type Schedule struct {
	Run // without an id and times
	// Version names the folder below schedule/ that holds the parameters and
	// inputs, and Previous the one before, which a task may still be reading.
	Version  string `json:"version"`
	Previous string `json:"previous,omitempty"`
	// Cadence is the divisor of the engine's alarm periods: 1 on AWS.
	Cadence int `json:"cadence"`
}

// A Retry is retries/<gen>.json: the jobs that a later generation sent again.
type Retry struct {
	Indices []int     `json:"indices"` // in rising order
	User    string    `json:"user"`
	Host    string    `json:"host"`
	Created time.Time `json:"created"`
}

// A Start is the start.json of an attempt.
type Start struct {
	Run        string    `json:"run"`
	Index      int       `json:"index"`
	Generation int       `json:"generation"`
	Attempt    int       `json:"attempt"`
	Task       string    `json:"task,omitempty"` // the ECS task's ARN
	Host       string    `json:"host"`
	Claim      string    `json:"claim"` // tells this claim of the number from any other
	Started    time.Time `json:"started"`
}

// An End is how an attempt ended: its end.json, or part of the result.
type End struct {
	State    State  `json:"state"`
	ExitCode int    `json:"exitCode"`
	Reason   string `json:"reason,omitempty"`
	// Final says that trying again is of no use: the job said so (exit code
	// 65), or its command cannot be started.
	Final   bool               `json:"final,omitempty"`
	Started time.Time          `json:"started"`
	Ended   time.Time          `json:"ended"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// BadMetrics says what is wrong with metrics.json.
	BadMetrics string   `json:"badMetrics,omitempty"`
	Outputs    []Output `json:"outputs,omitempty"`
}

// A Result is a job's outcome in one generation: results/<gen>/<index>.json.
type Result struct {
	Index      int                `json:"index"`
	Generation int                `json:"generation"`
	Attempt    int                `json:"attempt"` // the one that decided it
	Attempts   int                `json:"attempts"`
	State      State              `json:"state"`
	ExitCode   int                `json:"exitCode"`
	Reason     string             `json:"reason,omitempty"`
	Started    time.Time          `json:"started"`
	Ended      time.Time          `json:"ended"`
	Metrics    map[string]float64 `json:"metrics,omitempty"`
	BadMetrics string             `json:"badMetrics,omitempty"`
	Outputs    []Output           `json:"outputs,omitempty"`
}

// End is how the attempt ended that decided the job.
func (r Result) End() End {
	return End{
		State: r.State, ExitCode: r.ExitCode, Reason: r.Reason,
		Started: r.Started, Ended: r.Ended, Metrics: r.Metrics, BadMetrics: r.BadMetrics, Outputs: r.Outputs,
	}
}

// An Output is one file that an attempt left in SPATE_OUT.
type Output struct {
	Name string `json:"name"` // a slash-separated path below out/
	Size int64  `json:"size"` // bytes
}

// A State is how an attempt or a job ended.
type State string

// The states. Interrupted is only an attempt's; Cancelled only a job's.
const (
	Done        State = "done"
	Failed      State = "failed"
	Interrupted State = "interrupted"
	Cancelled   State = "cancelled"
)

// NotStarted begins the reason of an attempt whose command cannot be started.
const NotStarted = "starting the command: "

// The message attributes beside a job's parameters.
const (
	AttrRun        = "spate.run"
	AttrIndex      = "spate.index"
	AttrGeneration = "spate.generation"
)

// A Finish is done/<generation>.json or cancelled/<generation>.json.
type Finish struct {
	Jobs   int       `json:"jobs"`
	Failed int       `json:"failed"`
	At     time.Time `json:"at"`
}

// A Notice is notices/<generation>.json: that somebody tells, or has told, the
// job's address of the generation's end.
type Notice struct {
	Claimed time.Time `json:"claimed"`
	Claim   string    `json:"claim"`         // tells this claim from any other
	Sent    time.Time `json:"sent,omitzero"` // zero until SNS has the message
}
