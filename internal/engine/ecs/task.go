package ecs

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// newTask returns a task of a definition that waits for its place.
func newTask(cluster string, d *definition, overrides *types.TaskOverride, now time.Time) task {
	t := task{
		ID:         newTaskID(),
		Cluster:    cluster,
		Definition: d.arn(),
		Size:       taskSize(d, overrides),
		Secret:     rand.Text(),
		Status:     statusProvisioning,
		Desired:    statusRunning,
		Version:    1,
		CreatedAt:  now,
		Detail: types.Task{
			Cpu:              d.Detail.Cpu,
			Memory:           d.Detail.Memory,
			EphemeralStorage: d.Detail.EphemeralStorage,
			Overrides:        overrides,
		},
	}
	if overrides != nil {
		t.Detail.Cpu = cmp.Or(overrides.Cpu, t.Detail.Cpu)
		t.Detail.Memory = cmp.Or(overrides.Memory, t.Detail.Memory)
	}
	for _, c := range d.Detail.ContainerDefinitions {
		t.Containers = append(t.Containers, container{
			Name:      *c.Name,
			RuntimeID: t.ID + "-" + strconv.Itoa(len(t.Containers)+1),
			Image:     *c.Image,
			Essential: essential(c),
			Status:    statusPending,
		})
		if healthCheck(c.HealthCheck) != nil && !filepath.IsAbs(*c.Image) {
			t.Containers[len(t.Containers)-1].Health = types.HealthStatusUnknown
		}
	}
	return t
}

// taskSize is what a task takes of the machine: its own size, else the sum of
// its containers'.
func taskSize(d *definition, overrides *types.TaskOverride) runner.Size {
	var sum runner.Size
	for _, c := range d.Detail.ContainerDefinitions {
		sum.CPU += int(c.Cpu)
		sum.Memory += int(cmp.Or(aws.ToInt32(c.Memory), aws.ToInt32(c.MemoryReservation)))
		sum.GPUs += gpus(c, overrides)
	}
	cpu, memory := d.Detail.Cpu, d.Detail.Memory
	if overrides != nil {
		cpu, memory = cmp.Or(overrides.Cpu, cpu), cmp.Or(overrides.Memory, memory)
	}
	if cpu != nil {
		sum.CPU, _ = cpuUnits(*cpu)
	}
	if memory != nil {
		sum.Memory, _ = memoryMiB(*memory)
	}
	return sum
}

