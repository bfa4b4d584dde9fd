package engine

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/spate-run/spate/internal/engine/autoscaling"
	"github.com/spate-run/spate/internal/engine/cloudformation"
	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/engine/ecr"
	"github.com/spate-run/spate/internal/engine/ecs"
	"github.com/spate-run/spate/internal/engine/events"
	"github.com/spate-run/spate/internal/engine/logs"
	"github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/engine/scheduler"
	"github.com/spate-run/spate/internal/engine/secretsmanager"
	"github.com/spate-run/spate/internal/engine/sns"
	"github.com/spate-run/spate/internal/engine/sqs"
	"github.com/spate-run/spate/internal/engine/ssm"
	"github.com/spate-run/spate/internal/engine/sts"
	"github.com/spate-run/spate/internal/metric"
	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/wire"
)

// join makes the services over the store and lays the wires between them.
func (e *Engine) join(ctx context.Context, h home) (err error) {
	s := &e.services
	log := e.cfg.Log
	// Services that use others reach them as everybody does: through the
	// engine's own API. It exists once all of them do.
	inProcess := wire.Client(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.handler.ServeHTTP(w, r)
	}), &e.address.Keys, account())

	if s.sqs, err = sqs.New(ctx, sqs.Config{
		Store: e.store, Account: account(), Log: log, Endpoint: e.address.Endpoint, Tasks: e.tasks(), Wait: e.cfg.queueWait(),
	}); err != nil {
		return err
	}
	if s.sns, err = sns.New(ctx, sns.Config{
		Store: e.store, Account: account(), Log: log, Endpoint: e.address.Endpoint, Send: e.deliver,
	}); err != nil {
		return err
	}
	if s.s3, err = s3.New(ctx, s3.Config{Store: e.store, Dir: h.objects(), Log: log, Ready: assetsBucket()}); err != nil {
		return err
	}
	if s.logs, err = logs.New(ctx, logs.Config{Store: e.store, Account: account(), Log: log}); err != nil {
		return err
	}
	if s.ecs, err = e.newECS(ctx, h, inProcess); err != nil {
		return err
	}
	if s.autoscaling, err = e.newAutoscaling(ctx, inProcess); err != nil {
		return err
	}
	if s.cloudwatch, err = e.newCloudWatch(ctx); err != nil {
		return err
	}
	if s.cloudformation, err = cloudformation.New(ctx, cloudformation.Config{
		Store: e.store, Account: account(), Log: log, AWS: inProcess,
	}); err != nil {
		return err
	}
	if s.ssm, err = ssm.New(ctx, ssm.Config{Store: e.store, Account: account(), Fixed: bootstrapVersion()}); err != nil {
		return err
	}
	if s.secretsmanager, err = secretsmanager.New(ctx, secretsmanager.Config{Store: e.store, Account: account()}); err != nil {
		return err
	}
	if s.ecr, err = ecr.New(ctx, ecr.Config{
		Store: e.store, Account: account(), Log: log, Dir: h.images(), Endpoint: e.address.Endpoint, Keys: e.keys(),
	}); err != nil {
		return err
	}
	if s.events, err = events.New(ctx, events.Config{Store: e.store, Account: account(), Log: log, Do: e.deliver}); err != nil {
		return err
	}
	if s.scheduler, err = scheduler.New(ctx, scheduler.Config{Store: e.store, Account: account(), Log: log, Do: e.deliver}); err != nil {
		return err
	}
	s.sts = sts.New(sts.Config{Account: account(), Keys: e.address.Keys})
	e.handler, e.inner = e.newHandlers()
	return nil
}

// keys are what requests are signed with; nil where they need no signature.
func (e *Engine) keys() *wire.Keys {
	if e.cfg.Open {
		return nil
	}
	return &e.address.Keys
}

// bootstrapVersion is the parameter by which AWS CDK tells that an environment
// is fit for it: the version of its bootstrap template, whose roles, bucket and
// repository a person has by cdk bootstrap on AWS. The version is that of
// aws-cdk 2.1148, and stands for all that an engine does without it.
// https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
func bootstrapVersion() map[string]string {
	return map[string]string{"/cdk-bootstrap/hnb659fds/version": "33"}
}

// assetsBucket is where AWS CDK puts templates and files: the bucket that its
// bootstrap template would have made.
func assetsBucket() string {
	return "cdk-hnb659fds-assets-" + account().ID + "-" + account().Region
}

// newHandlers makes what answers at the engine's own address, and on the bridge
// to containers, where every request is signed and nobody pulls images.
func (e *Engine) newHandlers() (own, inner http.Handler) {
	s := e.services
	agent, images := s.ecs.AgentHandler(), s.ecr.Registry()
	api := wire.Config{
		Services: []*wire.Service{
			s.sqs.Wire(), s.sts.Wire(), s.logs.Wire(), s.ecs.Wire(),
			s.cloudwatch.Wire(), s.autoscaling.Wire(), s.cloudformation.Wire(),
			s.ssm.Wire(), s.secretsmanager.Wire(), s.ecr.Wire(), s.events.Wire(), s.scheduler.Wire(),
			s.sns.Wire(),
		},
		Objects: s.s3,
		Keys:    &e.address.Keys,
		Log:     e.cfg.Log,
	}
	inner = route(agent, nil, wire.NewHandler(api))
	api.Keys = e.keys()
	return route(agent, images, wire.NewHandler(api)), inner
}

