package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/template"
)

// Options say how to read a template that leaves something open.
type Options struct {
	// Parameters are values of the template's parameters.
	Parameters map[string]string
	// Service is the logical id of the service that is meant, where there are
	// several.
	Service string
}

// Read makes a model of a template: its service that scales with a queue, and
// what that stands on. It says what of the template it cannot simulate rather
// than leaving it out.
func Read(t *template.Template, o Options) (*Model, error) {
	r, err := newReader(t, o.Parameters)
	if err != nil {
		return nil, err
	}
	id, err := r.service(o.Service)
	if err != nil {
		return nil, err
	}
	m := &Model{Service: id}
	if err := r.readTask(m); err != nil {
		return nil, err
	}
	if err := r.readScaling(m); err != nil {
		return nil, err
	}
	if err := r.readQueue(m); err != nil {
		return nil, err
	}
	r.readStanding(m)
	m.settle()
	return m, nil
}

// A reader holds a template's resources with their properties evaluated.
// References are texts that name their resource between angle brackets.
type reader struct {
	ids   []string // sorted
	kinds map[string]string
	all   map[string]properties
}

type properties map[string]any

func newReader(t *template.Template, given map[string]string) (*reader, error) {
	stored := map[string]string{}
	for _, name := range t.ParameterStoreNames(given) {
		stored[name] = "value-of-" + name
	}
	values, err := t.ParameterValues(given, stored)
	if err != nil {
		return nil, problem("give it with -p Name=Value", "%s", err)
	}
	scope := &template.Scope{
		Template: t, Parameters: values,
		Pseudo: template.Pseudo{AccountID: "123456789012", Region: Region, StackName: "plan", StackID: "arn:aws:cloudformation:us-east-1:123456789012:stack/plan/00000000-0000"},
		Ref:    func(id string) (any, error) { return mark(id), nil },
		GetAtt: func(id, attribute string) (any, error) { return mark(id) + "." + attribute, nil },
		Export: func(name string) (string, bool) { return name, true },
	}
	r := &reader{kinds: map[string]string{}, all: map[string]properties{}}
	for _, resource := range t.Resources {
		if active, err := scope.Active(resource.ID); err != nil {
			return nil, err
		} else if !active {
			continue
		}
		p, err := scope.Properties(resource.ID)
		if err != nil {
			return nil, err
		}
		r.ids = append(r.ids, resource.ID)
		r.kinds[resource.ID], r.all[resource.ID] = resource.Type, p
	}
	slices.Sort(r.ids)
	return r, nil
}

func mark(id string) string { return "<" + id + ">" }

// of lists the resources of a type.
func (r *reader) of(kind string) []string {
	var ids []string
	for _, id := range r.ids {
		if r.kinds[id] == kind {
			ids = append(ids, id)
		}
	}
	return ids
}

// named finds the resource of a type that a text refers to, or that has the
// text's name.
func (r *reader) named(kind, text, nameProperty string) (string, bool) {
	if text == "" {
		return "", false
	}
	for _, id := range r.of(kind) {
		if strings.Contains(text, mark(id)) {
			return id, true
		}
		if name := r.all[id].text(nameProperty); name != "" && lastPart(text) == lastPart(name) {
			return id, true
		}
	}
	return "", false
}

// lastPart is the name at the end of an ARN, a URL or a resource id.
func lastPart(text string) string { return text[strings.LastIndexAny(text, ":/")+1:] }

// service chooses the service that is planned.
func (r *reader) service(wanted string) (string, error) {
	services := r.of("AWS::ECS::Service")
	if wanted != "" {
		if slices.Contains(services, wanted) {
			return wanted, nil
		}
		return "", problem("it has "+strings.Join(services, ", "), "the template has no service %q", wanted)
	}
	var scaled []string
	for _, id := range services {
		if _, ok := r.target(id); ok {
			scaled = append(scaled, id)
		}
	}
	switch {
	case len(services) == 0:
		return "", problem("plan a job file, or a template with an AWS::ECS::Service", "the template has no ECS service: there is nothing to simulate")
	case len(scaled) == 1:
		return scaled[0], nil
	case len(services) == 1:
		return services[0], nil
	}
	return "", problem("choose one: --service "+services[0], "the template has %d services: %s", len(services), strings.Join(services, ", "))
}

// target finds the scalable target of a service.
func (r *reader) target(service string) (string, bool) {
	for _, id := range r.of("AWS::ApplicationAutoScaling::ScalableTarget") {
		p := r.all[id]
		if found, ok := r.named("AWS::ECS::Service", p.text("ResourceId"), "ServiceName"); ok && found == service && p.text("ScalableDimension") == "ecs:service:DesiredCount" {
			return id, true
		}
	}
	return "", false
}

