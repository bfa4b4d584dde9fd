package spate

import (
	"fmt"
	"maps"
	"slices"
)

// A LogDriver says where a container's output goes: to CloudWatch Logs unless
// Driver names another.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
type LogDriver struct {
	// Driver is awslogs, the default; on Fargate also splunk and awsfirelens, on
	// EC2 fluentd, gelf, journald, json-file, none and syslog too.
	Driver string
	// StreamPrefix is what log streams' names begin with; default the
	// construct's id.
	StreamPrefix Text
	// LogGroup is the name of a log group, such as [Ref] of one in the stack;
	// default one of spate's own.
	LogGroup Text
	// LogRetention is for how many days spate's own log group keeps what it
	// gets, rounded up to what CloudWatch Logs has; default 30, with CDKDefaults
	// for ever.
	LogRetention int
	// DatetimeFormat or MultilinePattern tell where an entry of several lines begins.
	DatetimeFormat, MultilinePattern string
	// Mode is blocking or non-blocking; MaxBufferSizeBytes is the buffer of the latter.
	Mode               string
	MaxBufferSizeBytes int
	// Options and SecretOptions are another driver's, and come on top of these.
	Options       map[string]Text
	SecretOptions map[string]Secret
}

// keepLogs is for how many days logs are kept by default.
const keepLogs = 30

// logConfiguration adds what a log driver needs and returns what a container
// definition says of it, and what the execution role needs.
func (s *Stack) logConfiguration(at field, owner logicalID, d LogDriver) (configuration props, needs []props) {
	at.oneOf(d.Driver, "awslogs", "awsfirelens", "fluentd", "gelf", "journald", "json-file", "none", "splunk", "syslog")
	at.oneOf(d.Mode, "blocking", "non-blocking")
	at.logs(d)
	options := props{}
	if d.Driver == "" || d.Driver == "awslogs" {
		group, arn := s.logGroupOf(at, owner, d)
		needs = append(needs, writeLog(arn))
		options = awslogs(group, d.StreamPrefix)
		if d.StreamPrefix == "" {
			options["awslogs-stream-prefix"] = string(owner)
		}
		set(options, "awslogs-datetime-format", d.DatetimeFormat)
		set(options, "awslogs-multiline-pattern", d.MultilinePattern)
		set(options, "mode", d.Mode)
		if d.MaxBufferSizeBytes > 0 {
			options["max-buffer-size"] = fmt.Sprintf("%db", d.MaxBufferSizeBytes)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Options)) {
		options[name] = d.Options[name]
	}
	configuration = props{"LogDriver": d.Driver}
	if d.Driver == "" {
		configuration["LogDriver"] = "awslogs"
	}
	if len(options) > 0 {
		configuration["Options"] = options
	}
	if len(d.SecretOptions) > 0 {
		configuration["SecretOptions"] = secretVariables(d.SecretOptions)
		needs = append(needs, readSecrets(d.SecretOptions)...)
	}
	return configuration, needs
}

// logs checks what excludes each other in a log driver.
func (f field) logs(d LogDriver) {
	of := func(name string) field { return field{f.stack, f.where + "." + name} }
	if d.DatetimeFormat != "" && d.MultilinePattern != "" {
		f.problem("leave one out", "DatetimeFormat and MultilinePattern are both given")
	}
	if d.LogRetention < 0 {
		of("LogRetention").problem("1 to 3653, or leave it out", "%d is out of range", d.LogRetention)
	}
	if d.LogGroup != "" && d.LogRetention > 0 {
		of("LogRetention").problem("set it where the group is made", "it is given beside LogGroup")
	}
	if d.MaxBufferSizeBytes < 0 {
		of("MaxBufferSizeBytes").problem("write how many bytes, or leave it out", "%d is out of range", d.MaxBufferSizeBytes)
	}
	of("SecretOptions").secrets(d.SecretOptions)
	if d.Driver == "" || d.Driver == "awslogs" {
		return
	}
	for _, of := range []struct {
		field
		given bool
	}{
		{of("StreamPrefix"), d.StreamPrefix != ""}, {of("LogGroup"), d.LogGroup != ""}, {of("LogRetention"), d.LogRetention != 0},
		{of("DatetimeFormat"), d.DatetimeFormat != ""}, {of("MultilinePattern"), d.MultilinePattern != ""},
		{of("Mode"), d.Mode != ""}, {of("MaxBufferSizeBytes"), d.MaxBufferSizeBytes != 0},
	} {
		if of.given {
			of.problem("write the driver's own Options", "the driver %s does not have it", d.Driver)
		}
	}
}

func awslogs(group, prefix Text) props {
	return props{"awslogs-group": group, "awslogs-region": Region, "awslogs-stream-prefix": prefix}
}

// logGroupOf is the log group of a driver, and adds one where none is given.
func (s *Stack) logGroupOf(at field, owner logicalID, d LogDriver) (name, arn Text) {
	if d.LogGroup != "" {
		at.named(d.LogGroup, groupNaming())
		return d.LogGroup, "arn:" + Partition + ":logs:" + Region + ":" + AccountID + ":log-group:" + d.LogGroup + ":*"
	}
	days := d.LogRetention
	if days == 0 && !s.CDKDefaults {
		days = keepLogs
	}
	id := owner + "LogGroup"
	r := s.addLogGroup(id, days)
	if s.CDKDefaults {
		r.DeletionPolicy, r.UpdateReplacePolicy = "Retain", "Retain"
	}
	return id.ref(), id.att("Arn")
}

// addLogGroup adds a log group that keeps what it gets for so many days; 0
// keeps it for ever.
func (s *Stack) addLogGroup(id logicalID, days int) *resource {
	properties := props{}
	set(properties, "RetentionInDays", logRetention(days))
	return s.disposable(id, "AWS::Logs::LogGroup", properties)
}

// logRetention rounds days up to a retention that CloudWatch Logs has; 0 means
// for ever.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
func logRetention(days int) int {
	if days <= 0 {
		return 0
	}
	for _, has := range []int{
		1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
	} {
		if days <= has {
			return has
		}
	}
	return 0
}
