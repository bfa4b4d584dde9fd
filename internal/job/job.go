package job

import (
	"time"
)

// A Job is a job file: what to run, how large, and within which limits. The
// zero value of every optional field means its default, which Parse fills in.
type Job struct {
	Name    string   `yaml:"name" json:"name"`
	Image   string   `yaml:"image" json:"image,omitempty"`
	Command []string `yaml:"command" json:"command,omitempty"`
	// CPU is in vCPU; Fargate's sizes are .25, .5, 1, 2, 4, 8 and 16.
	CPU              float64           `yaml:"cpu" json:"cpu"`
	Memory           Bytes             `yaml:"memory" json:"memory"`
	EphemeralStorage Bytes             `yaml:"ephemeralStorage" json:"ephemeralStorage,omitempty"`
	Arch             string            `yaml:"arch" json:"arch"`
	Params           Params            `yaml:"params" json:"-"`
	Timeout          Duration          `yaml:"timeout" json:"timeout"`
	Retries          int               `yaml:"retries" json:"retries"`
	RetryBackoff     Duration          `yaml:"retryBackoff" json:"retryBackoff"`
	Max              int               `yaml:"max" json:"max"`
	Spot             bool              `yaml:"spot" json:"spot,omitempty"`
	Env              map[string]string `yaml:"env" json:"env,omitempty"`
	Secrets          map[string]string `yaml:"secrets" json:"secrets,omitempty"`
	Permissions      []Statement       `yaml:"permissions" json:"permissions,omitempty"`
	Inputs           []string          `yaml:"inputs" json:"inputs,omitempty"`
	Schedule         string            `yaml:"schedule" json:"schedule,omitempty"`
	Network          Network           `yaml:"network" json:"network,omitzero"`
	Scaling          Scaling           `yaml:"scaling" json:"scaling,omitzero"`
	StopTimeout      Duration          `yaml:"stopTimeout" json:"stopTimeout"`
	// Keep is how many days results are kept; 0 keeps them.
	Keep int `yaml:"keep" json:"keep"`
	// Tolerate is the share of failed jobs, 0 to 1, with which a run still
	// succeeds.
	Tolerate Percent `yaml:"tolerate" json:"tolerate,omitempty"`
	Notify   string  `yaml:"notify" json:"notify,omitempty"`

	// Dir is the folder of the job file; relative paths in it start there.
	Dir string `yaml:"-" json:"-"`
}

// A Statement is an IAM policy statement that the job itself needs.
type Statement struct {
	Effect    string         `yaml:"Effect" json:"Effect"`
	Action    []string       `yaml:"Action" json:"Action"`
	Resource  []string       `yaml:"Resource" json:"Resource"`
	Condition map[string]any `yaml:"Condition" json:"Condition,omitempty"`
}

// A Network says where tasks run. The zero value means a VPC of the stack's
// own with public subnets, no NAT and no ingress.
type Network struct {
	VPC            string   `yaml:"vpc" json:"vpc,omitempty"`
	Subnets        []string `yaml:"subnets" json:"subnets,omitempty"`
	SecurityGroups []string `yaml:"securityGroups" json:"securityGroups,omitempty"`
	AssignPublicIP *bool    `yaml:"assignPublicIp" json:"assignPublicIp,omitempty"`
}

// A Scaling is how the number of tasks follows the backlog: "burst" (no
// steps), or steps of one's own.
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

// A Params is where the configurations of a run come from: exactly one of its
// fields is set, or none for a single configuration without parameters.
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
	Values []string
}

// A Config is one configuration: its parameters in the order of the source.
// It marshals to a flat JSON object of strings.
type Config []Param

// A Param is one parameter's value, as text.
type Param struct{ Name, Value string }

// Bytes is a size. In a job file it is written 512MiB, 2GiB, or as a number of
// MiB.
type Bytes int64

// MiB returns the size in mebibytes, rounded up.
func (b Bytes) MiB() int { return int((b + 1<<20 - 1) >> 20) }

// A Duration is written as 90s, 30m or 1h30m.
type Duration time.Duration

// A Percent is a share between 0 and 1, written as 5%.
type Percent float64
