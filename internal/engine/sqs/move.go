package sqs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/wire"
)

const (
	maxMoveRate = 500 // messages a second
	movesKept   = 10  // tasks of a queue that are listed
)

// What the status of a message move task can be. A cancelled task is never seen
// CANCELLING: who cancels it waits for the messages that are under way.
const (
	moveRunning   = "RUNNING"
	moveCompleted = "COMPLETED"
	moveCancelled = "CANCELLED"
	moveFailed    = "FAILED"
)

// A moveTask is a message move task as the store keeps it, under its ID.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasksResultEntry.html
type moveTask struct {
	ID          string
	Queue       int64  // the source's ID
	Number      int64  // ascending among the tasks of a queue
	Destination string // ARN; "" for the queue that each message came from
	Rate        int32  // messages a second; 0 for as fast as it goes
	Started     int64  // Unix milliseconds
	ToMove      int64
	Moved       int64
	Status      string
	Failure     string // why it failed
	pace        pace
}

// A moveHandle is what a task handle says.
type moveHandle struct {
	Task   string `json:"taskId"`
	Source string `json:"sourceArn"`
}

func (s *Service) moveHandleOf(q *queue, task *moveTask) (string, error) {
	text, err := json.Marshal(moveHandle{Task: task.ID, Source: s.arn(q)})
	return base64.StdEncoding.EncodeToString(text), err
}

// running returns the queue's task that moves messages, nil for none. The
// caller holds mu.
func (q *queue) running() *moveTask {
	if n := len(q.moves); n > 0 && q.moves[n-1].Status == moveRunning {
		return q.moves[n-1]
	}
	return nil
}

// byARN returns the queue with an ARN, nil for none. The caller holds mu.
func (s *Service) byARN(arn string) *queue {
	name, ok := strings.CutPrefix(arn, s.account.ARN("sqs", ""))
	if !ok {
		return nil
	}
	return s.queues[name]
}

// queueOf returns the queue that a parameter names by its ARN. The caller
// holds mu.
func (s *Service) queueOf(parameter string, arn *string) (*queue, error) {
	if arn == nil {
		return nil, missingParameter(parameter)
	}
	if parts := strings.Split(*arn, ":"); len(parts) != 6 || parts[0] != "arn" || parts[2] != "sqs" {
		return nil, invalidParameter("You must use this format to specify the %s: "+
			"arn:<partition>:<service>:<region>:<account-id>:<resource-id>", parameter)
	}
	q := s.byARN(*arn)
	if q == nil {
		return nil, noSuchResource("The resource that you specified for the %s parameter doesn't exist.", parameter)
	}
	return q, nil
}

func (s *Service) startMessageMoveTask(ctx context.Context, in *sqs.StartMessageMoveTaskInput) (*sqs.StartMessageMoveTaskOutput, error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	q, task, err := s.draftMove(in)
	if err != nil {
		return nil, err
	}
	handle, err := s.moveHandleOf(q, task)
	if err != nil {
		return nil, err
	}
	if err := s.moves.Save(ctx, task.ID, *task); err != nil {
		return nil, err
	}
	if err := s.forgetMoves(ctx, q); err != nil {
		return nil, err
	}
	s.mu.Lock()
	task.pace.start(nowMilli())
	q.moves = append(q.moves, task)
	s.mu.Unlock()
	select {
	case s.move <- struct{}{}:
	default:
	}
	return &sqs.StartMessageMoveTaskOutput{TaskHandle: &handle}, nil
}

// draftMove checks a request, and returns the source and the task to start.
func (s *Service) draftMove(in *sqs.StartMessageMoveTaskInput) (*queue, *moveTask, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueOf("SourceArn", in.SourceArn)
	if err != nil {
		return nil, nil, err
	}
	if !s.hasSources(q) {
		return nil, nil, invalidParameter("Source queue must be configured as a Dead Letter Queue.")
	}
	if in.DestinationArn != nil {
		if *in.DestinationArn == *in.SourceArn {
			return nil, nil, invalidParameter("Source queue arn and destination queue arn cannot be the same.")
		}
		target, err := s.queueOf("DestinationArn", in.DestinationArn)
		if err != nil {
			return nil, nil, err
		}
		if target.fifo != q.fifo {
			return nil, nil, invalidParameter("The source queue and destination queue must be of the same queue type.")
		}
	}
	rate := aws.ToInt32(in.MaxNumberOfMessagesPerSecond)
	if in.MaxNumberOfMessagesPerSecond != nil && (rate < 1 || rate > maxMoveRate) {
		return nil, nil, invalidParameter("Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: " +
			"You must enter a number that's between 1 and 500.")
	}
	if q.running() != nil {
		return nil, nil, invalidParameter("There is already a task running. " +
			"Only one active task is allowed for a source queue arn at a given time.")
	}
	now := nowMilli()
	s.advance(q, now)
	task := &moveTask{
		ID:          newUUID().String(),
		Queue:       q.ID,
		Destination: aws.ToString(in.DestinationArn),
		Rate:        rate,
		Started:     now,
		ToMove:      int64(q.ready.visible()),
		Status:      moveRunning,
	}
	if n := len(q.moves); n > 0 {
		task.Number = q.moves[n-1].Number + 1
	}
	return q, task, nil
}

