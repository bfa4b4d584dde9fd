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

// The limits of a job file's other numbers.
const (
	MaxCPU          = 192 // of an ECS task anywhere
	MinMemory       = 6 << 20
	MaxRetries      = 100
	MaxRetryBackoff = time.Hour
	MaxTasks        = 5000 // of an ECS service
	MaxJobs         = 10_000_000
)

// archs are the processors that ECS has.
func archs() []string { return []string{"x86_64", "arm64"} }

// engines are what runs stacks.
func engines() []string { return []string{"local", "aws"} }

// A Job is a job file. The comments of its fields, and of the types below, are
// also the descriptions in the file's JSON Schema.
type Job struct {
	// Name names the job and its stack: a letter, then letters, digits and
	// hyphens, 40 at most.
	Name string `yaml:"name" json:"name"`
	// Image is a folder with a Dockerfile, or an image reference.
	Image string `yaml:"image" json:"image,omitempty"`
	// Command is the program to run and its arguments; {name} stands for a
	// parameter, {{ for a brace. Left out, the image's own command runs.
	Command []string `yaml:"command" json:"command,omitempty"`
	// Params says where the configurations come from: one of grid, file and
	// list. Left out, there is one job without parameters. A run has at most
	// 10,000,000 configurations.
	Params Params `yaml:"params" json:"-"`
	// CPU is how many vCPU a task has; Fargate has .25, .5, 1, 2, 4, 8 and 16.
	CPU float64 `yaml:"cpu" json:"cpu"`
	// Memory is what a task has of it, such as 512MiB or 2GiB.
	Memory Bytes `yaml:"memory" json:"memory"`
	// EphemeralStorage is a task's disk, 20GiB to 200GiB; 20GiB cost nothing.
	EphemeralStorage Bytes `yaml:"ephemeralStorage" json:"ephemeralStorage,omitempty"`
	// Arch is the processor that the image is built for.
	Arch string `yaml:"arch" json:"arch"`
	// Timeout is how long one attempt may take, such as 90s, 30m or 1h30m; at
	// most 11h50m.
	Timeout Duration `yaml:"timeout" json:"timeout"`
	// Retries is how often a job that failed by itself is tried again;
	// interruptions do not count.
	Retries int `yaml:"retries" json:"retries"`
	// RetryBackoff is the time before the first retry, which doubles with each;
	// at most 1h.
	RetryBackoff Duration `yaml:"retryBackoff" json:"retryBackoff"`
	// Max is the most tasks at once.
	Max int `yaml:"max" json:"max"`
	// Spot runs the tasks on spare capacity, which costs less and can be taken
	// away; jobs that this interrupts run again.
	Spot bool `yaml:"spot" json:"spot,omitempty"`
	// Env holds environment variables, by name.
	Env map[string]string `yaml:"env" json:"env,omitempty"`
	// Secrets holds environment variables whose values are kept elsewhere, by
	// name: an ARN of Secrets Manager or Parameter Store, or ssm:/path.
	Secrets map[string]string `yaml:"secrets" json:"secrets,omitempty"`
	// Permissions are the IAM statements that the job itself needs.
	Permissions []Statement `yaml:"permissions" json:"permissions,omitempty"`
	// Inputs are files, folders or s3:// addresses, taken when a run is sent;
	// jobs find them in $SPATE_IN.
	Inputs []string `yaml:"inputs" json:"inputs,omitempty"`
	// Schedule says when the job runs by itself, such as cron(0 6 ? * MON *).
	Schedule string `yaml:"schedule" json:"schedule,omitempty"`
	// On is the engine that commands in the job's folder mean where no flag and
	// no variable says otherwise: local, or aws.
	On string `yaml:"on" json:"on,omitempty"`
	// Network says where tasks run. Left out, the stack has a network of its
	// own with public subnets, which costs nothing idle and lets nothing in.
	Network Network `yaml:"network" json:"network,omitzero"`
	// Scaling is how the number of tasks follows the backlog: "burst", from 0 to
	// what is needed at once, or steps.
	Scaling Scaling `yaml:"scaling" json:"scaling,omitzero"`
	// StopTimeout is the time between SIGTERM and SIGKILL when a task is
	// stopped; at most 2m.
	StopTimeout Duration `yaml:"stopTimeout" json:"stopTimeout"`
	// Keep is how many days results are kept.
	Keep int `yaml:"keep" json:"keep"`
	// Tolerate is the share of failed jobs with which a run still succeeds, such
	// as 5%.
	Tolerate Percent `yaml:"tolerate" json:"tolerate,omitempty"`
	// Notify is the e-mail address that is told when a run is done or failed,
	// with its counts and where the results are, and when messages wait and
	// nothing starts.
	Notify string `yaml:"notify" json:"notify,omitempty"`

	// Dir is the folder of the job file; relative paths in it start there.
	Dir string `yaml:"-" json:"-"`
}

// A Statement is an IAM policy statement that the job itself needs.
type Statement struct {
	// Effect is Allow or Deny.
	Effect string `yaml:"Effect" json:"Effect"`
	// Action is one action or a list, such as s3:GetObject.
	Action Strings `yaml:"Action" json:"Action"`
	// Resource is one ARN or a list.
	Resource Strings `yaml:"Resource" json:"Resource"`
	// Condition says when the statement is in effect.
	Condition map[string]any `yaml:"Condition" json:"Condition,omitempty"`
}

// Strings is a list that may be written as a single string, as in IAM.
type Strings []string

// A Network says where tasks run. The zero value means a VPC of the stack's
// own with public subnets, no NAT and no ingress.
type Network struct {
	// VPC is the id of a VPC; it needs its subnets beside it.
	VPC string `yaml:"vpc" json:"vpc,omitempty"`
	// Subnets are the ids of the subnets that tasks start in.
	Subnets []string `yaml:"subnets" json:"subnets,omitempty"`
	// SecurityGroups are the ids of the tasks' security groups.
	SecurityGroups []string `yaml:"securityGroups" json:"securityGroups,omitempty"`
	// AssignPublicIP gives each task an address of its own, which it needs in
	// subnets without another way to AWS.
	AssignPublicIP *bool `yaml:"assignPublicIp" json:"assignPublicIp,omitempty"`
}

// A Scaling is how the number of tasks follows the backlog: with no steps in a
// burst, from 0 to what the backlog needs at once, which a job file may also
// write as "scaling: burst".
type Scaling struct {
	// Steps change the number of tasks by the messages that wait.
	Steps []ScalingStep `yaml:"steps" json:"steps,omitempty"`
}

// A ScalingStep changes the number of tasks by Change while the backlog lies
// within [Lower, Upper]; a nil bound is open.
type ScalingStep struct {
	// Change is how many tasks are added; fewer than 0 are taken away.
	Change int `yaml:"change" json:"change"`
	// Lower is the least backlog of the step; left out, there is no least.
	Lower *int `yaml:"lower" json:"lower,omitempty"`
	// Upper is the greatest backlog of the step; left out, there is no greatest.
	Upper *int `yaml:"upper" json:"upper,omitempty"`
}

// A Params is where the configurations of a run come from: one of its fields
// is set, or none for a single configuration without parameters.
type Params struct {
	// Grid lists each parameter's values; the configurations are all their
	// combinations, the last name varying fastest.
	Grid Grid `yaml:"grid"`
	// File is a CSV file with a header, a JSON list of objects, or JSON Lines;
	// one configuration a row.
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
