package spate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/job"
)

// FargateTaskDefinitionProps describe what a task is.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
type FargateTaskDefinitionProps struct {
	// CPU is 256, 512, 1024 … 16384 units of a 1,024th vCPU, and MemoryLimitMiB
	// one of the sizes that Fargate has with it; default 256, and the least.
	CPU, MemoryLimitMiB int
	// EphemeralStorageGiB is the disk, 21 to 200; default 20.
	EphemeralStorageGiB int
	// Family names the task definition; default CloudFormation's own.
	Family Text
	// RuntimePlatform is what images are built for.
	RuntimePlatform RuntimePlatform
	// TaskRole and ExecutionRole are ARNs of roles that are there already, and
	// have every permission that they need; default roles of spate's own.
	TaskRole, ExecutionRole Text
}

// A RuntimePlatform is what images are built for.
type RuntimePlatform struct {
	// CPUArchitecture is X86_64, the default, or ARM64.
	CPUArchitecture string
	// OperatingSystemFamily is LINUX, the default, or WINDOWS_SERVER_2022_CORE
	// or another of Windows.
	OperatingSystemFamily string
}

func (p RuntimePlatform) windows() bool {
	return strings.HasPrefix(p.OperatingSystemFamily, "WINDOWS")
}

// A TaskDefinition is what a task is. Its resources are the id and the id with
// TaskRole and ExecutionRole behind.
type TaskDefinition struct {
	stack           *Stack
	id              logicalID
	arn             Text
	platform        RuntimePlatform
	properties      props
	containers      list
	task, execution *role // nil for those that are there already
	units           int   // of CPU
}

// ARN is the task definition's, with its revision.
func (t *TaskDefinition) ARN() Text { return t.arn }

// AddToTaskRolePolicy lets the containers do more.
func (t *TaskDefinition) AddToTaskRolePolicy(p PolicyStatement) {
	t.add("AddToTaskRolePolicy", t.task, p)
}

// AddToExecutionRolePolicy lets ECS do more when it starts a task, such as
// decrypting secrets.
func (t *TaskDefinition) AddToExecutionRolePolicy(p PolicyStatement) {
	t.add("AddToExecutionRolePolicy", t.execution, p)
}

func (t *TaskDefinition) add(method string, r *role, p PolicyStatement) {
	at := t.stack.at(t.id, method)
	if r == nil {
		at.problem("grant it where the role is made", "the role is there already, and not the stack's")
		return
	}
	t.stack.grantStatement(at, r, p)
}

func (t *TaskDefinition) grantTask(statements ...props) {
	if t.task != nil {
		t.task.grant(statements...)
	}
}

func (t *TaskDefinition) grantExecution(statements ...props) {
	if t.execution != nil {
		t.execution.grant(statements...)
	}
}

// TaskDefinitionFromARN is a task definition that is there already.
func (s *Stack) TaskDefinitionFromARN(id string, arn Text) *TaskDefinition {
	return &TaskDefinition{stack: s, id: logicalID(id), arn: arn}
}

// FargateTaskDefinition adds what a task is, still without containers.
func (s *Stack) FargateTaskDefinition(id string, p FargateTaskDefinitionProps) *TaskDefinition {
	return s.fargateTask(logicalID(id), logicalID(id), p)
}

// fargateTask adds a task definition whose problems are told of an owner.
func (s *Stack) fargateTask(id, owner logicalID, p FargateTaskDefinitionProps) *TaskDefinition {
	t := s.task(id, owner, p.Family, p.TaskRole, p.ExecutionRole)
	cpu, memory := s.exactFargate(owner, p)
	t.units, t.platform = cpu, p.RuntimePlatform
	t.properties["Cpu"], t.properties["Memory"] = strconv.Itoa(cpu), strconv.Itoa(memory)
	t.properties["NetworkMode"] = "awsvpc"
	t.properties["RequiresCompatibilities"] = list{"FARGATE"}
	s.at(owner, "RuntimePlatform.CPUArchitecture").oneOf(p.RuntimePlatform.CPUArchitecture, "X86_64", "ARM64")
	if f := p.RuntimePlatform.OperatingSystemFamily; f != "" && f != "LINUX" && !p.RuntimePlatform.windows() {
		s.at(owner, "RuntimePlatform.OperatingSystemFamily").oneOf(f, "LINUX", "WINDOWS_SERVER_2019_CORE",
			"WINDOWS_SERVER_2019_FULL", "WINDOWS_SERVER_2022_CORE", "WINDOWS_SERVER_2022_FULL",
			"WINDOWS_SERVER_2025_CORE", "WINDOWS_SERVER_2025_FULL")
	}
	if p.RuntimePlatform.windows() && p.RuntimePlatform.CPUArchitecture == "ARM64" {
		s.at(owner, "RuntimePlatform").problem("leave CPUArchitecture out", "Fargate has Windows on X86_64 alone")
	}
	if p.RuntimePlatform != (RuntimePlatform{}) {
		t.properties["RuntimePlatform"] = runtimePlatform(p.RuntimePlatform)
	}
	if gib := p.EphemeralStorageGiB; gib != 0 {
		s.at(owner, "EphemeralStorageGiB").between(gib, freeStorage+1, mostStorage)
		t.properties["EphemeralStorage"] = props{"SizeInGiB": gib}
	}
	return t
}