// hasSources says whether a queue is another's dead-letter queue. The caller
// holds mu.
func (s *Service) hasSources(q *queue) bool {
	for _, other := range s.queues {
		if other.redrive != nil && other.redrive.Target == s.arn(q) {
			return true
		}
	}
	return false
}

// forgetMoves makes room for one more task in the list of a queue. The caller
// holds gate.
func (s *Service) forgetMoves(ctx context.Context, q *queue) error {
	s.mu.Lock()
	old := slices.Clone(q.moves[:max(0, len(q.moves)+1-movesKept)])
	s.mu.Unlock()
	for _, task := range old {
		if err := s.moves.Remove(ctx, task.ID); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q.moves = slices.Clone(q.moves[len(old):])
	return nil
}

func (s *Service) cancelMessageMoveTask(ctx context.Context, in *sqs.CancelMessageMoveTaskInput) (*sqs.CancelMessageMoveTaskOutput, error) {
	if in.TaskHandle == nil {
		return nil, missingParameter("TaskHandle")
	}
	var h moveHandle
	text, err := base64.StdEncoding.DecodeString(*in.TaskHandle)
	if err != nil || json.Unmarshal(text, &h) != nil || h.Task == "" {
		return nil, invalidParameter("Value for parameter TaskHandle is invalid.")
	}
	s.gate.Lock() // no message is under way
	defer s.gate.Unlock()
	s.mu.Lock()
	q := s.byARN(h.Source)
	var task *moveTask
	if q != nil {
		task = q.running()
	}
	s.mu.Unlock()
	if q == nil {
		return nil, noSuchResource("The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	if task == nil || task.ID != h.Task {
		return nil, noSuchResource("Task does not exist.")
	}
	cancelled := *task
	cancelled.Status = moveCancelled
	if err := s.moves.Save(ctx, task.ID, cancelled); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*task = cancelled
	return &sqs.CancelMessageMoveTaskOutput{ApproximateNumberOfMessagesMoved: task.Moved}, nil
}

func (s *Service) listMessageMoveTasks(_ context.Context, in *sqs.ListMessageMoveTasksInput) (*sqs.ListMessageMoveTasksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueOf("SourceArn", in.SourceArn)
	if err != nil {
		return nil, err
	}
	most := int32(1)
	if in.MaxResults != nil {
		most = *in.MaxResults
	}
	if most < 1 || most > movesKept {
		return nil, invalidParameter("Value for parameter MaxResults is invalid. Reason: " +
			"You must enter a number that's between 1 and 10.")
	}
	out := &sqs.ListMessageMoveTasksOutput{}
	for _, task := range slices.Backward(q.moves) {
		if len(out.Results) == int(most) {
			break
		}
		entry, err := s.showMove(q, task)
		if err != nil {
			return nil, err
		}
		out.Results = append(out.Results, entry)
	}
	return out, nil
}

func (s *Service) showMove(q *queue, task *moveTask) (types.ListMessageMoveTasksResultEntry, error) {
	entry := types.ListMessageMoveTasksResultEntry{
		ApproximateNumberOfMessagesMoved:  task.Moved,
		ApproximateNumberOfMessagesToMove: aws.Int64(task.ToMove),
		SourceArn:                         aws.String(s.arn(q)),
		StartedTimestamp:                  task.Started,
		Status:                            aws.String(task.Status),
	}
	if task.Destination != "" {
		entry.DestinationArn = aws.String(task.Destination)
	}
	if task.Rate > 0 {
		entry.MaxNumberOfMessagesPerSecond = aws.Int32(task.Rate)
	}
	if task.Failure != "" {
		entry.FailureReason = aws.String(task.Failure)
	}
	if task.Status != moveRunning {
		return entry, nil
	}
	handle, err := s.moveHandleOf(q, task)
	entry.TaskHandle = &handle
	return entry, err
}

func noSuchResource(format string, args ...any) *wire.Fault {
	fault := wire.Faultf("ResourceNotFoundException", format, args...)
	fault.Status = http.StatusNotFound
	return fault
}
