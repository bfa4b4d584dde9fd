package spate

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// A Schedule says when tasks start, in EventBridge's words: cron(0 6 ? * MON *)
// or rate(5 hours). Times are UTC.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
type Schedule string

// CronOptions are the fields of a schedule; an empty one is any, and Minute
// and Hour, too, are any unless they are set.
type CronOptions struct{ Minute, Hour, Day, Month, WeekDay, Year string }

// ScheduleCron is a schedule by the calendar: CronOptions{Minute: "0", Hour:
// "6", WeekDay: "MON"} is each Monday at six.
func ScheduleCron(o CronOptions) Schedule {
	day, weekDay := cmp.Or(o.Day, "*"), cmp.Or(o.WeekDay, "?")
	if o.Day == "" && o.WeekDay != "" {
		day = "?"
	}
	return Schedule(fmt.Sprintf("cron(%s %s %s %s %s %s)",
		cmp.Or(o.Minute, "*"), cmp.Or(o.Hour, "*"), day, cmp.Or(o.Month, "*"), weekDay, cmp.Or(o.Year, "*")))
}

// ScheduleRate is a schedule of every so many whole minutes, at least one.
func ScheduleRate(every time.Duration) Schedule {
	if every < time.Minute || every%time.Minute != 0 {
		return Schedule("rate(" + every.String() + ")") // which check refuses
	}
	unit, n := "minute", every/time.Minute
	switch {
	case every >= 24*time.Hour && every%(24*time.Hour) == 0:
		unit, n = "day", every/(24*time.Hour)
	case every >= time.Hour && every%time.Hour == 0:
		unit, n = "hour", every/time.Hour
	}
	if n != 1 {
		unit += "s"
	}
	return Schedule(fmt.Sprintf("rate(%d %s)", n, unit))
}

var (
	rateSchedule = pattern(`^rate\((?:1 (?:minute|hour|day)|(?:[2-9]|[1-9]\d+) (?:minutes|hours|days))\)$`)
	cronSchedule = pattern(`^cron\(([^()]*)\)$`)
)

// check says what is wrong with a schedule, and the mend.
func (c Schedule) check() (fact, hint string) {
	if rateSchedule().MatchString(string(c)) {
		return "", ""
	}
	if within, ok := strings.CutPrefix(string(c), "rate("); ok {
		if every, err := time.ParseDuration(strings.TrimSuffix(within, ")")); err == nil {
			near := max(every.Round(time.Minute), time.Minute)
			return fmt.Sprintf("AWS has whole minutes, hours and days, not %v", every), string(ScheduleRate(near))
		}
	}
	m := cronSchedule().FindStringSubmatch(string(c))
	if m == nil {
		return fmt.Sprintf("%q is not a schedule", string(c)), "write cron(0 6 ? * MON *), rate(1 hour) or rate(5 hours)"
	}
	fields := strings.Fields(m[1])
	if len(fields) != 6 {
		return fmt.Sprintf("a cron has six fields, not %d", len(fields)), "minute, hour, day, month, day of the week, year: cron(0 6 ? * MON *)"
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return "one of day and day of the week has to be ?, the other not", "cron(0 6 ? * MON *) or cron(0 6 1 * ? *)"
	}
	return "", ""
}

// ScheduledFargateTaskProps describe tasks that start by the clock: the props
// of AWS CDK's construct of this name.
// https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_ecs_patterns.ScheduledFargateTaskProps.html
type ScheduledFargateTaskProps struct {
	// Schedule is when tasks start, and DesiredTaskCount how many, 1 to 10;
	// default 1.
	Schedule         Schedule
	DesiredTaskCount int
	// Enabled is whether they do; default true.
	Enabled *bool
	// RuleName names the rule; default CloudFormation's own.
	RuleName Text
	// Cluster is where tasks run, or VPC: give one of them, or neither for a
	// cluster and a VPC of spate's own.
	Cluster *Cluster
	VPC     *VPC
	// SubnetSelection is where in it; default the private subnets, or the public
	// ones where there are no others.
	SubnetSelection *SubnetSelection
	// SecurityGroups are the ids of the tasks' groups; default one of spate's
	// own, which lets everything out and nothing in.
	SecurityGroups []Text
	// PropagateTags is TASK_DEFINITION or NONE, the default; Tags are the tasks' own.
	PropagateTags string
	Tags          map[string]Text
	// PlatformVersion is LATEST, the default, or Fargate's 1.4.0, 1.3.0 …
	PlatformVersion string
	// ScheduledFargateTaskImageOptions describe the container, or
	// ScheduledFargateTaskDefinitionOptions name what tasks are.
	ScheduledFargateTaskImageOptions      ScheduledFargateTaskImageOptions
	ScheduledFargateTaskDefinitionOptions ScheduledFargateTaskDefinitionOptions
}

// ScheduledFargateTaskImageOptions describe the container of scheduled tasks.
type ScheduledFargateTaskImageOptions struct {
	// Image is what it is made of, Command what it runs instead of the image's
	// own. ContainerName is what it is called; default ScheduledContainer.
	Image         Image
	Command       []Text
	ContainerName string
	Environment   map[string]Text
	Secrets       map[string]Secret
	// LogDriver is where its output goes; default CloudWatch Logs.
	LogDriver *LogDriver
	// StopTimeout is as in [ContainerProps].
	StopTimeout time.Duration
	// CPU, MemoryLimitMiB, EphemeralStorageGiB and RuntimePlatform are a task's,
	// as in [FargateTaskDefinitionProps].
	CPU, MemoryLimitMiB, EphemeralStorageGiB int
	RuntimePlatform                          RuntimePlatform
}