func (r *reader) readTask(m *Model) error {
	service := r.all[m.Service]
	id, ok := r.named("AWS::ECS::TaskDefinition", service.text("TaskDefinition"), "Family")
	if !ok {
		return problem("plan needs the size of its tasks", "the task definition of %s is not in the template", m.Service)
	}
	definition := r.all[id]
	containers := definition.list("ContainerDefinitions")
	m.Task = Task{Disk: 20}
	m.Task.CPU = definition.units("Cpu", containers, 1024)
	m.Task.Memory = definition.units("Memory", containers, 1024)
	if !(m.Task.CPU > 0 && m.Task.Memory > 0) {
		return problem("give it Cpu and Memory", "task definition %s does not say how large its tasks are", id)
	}
	fargate := service.text("LaunchType") == "FARGATE" || slices.Contains(definition.texts("RequiresCompatibilities"), "FARGATE")
	if fargate && !onFargate(m.Task.CPU, m.Task.Memory) {
		return problem("Fargate has .25, .5, 1, 2, 4, 8 and 16 vCPU, each with memory of its own: 256 with 512, 1024 or 2048 MiB",
			"task definition %s: Fargate has no tasks of Cpu %g and Memory %g", id, m.Task.CPU*1024, m.Task.Memory*1024)
	}
	if disk := definition.object("EphemeralStorage"); len(disk) > 0 {
		gib, err := disk.whole(id, "SizeInGiB", 20, 200, 20)
		if err != nil {
			return err
		}
		m.Task.Disk = float64(gib)
	}
	m.Task.ARM = definition.object("RuntimePlatform").text("CpuArchitecture") == "ARM64"
	for _, c := range containers {
		if c.object("DockerLabels").text("spate.worker") != "" {
			m.Task.Worker = true
		}
	}
	m.Task.PublicIP = service.object("NetworkConfiguration").object("AwsvpcConfiguration").text("AssignPublicIp") == "ENABLED"
	m.Task.Spot = spotShare(r.providers(service))
	if compatible := definition.texts("RequiresCompatibilities"); service.text("LaunchType") == "EC2" || !fargate && slices.Contains(compatible, "EC2") {
		m.Notes = append(m.Notes, "the tasks run on EC2 instances of the stack; they are reckoned as on Fargate")
	}
	// Where DesiredCount is left out, CloudFormation's services start with 1.
	count, err := service.whole(m.Service, "DesiredCount", 0, mostServiceTasks, 1)
	m.Capacity.Min, m.Capacity.Max, m.Capacity.Created = count, count, count
	return err
}

// units reads a task's size, or adds up that of its containers.
func (p properties) units(name string, containers []properties, unit float64) float64 {
	if n, ok := p.size(name); ok {
		return n / unit
	}
	total := 0.0
	for _, c := range containers {
		n, ok := c.size(name)
		if !ok {
			n, _ = c.size(name + "Reservation")
		}
		total += n
	}
	return total / unit
}

// providers are a service's capacity providers, or its cluster's.
func (r *reader) providers(service properties) []properties {
	if own := service.list("CapacityProviderStrategy"); len(own) > 0 || service.text("LaunchType") != "" {
		return own
	}
	if id, ok := r.named("AWS::ECS::Cluster", service.text("Cluster"), "ClusterName"); ok {
		if of := r.all[id].list("DefaultCapacityProviderStrategy"); len(of) > 0 {
			return of
		}
		for _, other := range r.of("AWS::ECS::ClusterCapacityProviderAssociations") {
			if strings.Contains(r.all[other].text("Cluster"), mark(id)) {
				return r.all[other].list("DefaultCapacityProviderStrategy")
			}
		}
	}
	return nil
}

// spotShare is how many of many tasks a strategy puts on Spot.
func spotShare(strategy []properties) float64 {
	spot, all := 0.0, 0.0
	for _, s := range strategy {
		weight, ok := s.number("Weight")
		if !ok && len(strategy) == 1 {
			weight = 1
		}
		if all += weight; s.text("CapacityProvider") == "FARGATE_SPOT" {
			spot += weight
		}
	}
	if all == 0 {
		return 0
	}
	return spot / all
}

