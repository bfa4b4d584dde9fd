package job

import "time"

// The defaults of a job file's optional fields.
const (
	DefaultCPU          = 1
	DefaultMemory       = 2 << 30
	DefaultTimeout      = 2 * time.Hour
	DefaultRetries      = 2
	DefaultRetryBackoff = 10 * time.Second
	DefaultMax          = 100
	DefaultStopTimeout  = 120 * time.Second
	DefaultKeep         = 30
)

// MaxTimeout is the longest attempt: a message lives at most 12 h in flight,
// and the worker needs some of that for its records.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
const MaxTimeout = 11*time.Hour + 50*time.Minute

// MaxStopTimeout is Fargate's longest time between SIGTERM and SIGKILL.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
const MaxStopTimeout = 120 * time.Second

// A Job is a job file.
type Job struct {
	// Name names the stack: a letter, then letters, digits and hyphens.
	Name string `yaml:"name" json:"name"`
	// Image is a folder with a Dockerfile or an image reference.
	Image   string   `yaml:"image" json:"image,omitempty"`
	Command []string `yaml:"command" json:"command,omitempty"`
	// Params says where the configurations come from.
	Params Params `yaml:"params" json:"-"`
	// CPU is in vCPU; Fargate has .25, .5, 1, 2, 4, 8 and 16.
	CPU              float64 `yaml:"cpu" json:"cpu"`
	Memory           Bytes   `yaml:"memory" json:"memory"`
	EphemeralStorage Bytes   `yaml:"ephemeralStorage" json:"ephemeralStorage,omitempty"`
	// Arch is "x86_64" or "arm64".
	Arch string `yaml:"arch" json:"arch"`
	// Timeout is of one attempt, at most MaxTimeout.
	Timeout Duration `yaml:"timeout" json:"timeout"`
	// Retries is how often a job may fail on its own and be tried again.
	Retries      int      `yaml:"retries" json:"retries"`
	RetryBackoff Duration `yaml:"retryBackoff" json:"retryBackoff"`
	// Max is the most tasks at once.
	Max         int               `yaml:"max" json:"max"`
	Spot        bool              `yaml:"spot" json:"spot,omitempty"`
	Env         map[string]string `yaml:"env" json:"env,omitempty"`
	Secrets     map[string]string `yaml:"secrets" json:"secrets,omitempty"`
	Permissions []Statement       `yaml:"permissions" json:"permissions,omitempty"`
	// Inputs are files, folders or s3:// addresses, taken when a run is sent.
	Inputs   []string `yaml:"inputs" json:"inputs,omitempty"`
	Schedule string   `yaml:"schedule" json:"schedule,omitempty"`
	Network  Network  `yaml:"network" json:"network,omitzero"`
	Scaling  Scaling  `yaml:"scaling" json:"scaling,omitzero"`
	// StopTimeout is the time between SIGTERM and SIGKILL.
	StopTimeout Duration `yaml:"stopTimeout" json:"stopTimeout"`
	// Keep is how many days results are kept.
	Keep int `yaml:"keep" json:"keep"`
	// Tolerate is the share of failed jobs with which a run still succeeds.
	Tolerate Percent `yaml:"tolerate" json:"tolerate,omitempty"`
	// Notify is an e-mail address.
	Notify string `yaml:"notify" json:"notify,omitempty"`

	// Dir is the folder of the job file; relative paths in it start there.
	Dir string `yaml:"-" json:"-"`
}

// A Statement is an IAM policy statement that the job itself needs.
type Statement struct {
	Effect    string         `yaml:"Effect" json:"Effect"`
	Action    Strings        `yaml:"Action" json:"Action"`
	Resource  Strings        `yaml:"Resource" json:"Resource"`
	Condition map[string]any `yaml:"Condition" json:"Condition,omitempty"`
}

// Strings is a list that may be written as a single string, as in IAM.
type Strings []string

// A Network says where tasks run. The zero value means a VPC of the stack's
// own with public subnets, no NAT and no ingress.
type Network struct {
	VPC            string   `yaml:"vpc" json:"vpc,omitempty"`
	Subnets        []string `yaml:"subnets" json:"subnets,omitempty"`
	SecurityGroups []string `yaml:"securityGroups" json:"securityGroups,omitempty"`
	AssignPublicIP *bool    `yaml:"assignPublicIp" json:"assignPublicIp,omitempty"`
}

// A Scaling is how the number of tasks follows the backlog: with no steps in a
// burst, from 0 to what the backlog needs at once, which a job file may also
// write as "scaling: burst".
type Scaling struct {
	Steps []ScalingStep `yaml:"steps" json:"steps,omitempty"`
}

// A ScalingStep changes the number of tasks by Change while the backlog lies
// within [Lower, Upper]; a nil bound is open.
type ScalingStep struct {
	Change int  `yaml:"change" json:"change"`
	Lower  *int `yaml:"lower" json:"lower,omitempty"`
	Upper  *int `yaml:"upper" json:"upper,omitempty"`
}

// A Params is where the configurations of a run come from: one of its fields
// is set, or none for a single configuration without parameters.
type Params struct {
	// Grid lists each parameter's values; the configurations are all their
	// combinations, the last name varying fastest.
	Grid Grid `yaml:"grid"`
	// File is a CSV, JSON or JSON Lines file, one configuration a row.
	File string `yaml:"file"`
	// List holds the configurations themselves.
	List []Config `yaml:"list"`
}

// A Grid is an ordered list of axes.
type Grid []Axis

// An Axis is one parameter and the values it takes.
type Axis struct {
	Name   string
	Values []Value
}