func runtimePlatform(p RuntimePlatform) props {
	return props{
		"CpuArchitecture":       cmp.Or(p.CPUArchitecture, "X86_64"),
		"OperatingSystemFamily": cmp.Or(p.OperatingSystemFamily, "LINUX"),
	}
}

// task adds a task definition and its roles.
func (s *Stack) task(id, owner logicalID, family, taskRole, executionRole Text) *TaskDefinition {
	s.at(owner, "Family").named(family, ecsNaming())
	t := &TaskDefinition{stack: s, id: id, arn: id.ref(), properties: props{}}
	if taskRole == "" {
		condition := onlyOurTasks()
		if s.CDKDefaults {
			condition = nil
		}
		t.task = s.role(owner+"TaskRole", "ecs-tasks.amazonaws.com", condition)
		taskRole = t.task.arn()
	}
	if executionRole == "" {
		t.execution = s.role(owner+"ExecutionRole", "ecs-tasks.amazonaws.com", nil)
		executionRole = t.execution.arn()
	}
	t.properties["TaskRoleArn"], t.properties["ExecutionRoleArn"] = taskRole, executionRole
	set(t.properties, "Family", family)
	s.add(id, "AWS::ECS::TaskDefinition", t.properties)
	s.tasks = append(s.tasks, t)
	return t
}

// ContainerProps describe a container of a task.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
type ContainerProps struct {
	Image               Image
	Command, EntryPoint []Text // default the image's own
	Environment         map[string]Text
	Secrets             map[string]Secret
	// Logging says where output goes; default CloudWatch Logs. NoLogging says
	// nowhere.
	Logging     *LogDriver
	NoLogging   bool
	HealthCheck *HealthCheck
	// StopTimeout is the time between SIGTERM and SIGKILL, on Fargate at most 2
	// minutes, the default; with CDKDefaults ECS's 30 s.
	StopTimeout time.Duration
	// CPU, in units, and memory, in MiB, are shares of the task's; on EC2 the
	// container's own.
	CPU, MemoryLimitMiB, MemoryReservationMiB, GPUCount int
	// Optional lets the task go on when this container ends.
	Optional bool
}

// emptyTasks are the task definitions that have no container.
func (s *Stack) emptyTasks() (problems []error) {
	for _, t := range s.tasks {
		if len(t.containers) == 0 {
			problems = append(problems, Problem{string(t.id), "a task definition needs a container", "AddContainer"})
		}
	}
	return problems
}

// A HealthCheck is a command by which ECS sees whether a container is well.
type HealthCheck struct {
	// Command is a shell command, or CMD and the words of a program.
	Command []string
	// Interval is 5 s to 5 min, default 30 s; Timeout 2 s to 1 min, default 5 s;
	// StartPeriod, in which failures do not count, at most 5 min.
	Interval, Timeout, StartPeriod time.Duration
	// Retries is after how many failures a container is unwell, 1 to 10; default 3.
	Retries int
}

// AddContainer adds a container of a name.
func (t *TaskDefinition) AddContainer(name string, p ContainerProps) {
	if t.properties == nil {
		t.stack.at(t.id, "AddContainer").problem("describe a FargateTaskDefinition instead", "the task definition is there already")
		return
	}
	t.addContainer(t.id, name, p)
}

// addContainer adds a container whose problems are told of an owner.
func (t *TaskDefinition) addContainer(owner logicalID, name string, p ContainerProps) {
	s := t.stack
	s.checkContainer(owner, name, p)
	if slices.ContainsFunc(t.containers, func(other any) bool { return other.(props)["Name"] == name }) {
		s.at(owner, "ContainerName").problem("choose another name", "the task has another container %q", name)
	}
	c := container{
		name: name, image: p.Image.reference, command: texts(p.Command), entryPoint: texts(p.EntryPoint),
		secrets: p.Secrets, health: p.HealthCheck, optional: p.Optional,
		cpu: p.CPU, memory: p.MemoryLimitMiB, reservation: p.MemoryReservationMiB, gpus: p.GPUCount,
		stopTimeout: p.StopTimeout,
	}
	if p.StopTimeout == 0 && !s.CDKDefaults {
		c.stopTimeout = job.DefaultStopTimeout
	}
	for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
		c.environment = append(c.environment, props{"Name": name, "Value": p.Environment[name]})
	}
	if p.Image.repository != "" {
		t.grantExecution(pullImage(p.Image.repository)...)
	}
	if p.NoLogging && p.Logging != nil {
		s.at(owner, "Logging").problem("leave one out", "it is given, and NoLogging is true")
	}
	if !p.NoLogging {
		var needs []props
		driver := LogDriver{}
		if p.Logging != nil {
			driver = *p.Logging
		}
		c.log, needs = s.logConfiguration(s.at(owner, "LogDriver"), owner, driver)
		t.grantExecution(needs...)
	}
	t.grantExecution(readSecrets(p.Secrets)...)
	t.containers = append(t.containers, c.props())
	t.properties["ContainerDefinitions"] = t.containers
}