// readQueue reads the queue that the service works on: the one that its alarms
// watch, that its containers are told of, or the only one that is no
// dead-letter queue.
func (r *reader) readQueue(m *Model) error {
	if m.Queue.ID == "" {
		m.Queue.ID = r.workedOn(m.Service)
	}
	if m.Queue.ID == "" {
		return problem("plan needs one to send the jobs to", "the service %s works on no queue of the template", m.Service)
	}
	p := r.all[m.Queue.ID]
	q := &m.Queue
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
	for _, a := range []struct {
		name                   string
		least, most, otherwise int
		to                     *time.Duration
	}{
		{"VisibilityTimeout", 0, 43_200, 30, &q.Visibility},
		{"DelaySeconds", 0, 900, 0, &q.Delay},
		{"MessageRetentionPeriod", 60, 1_209_600, 345_600, &q.Retention},
	} {
		n, err := p.whole(q.ID, a.name, a.least, a.most, a.otherwise)
		if err != nil {
			return err
		}
		*a.to = time.Duration(n) * time.Second
	}
	if redrive := p.object("RedrivePolicy"); len(redrive) > 0 {
		n, err := redrive.whole(q.ID, "maxReceiveCount", 1, 1000, 10)
		if err != nil {
			return err
		}
		q.MaxReceives = n
	}
	if p.text("FifoQueue") == "true" {
		m.Notes = append(m.Notes, "the queue is FIFO; its message groups are not simulated")
	}
	for _, id := range r.of("AWS::Scheduler::Schedule") {
		target := r.all[id].object("Target")
		if strings.Contains(target.text("Input"), mark(q.ID)) || strings.Contains(target.text("Arn"), mark(q.ID)) {
			q.Touched = true
		}
	}
	return nil
}

func (r *reader) workedOn(service string) string {
	id, _ := r.named("AWS::ECS::TaskDefinition", r.all[service].text("TaskDefinition"), "Family")
	told, _ := json.Marshal(r.all[id]["ContainerDefinitions"]) // evaluated plain values
	dead := map[string]bool{}
	for _, queue := range r.of("AWS::SQS::Queue") {
		if other, ok := r.named("AWS::SQS::Queue", r.all[queue].object("RedrivePolicy").text("deadLetterTargetArn"), "QueueName"); ok {
			dead[other] = true
		}
	}
	var others []string
	for _, queue := range r.of("AWS::SQS::Queue") {
		switch {
		case dead[queue]:
		case strings.Contains(string(told), `\u003c`+queue+`\u003e`):
			return queue
		default:
			others = append(others, queue)
		}
	}
	if len(others) == 1 {
		return others[0]
	}
	return ""
}

// readStanding finds what is billed by the month.
func (r *reader) readStanding(m *Model) {
	add := func(what string, count int, month float64) {
		if count > 0 {
			m.Standing = append(m.Standing, Standing{what, count, month})
		}
	}
	add("NAT gateway", len(r.of("AWS::EC2::NatGateway")), USD(NATGateway)*monthHours)
	add("Elastic IP", len(r.of("AWS::EC2::EIP")), USD(PublicAddress)*monthHours)
	metrics := 0
	for _, id := range r.of("AWS::CloudWatch::Alarm") {
		of := 0
		for _, q := range r.all[id].list("Metrics") {
			if len(q.object("MetricStat")) > 0 {
				of++
			}
		}
		metrics += max(of, 1)
	}
	for _, p := range m.Policies {
		if p.tracks {
			metrics += 2
		}
	}
	add(StandingAlarms, metrics, USD(AlarmMetric))
}

// onFargate says whether Fargate has tasks of a size.
func onFargate(cpu, memory float64) bool {
	for _, s := range sizes() {
		if s.cpu == cpu && memory >= s.least && memory <= s.most {
			steps := (memory - s.least) / s.step
			return steps == math.Floor(steps) && !(s.cpu == .25 && memory == 1.5)
		}
	}
	return false
}

// The members of a value; what is not there is empty.

func (p properties) object(name string) properties {
	o, _ := p[name].(map[string]any)
	return o
}

func (p properties) list(name string) []properties {
	items, _ := p[name].([]any)
	var list []properties
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			list = append(list, o)
		}
	}
	return list
}

func (p properties) texts(name string) []string {
	items, _ := p[name].([]any)
	var list []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			list = append(list, s)
		}
	}
	return list
}

func (p properties) text(name string) string {
	switch v := p[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func (p properties) number(name string) (float64, bool) {
	n, err := strconv.ParseFloat(p.text(name), 64)
	return n, err == nil
}

// size reads the size of a task: a number of CPU units or MiB, or such as 1 vCPU
// and 2 GB.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
func (p properties) size(name string) (float64, bool) {
	text := strings.ToLower(strings.TrimSpace(p.text(name)))
	for _, unit := range []string{"vcpu", "gb"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return n * 1024, err == nil
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// whole reads a whole number of a range; where there is none it is otherwise.
func (p properties) whole(id, name string, least, most, otherwise int) (int, error) {
	if p[name] == nil {
		return otherwise, nil
	}
	n, ok := p.number(name)
	if !ok || n != math.Floor(n) || n < float64(least) || n > float64(most) {
		return 0, problem(fmt.Sprintf("write a whole number from %d to %d", least, most), "%s of %s is %s", name, id, cmp.Or(p.text(name), "no number"))
	}
	return int(n), nil
}

func (p properties) seconds(name string, otherwise time.Duration) time.Duration {
	if n, ok := p.number(name); ok {
		return time.Duration(n * float64(time.Second))
	}
	return otherwise
}