// ScheduledFargateTaskDefinitionOptions name what scheduled tasks are.
type ScheduledFargateTaskDefinitionOptions struct{ TaskDefinition *TaskDefinition }

// A ScheduledFargateTask is tasks that start by the clock.
type ScheduledFargateTask struct {
	Cluster        *Cluster
	TaskDefinition *TaskDefinition

	id logicalID
}

// RuleName is the EventBridge rule's name.
func (t *ScheduledFargateTask) RuleName() Text { return t.id.ref() }

// ScheduledFargateTask adds tasks that start by the clock. Its resources are
// the id, which is the EventBridge rule, and the id with TaskDefinition,
// TaskRole, ExecutionRole, LogGroup, SecurityGroup and EventsRole behind.
func (s *Stack) ScheduledFargateTask(id string, p ScheduledFargateTaskProps) *ScheduledFargateTask {
	name := logicalID(id)
	s.checkScheduled(name, p)
	c := s.clusterOf(name, p.Cluster, p.VPC)
	t := s.ourTask(s.at(name, "ScheduledFargateTaskDefinitionOptions.TaskDefinition"), p.ScheduledFargateTaskDefinitionOptions.TaskDefinition)
	if t == nil {
		t = s.scheduledWorker(name, p.ScheduledFargateTaskImageOptions)
	}
	place := s.place(location{
		owner: name, vpc: c.vpc, subnets: p.SubnetSelection, subnetsField: "SubnetSelection", securityGroups: p.SecurityGroups,
	})
	role := s.role(name+"EventsRole", "events.amazonaws.com", nil, startTasks(c, t)...)
	parameters := props{
		"LaunchType":           "FARGATE",
		"NetworkConfiguration": props{"AwsVpcConfiguration": place.configuration},
		"TaskCount":            cmp.Or(p.DesiredTaskCount, 1),
		"TaskDefinitionArn":    t.arn,
	}
	set(parameters, "PlatformVersion", p.PlatformVersion)
	if p.PropagateTags == "TASK_DEFINITION" {
		parameters["PropagateTags"] = p.PropagateTags
	}
	setList(parameters, "TagList", tagList(p.Tags))
	state := "ENABLED"
	if p.Enabled != nil && !*p.Enabled {
		state = "DISABLED"
	}
	properties := props{
		"ScheduleExpression": string(p.Schedule),
		"State":              state,
		"Targets": list{props{
			"Arn": c.arn, "EcsParameters": parameters, "Id": "Target0", "Input": "{}", "RoleArn": role.arn(),
		}},
	}
	set(properties, "Name", p.RuleName)
	s.add(name, "AWS::Events::Rule", properties).DependsOn = place.dependsOn
	return &ScheduledFargateTask{Cluster: c, TaskDefinition: t, id: name}
}

func (s *Stack) checkScheduled(id logicalID, p ScheduledFargateTaskProps) {
	if fact, hint := p.Schedule.check(); fact != "" {
		s.at(id, "Schedule").problem(hint, "%s", fact)
	}
	s.at(id, "DesiredTaskCount").between(cmp.Or(p.DesiredTaskCount, 1), 1, 10)
	s.at(id, "RuleName").named(p.RuleName, ruleNaming())
	s.at(id, "PropagateTags").oneOf(p.PropagateTags, "TASK_DEFINITION", "NONE")
	s.at(id, "PlatformVersion").oneOf(p.PlatformVersion, "LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0")
	if p.ScheduledFargateTaskDefinitionOptions.TaskDefinition != nil && p.ScheduledFargateTaskImageOptions.Image.reference != "" {
		s.at(id, "ScheduledFargateTaskImageOptions").problem("leave one out", "ScheduledFargateTaskDefinitionOptions are given too")
	}
}

func (s *Stack) scheduledWorker(id logicalID, o ScheduledFargateTaskImageOptions) *TaskDefinition {
	t := s.fargateTask(id+"TaskDefinition", id, FargateTaskDefinitionProps{
		CPU: o.CPU, MemoryLimitMiB: o.MemoryLimitMiB, EphemeralStorageGiB: o.EphemeralStorageGiB, RuntimePlatform: o.RuntimePlatform,
	})
	t.addContainer(id, cmp.Or(o.ContainerName, "ScheduledContainer"), ContainerProps{
		Image: o.Image, Command: o.Command, Environment: o.Environment, Secrets: o.Secrets, Logging: o.LogDriver,
		StopTimeout: o.StopTimeout,
	})
	return t
}

// startTasks are the statements by which EventBridge starts tasks.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/CWE_IAM_role.html
func startTasks(c *Cluster, t *TaskDefinition) []props {
	ours := props{"ArnEquals": props{"ecs:cluster": c.arn}}
	run := allow(t.arn, "ecs:RunTask")
	run["Condition"] = ours
	statements := []props{run, allow("arn:"+Partition+":ecs:"+Region+":"+AccountID+":task/"+c.name+"/*", "ecs:TagResource")}
	roles := list{}
	for _, r := range []*role{t.execution, t.task} {
		if r != nil {
			roles = append(roles, r.arn())
		}
	}
	if len(roles) == 0 {
		roles = list{"*"} // those of a task definition that is there already
	}
	pass := allow(roles, "iam:PassRole")
	pass["Condition"] = props{"StringLike": props{"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
	return append(statements, pass)
}