func (s *Stack) checkContainer(owner logicalID, name string, p ContainerProps) {
	s.at(owner, "ContainerName").fixed(name, ecsNaming())
	s.at(owner, "Image").image(p.Image)
	s.at(owner, "Environment").variables(slices.Sorted(maps.Keys(p.Environment)))
	s.at(owner, "Secrets").secrets(p.Secrets)
	for _, name := range slices.Sorted(maps.Keys(p.Secrets)) {
		if _, twice := p.Environment[name]; twice {
			s.at(owner, "Secrets").problem("leave one out", "Environment has a variable %s too", name)
		}
	}
	if p.StopTimeout != 0 {
		s.at(owner, "StopTimeout").lasts(p.StopTimeout, time.Second, job.MaxStopTimeout)
	}
	if h := p.HealthCheck; h != nil {
		at := s.at(owner, "HealthCheck")
		at.command(h.Command)
		at.lasts(h.Interval, 5*time.Second, 5*time.Minute)
		at.lasts(h.Timeout, 2*time.Second, time.Minute)
		at.lasts(h.StartPeriod, time.Second, 5*time.Minute)
		if h.Retries != 0 {
			at.between(h.Retries, 1, 10)
		}
	}
}

// command checks the command of a health check.
func (f field) command(words []string) {
	const mend = `Command: []string{"CMD-SHELL", "…"}`
	switch {
	case len(words) == 0:
		f.problem(mend, "the command is missing")
	case slices.Contains(words, ""):
		f.problem(mend, "a word of the command is empty")
	case len(words) == 1 && (words[0] == "CMD" || words[0] == "CMD-SHELL"):
		f.problem(mend, "%s has no command behind it", words[0])
	case len(words) > 2 && words[0] == "CMD-SHELL":
		f.problem(fmt.Sprintf(`Command: []string{"CMD-SHELL", %q}`, strings.Join(words[1:], " ")), "CMD-SHELL takes one command, not %d words", len(words)-1)
	}
}

// variables checks the names of environment variables.
func (f field) variables(names []string) {
	for _, name := range names {
		switch {
		case name == "":
			f.problem("name it", "a variable has no name")
		case Text(name).open():
			f.problem("names are plain strings; values may hold tokens", "a variable's name holds %s, which only the deployed stack knows", plainText(Text(name)))
		case strings.ContainsRune(name, '='):
			f.problem("it ends where the = is", "%q cannot be a variable's name", name)
		}
	}
}

// A container is what a container definition says.
type container struct {
	name                string
	image               any // a Text or an Intrinsic
	command, entryPoint list
	environment         list
	secrets             map[string]Secret
	log, labels         props
	stopTimeout         time.Duration
	health              *HealthCheck
	optional            bool

	cpu, memory, reservation, gpus int
}

func (c container) props() props {
	p := props{"Essential": !c.optional, "Image": c.image, "Name": c.name}
	setList(p, "Command", c.command)
	setList(p, "EntryPoint", c.entryPoint)
	setList(p, "Environment", c.environment)
	setList(p, "Secrets", secretVariables(c.secrets))
	set(p, "StopTimeout", seconds(c.stopTimeout))
	set(p, "Cpu", c.cpu)
	set(p, "Memory", c.memory)
	set(p, "MemoryReservation", c.reservation)
	if c.log != nil {
		p["LogConfiguration"] = c.log
	}
	if c.labels != nil {
		p["DockerLabels"] = c.labels
	}
	if c.gpus > 0 {
		p["ResourceRequirements"] = list{props{"Type": "GPU", "Value": strconv.Itoa(c.gpus)}}
	}
	if c.health != nil {
		p["HealthCheck"] = c.health.props()
	}
	return p
}

func (h HealthCheck) props() props {
	command := h.Command
	if len(command) > 0 && command[0] != "CMD" && command[0] != "CMD-SHELL" {
		command = append([]string{"CMD-SHELL"}, command...)
		if len(h.Command) > 1 {
			command[0] = "CMD"
		}
	}
	p := props{
		"Command":  command,
		"Interval": seconds(cmp.Or(h.Interval, 30*time.Second)),
		"Retries":  cmp.Or(h.Retries, 3),
		"Timeout":  seconds(cmp.Or(h.Timeout, 5*time.Second)),
	}
	set(p, "StartPeriod", seconds(h.StartPeriod))
	return p
}