// loadTasks reads the tasks. Those whose containers are gone with the engine
// before are lost.
func (s *Service) loadTasks(ctx context.Context, now time.Time) error {
	all, err := s.tables.tasks.All(ctx)
	if err != nil {
		return err
	}
	tasks := sorting.All(maps.Values(all), func(a, b task) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	left := s.survivors(ctx, tasks)
	for _, t := range tasks {
		switch {
		case t.Status == statusStopped || t.Status == statusProvisioning:
			s.addTask(&t)
		case s.adopt(&t, left[t.ID]):
			delete(left, t.ID)
			s.addTask(&t)
		default:
			if left != nil && t.mayHaveSurvived() {
				left[t.ID] = nil // whatever is left of it, volumes too
			}
			t.Placed = false // no capacity has been reserved by this process
			lost := t.lost(now)
			s.addTask(&lost)
			s.dirty.tasks[&lost] = true
		}
	}
	s.clear(ctx, left)
	sorting.By(s.stopped, func(a, b *task) int { return a.StoppedAt.Compare(b.StoppedAt) })
	return nil
}

// addTask takes a task into memory.
func (s *Service) addTask(t *task) {
	s.tasks[t.ID] = t
	if t.Status == statusStopped {
		s.stopped = append(s.stopped, t)
		return
	}
	s.secrets[t.Secret] = t
	s.waiting = append(s.waiting, t)
	if v := s.services[t.Cluster+"/"+t.Service]; v != nil {
		v.tasks[t] = true
	}
}

func (s *Service) taskARN(t *task) string {
	return s.config.Account.ARN("ecs", "task/"+t.Cluster+"/"+t.ID)
}

// task finds a task of a cluster by its id or ARN. It returns nil when there
// is none.
func (s *Service) task(cluster, ref string) (*task, error) {
	id, err := nameIn(cluster, "task", ref)
	if err != nil {
		return nil, err
	}
	t := s.tasks[id]
	if t == nil || t.Cluster != cluster {
		return nil, nil
	}
	return t, nil
}

// RunTask starts up to ten standalone tasks.
func (s *Service) RunTask(ctx context.Context, in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	d, err := s.usableDefinition(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	if err := validateRun(in, d); err != nil {
		return nil, err
	}
	if s.lacksGPUs(taskSize(d, in.Overrides)) {
		return &ecs.RunTaskOutput{Tasks: []types.Task{}, Failures: []types.Failure{s.noGPU()}}, nil
	}
	tasks := s.tasksOfToken(c.Name, aws.ToString(in.ClientToken))
	if tasks == nil {
		if tasks, err = s.makeTasks(ctx, c, d, in); err != nil {
			return nil, err
		}
	}
	out := &ecs.RunTaskOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	for _, t := range tasks {
		out.Tasks = append(out.Tasks, s.describeTask(t))
	}
	return out, nil
}

func validateRun(in *ecs.RunTaskInput, d *definition) error {
	if in.Count != nil && (*in.Count < 1 || *in.Count > 10) {
		return wire.Faultf("InvalidParameterException", "Count must be between 1 and 10.")
	}
	if strings.HasPrefix(aws.ToString(in.Group), "service:") {
		return wire.Faultf("InvalidParameterException", "Invalid namespace for group.")
	}
	if len(aws.ToString(in.StartedBy)) > 128 {
		return wire.Faultf("InvalidParameterException", "startedBy should not be longer than 128 characters.")
	}
	if err := validateLaunch(d, in.LaunchType, in.NetworkConfiguration); err != nil {
		return err
	}
	return validateOverrides(in.Overrides, d)
}

func validateOverrides(o *types.TaskOverride, d *definition) error {
	if o == nil {
		return nil
	}
	for _, c := range o.ContainerOverrides {
		name := aws.ToString(c.Name)
		if name == "" {
			return wire.Faultf("InvalidParameterException", "Override for container must have a name.")
		}
		if count(d.Detail.ContainerDefinitions, name) == 0 {
			return wire.Faultf("InvalidParameterException", "Override for container named %s is not a container in the TaskDefinition.", name)
		}
	}
	if o.Cpu != nil {
		if _, ok := cpuUnits(*o.Cpu); !ok {
			return wire.Faultf("InvalidParameterException", "Invalid 'cpu' setting for task.")
		}
	}
	if o.Memory != nil {
		if _, ok := memoryMiB(*o.Memory); !ok {
			return wire.Faultf("InvalidParameterException", "Invalid 'memory' setting for task.")
		}
	}
	return nil
}

// tasksOfToken are the tasks that an earlier request with the same token made.
func (s *Service) tasksOfToken(cluster, token string) []*task {
	if token == "" {
		return nil
	}
	var tasks []*task
	for _, t := range s.tasks {
		if t.Token == token && t.Cluster == cluster {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

func (s *Service) makeTasks(ctx context.Context, c *cluster, d *definition, in *ecs.RunTaskInput) ([]*task, error) {
	now := time.Now()
	tasks := make([]*task, max(1, aws.ToInt32(in.Count)))
	for i := range tasks {
		t := newTask(c.Name, d, in.Overrides, now)
		t.StartedBy = aws.ToString(in.StartedBy)
		t.Group = cmp.Or(aws.ToString(in.Group), "family:"+*d.Detail.Family)
		t.Token = aws.ToString(in.ClientToken)
		t.Subnet = subnet(in.NetworkConfiguration)
		t.Tags = in.Tags
		if in.PropagateTags == types.PropagateTagsTaskDefinition {
			t.Tags = withTags(d.Tags, in.Tags)
		}
		t.Detail.EnableExecuteCommand = in.EnableExecuteCommand
		launchDetail(&t.Detail, in.LaunchType, c.strategy(in.LaunchType, in.CapacityProviderStrategy), in.PlatformVersion)
		tasks[i] = &t
	}
	err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		for _, t := range tasks {
			if err := s.tables.tasks.Put(tx, t.ID, *t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, t := range tasks {
		s.addTask(t)
	}
	s.rouse()
	return tasks, nil
}

// launchDetail notes how a task was launched.
func launchDetail(detail *types.Task, launch types.LaunchType, strategy []types.CapacityProviderStrategyItem, version *string) {
	detail.LaunchType = launch
	if launch == "" {
		detail.LaunchType = types.LaunchTypeEc2
	}
	if len(strategy) > 0 {
		detail.CapacityProviderName = strategy[0].CapacityProvider
		if strings.HasPrefix(aws.ToString(detail.CapacityProviderName), "FARGATE") {
			detail.LaunchType = types.LaunchTypeFargate
		}
	}
	if detail.LaunchType == types.LaunchTypeFargate {
		detail.PlatformVersion = aws.String("1.4.0")
		if v := aws.ToString(version); v != "" && v != "LATEST" {
			detail.PlatformVersion = &v
		}
		detail.PlatformFamily = new("Linux")
	}
}

// StopTask stops a task, whether it is protected or not.
func (s *Service) StopTask(ctx context.Context, in *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	t, err := s.task(c.Name, aws.ToString(in.Task))
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, wire.Faultf("InvalidParameterException", "The referenced task was not found.")
	}
	reason := cmp.Or(aws.ToString(in.Reason), "Task stopped by user")
	next := t.stop(types.TaskStopCodeUserInitiated, reason, time.Now())
	if err := s.commit(ctx, t, next); err != nil {
		return nil, err
	}
	return &ecs.StopTaskOutput{Task: new(s.describeTask(t))}, nil
}

// DescribeTasks describes up to a hundred tasks; those that have stopped only
// for an hour.
func (s *Service) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if len(in.Tasks) == 0 {
		return nil, wire.Faultf("InvalidParameterException", "Tasks cannot be empty.")
	}
	if len(in.Tasks) > 100 {
		return nil, wire.Faultf("InvalidParameterException", "Tasks cannot be more than 100.")
	}
	out := &ecs.DescribeTasksOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	for _, ref := range in.Tasks {
		t, err := s.task(c.Name, ref)
		if err != nil {
			return nil, err
		}
		if t == nil {
			out.Failures = append(out.Failures, missing(s.taskRefARN(c.Name, ref)))
			continue
		}
		detail := s.describeTask(t)
		if !slices.Contains(in.Include, types.TaskFieldTags) {
			detail.Tags = nil
		}
		out.Tasks = append(out.Tasks, detail)
	}
	return out, nil
}

// taskRefARN is the ARN that a reference to a task stands for.
func (s *Service) taskRefARN(cluster, ref string) string {
	if strings.HasPrefix(ref, "arn:") {
		return ref
	}
	return s.config.Account.ARN("ecs", "task/"+cluster+"/"+ref)
}

// ListTasks lists the ARNs of a cluster's tasks: those that shall run, or
// those that shall not.
func (s *Service) ListTasks(_ context.Context, in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	var name string
	if in.ServiceName != nil {
		v, err := s.service(in.Cluster, in.ServiceName)
		if err != nil {
			return nil, err
		}
		name = v.Name
	}
	wanted := status(cmp.Or(in.DesiredStatus, types.DesiredStatusRunning))
	if in.ContainerInstance != nil {
		wanted = "" // there are no container instances, so no tasks on them
	}
	arns := []string{}
	for _, t := range s.tasks {
		if t.Cluster != c.Name || t.Desired != wanted ||
			in.ServiceName != nil && t.Service != name ||
			in.StartedBy != nil && t.StartedBy != *in.StartedBy ||
			in.LaunchType != "" && t.Detail.LaunchType != in.LaunchType ||
			in.Family != nil && !strings.Contains(t.Definition, ":task-definition/"+*in.Family+":") {
			continue
		}
		arns = append(arns, s.taskARN(t))
	}
	slices.Sort(arns)
	arns, next, err := page(arns, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	return &ecs.ListTasksOutput{TaskArns: arns, NextToken: next}, nil
}

func (s *Service) describeTask(t *task) types.Task {
	detail := t.Detail
	detail.TaskArn = aws.String(s.taskARN(t))
	detail.ClusterArn = aws.String(s.clusterARN(t.Cluster))
	detail.TaskDefinitionArn = aws.String(t.Definition)
	detail.AvailabilityZone = aws.String(s.config.Account.Region + "a")
	detail.Connectivity = types.ConnectivityConnected
	detail.HealthStatus = t.health()
	detail.Group = aws.String(t.Group)
	detail.StartedBy = text(t.StartedBy)
	detail.LastStatus = aws.String(string(t.Status))
	detail.DesiredStatus = aws.String(string(t.Desired))
	detail.StopCode = t.StopCode
	detail.StoppedReason = text(t.StoppedReason)
	detail.Version = t.Version
	detail.CreatedAt = moment(t.CreatedAt)
	detail.ConnectivityAt = moment(t.PullStartedAt)
	detail.PullStartedAt = moment(t.PullStartedAt)
	detail.PullStoppedAt = moment(t.PullStoppedAt)
	detail.StartedAt = moment(t.StartedAt)
	detail.StoppingAt = moment(t.StoppingAt)
	detail.ExecutionStoppedAt = moment(t.ExecutionStoppedAt)
	detail.StoppedAt = moment(t.StoppedAt)
	detail.Tags = t.Tags
	if detail.Overrides == nil {
		detail.Overrides = &types.TaskOverride{}
	}
	detail.Containers = s.describeContainers(t)
	detail.Attachments = s.attachments(t)
	return detail
}

func (s *Service) describeContainers(t *task) []types.Container {
	described := make([]types.Container, 0, len(t.Containers))
	for _, c := range t.Containers {
		detail := types.Container{
			ContainerArn: aws.String(s.containerARN(t, c)),
			TaskArn:      aws.String(s.taskARN(t)),
			Name:         aws.String(c.Name),
			Image:        aws.String(c.Image),
			LastStatus:   aws.String(string(c.Status)),
			HealthStatus: cmp.Or(c.Health, types.HealthStatusUnknown),
			Reason:       text(c.Reason),
			RuntimeId:    aws.String(c.RuntimeID),
			GpuIds:       c.GPUs,

			NetworkBindings:   c.bindings(),
			NetworkInterfaces: t.interfaces(c),
		}
		if c.ExitCode != nil {
			detail.ExitCode = aws.Int32(int32(*c.ExitCode))
		}
		described = append(described, detail)
	}
	return described
}

func (s *Service) containerARN(t *task, c container) string {
	return s.config.Account.ARN("ecs", "container/"+t.Cluster+"/"+t.ID+"/"+c.RuntimeID)
}

// text is a string, or nil where there is none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// moment is a time, or nil where it has not come.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}