// route leads requests to the tasks' endpoints, to the registry where there is
// one, and to AWS's services.
func route(agent, images, api http.Handler) http.Handler {
	// No ServeMux: it cleans paths, and a//b and ../x are keys of objects.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/_spate/ecs/"):
			agent.ServeHTTP(w, r)
		case images != nil && strings.HasPrefix(r.URL.Path, ecr.Prefix): // no bucket: their names have three letters
			images.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

func (e *Engine) newECS(ctx context.Context, h home, inProcess aws.Config) (_ *ecs.Service, err error) {
	if e.runners, err = e.newRunners(h, inProcess); err != nil {
		return nil, err
	}
	capacity, err := newCapacity()
	if err != nil {
		return nil, err
	}
	return ecs.New(ctx, ecs.Config{
		Store:    e.store,
		Account:  account(),
		Log:      e.cfg.Log,
		Runner:   e.runners,
		Capacity: capacity, GPUs: runner.GPUs(),
		Endpoint: e.address.Endpoint,
		Engine: []string{
			"AWS_ENDPOINT_URL=" + e.address.Endpoint,
			"AWS_ACCESS_KEY_ID=" + e.address.Keys.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY=" + e.address.Keys.SecretAccessKey,
			sessionToken + e.tasks(),
			"AWS_REGION=" + Region,
		},
		AWS:  inProcess,
		Logs: e.openLog,
	})
}

// openLog opens the stream of a container's output.
func (e *Engine) openLog(ctx context.Context, to ecs.LogStream) (ecs.Log, error) {
	if to.MakeGroup {
		if err := e.services.logs.MakeGroup(ctx, to.Group); err != nil {
			return ecs.Log{}, err
		}
	}
	stream, last, err := e.services.logs.Open(ctx, to.Group, to.Stream)
	return ecs.Log{WriteCloser: stream, Last: last}, err
}

// newAutoscaling lets scaling policies read and set a service's desired count.
func (e *Engine) newAutoscaling(ctx context.Context, cfg aws.Config) (*autoscaling.Service, error) {
	client := wire.NewCaller(cfg, "ecs")
	return autoscaling.New(ctx, autoscaling.Config{
		Store:   e.store,
		Account: account(),
		Log:     e.cfg.Log,
		Cadence: e.cfg.Cadence,
		AWS:     cfg,
		Capacity: func(ctx context.Context, resourceID string) (int, error) {
			cluster, service, err := clusterAndService(resourceID)
			if err != nil {
				return 0, err
			}
			out, err := wire.Call[awsecs.DescribeServicesOutput](ctx, client, &awsecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}})
			if err != nil {
				return 0, err
			}
			if len(out.Services) == 0 {
				return 0, fmt.Errorf("there is no service %s", resourceID)
			}
			return int(out.Services[0].DesiredCount), nil
		},
		SetCapacity: func(ctx context.Context, resourceID string, n int) error {
			cluster, service, err := clusterAndService(resourceID)
			if err != nil {
				return err
			}
			_, err = wire.Call[awsecs.UpdateServiceOutput](ctx, client, &awsecs.UpdateServiceInput{
				Cluster: &cluster, Service: &service, DesiredCount: new(int32(n)),
			})
			return err
		},
	})
}

// newCloudWatch feeds the queues' counts to the metrics, and alarms to the
// scaling policies and topics they name.
func (e *Engine) newCloudWatch(ctx context.Context) (*cloudwatch.Service, error) {
	return cloudwatch.New(ctx, cloudwatch.Config{
		Store:   e.store,
		Account: account(),
		Log:     e.cfg.Log,
		Cadence: e.cfg.Cadence,
		Collect: func(context.Context) []cloudwatch.Datum { return queueMetrics(e.services.sqs.Counts()) },
		Act: func(ctx context.Context, action string, b scaling.Breach) error {
			switch {
			case strings.HasPrefix(action, "arn:aws:autoscaling:"):
				return e.services.autoscaling.Invoke(ctx, action, b)
			case strings.HasPrefix(action, "arn:aws:sns:"):
				return e.notify(ctx, action, b.Alarm)
			}
			return cloudwatch.ErrNotPerformed
		},
	})
}

// queueMetrics are SQS's own metrics.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
func queueMetrics(counts []sqs.QueueCount) []cloudwatch.Datum {
	var data []cloudwatch.Datum
	for _, c := range counts {
		queue := []types.Dimension{{Name: new("QueueName"), Value: new(c.Name)}}
		add := func(name string, value float64, unit types.StandardUnit) {
			data = append(data, cloudwatch.Datum{Namespace: "AWS/SQS", Metric: name, Dimensions: queue, Value: value, Unit: unit})
		}
		add("ApproximateNumberOfMessagesVisible", float64(c.Visible), types.StandardUnitCount)
		add("ApproximateNumberOfMessagesNotVisible", float64(c.InFlight), types.StandardUnitCount)
		add("ApproximateNumberOfMessagesDelayed", float64(c.Delayed), types.StandardUnitCount)
		add("ApproximateAgeOfOldestMessage", c.OldestAge.Seconds(), types.StandardUnitSeconds)
		add("NumberOfMessagesSent", float64(c.Sent), types.StandardUnitCount)
		add("NumberOfMessagesReceived", float64(c.Received), types.StandardUnitCount)
		add("NumberOfMessagesDeleted", float64(c.Deleted), types.StandardUnitCount)
		add("NumberOfEmptyReceives", float64(c.Empty), types.StandardUnitCount)
		if c.Sent > 0 { // without messages there are no sizes
			data = append(data, cloudwatch.Datum{
				Namespace: "AWS/SQS", Metric: "SentMessageSize", Dimensions: queue, Unit: types.StandardUnitBytes,
				Set: &metric.Sample{Count: float64(c.Sent), Sum: float64(c.Sizes.Sum), Low: float64(c.Sizes.Smallest), High: float64(c.Sizes.Largest)},
			})
		}
	}
	return data
}
