package plan_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/plan"
)

// The simulation of a template and the embedded engine with the same template
// agree on every change of the desired count and on every attempt: when it
// began, when it ended, and which were lost.
func TestTheEngineDoesWhatIsPlanned(t *testing.T) {
	const steps = "../../testdata/steps.template.json"
	const defaults = "../../testdata/cdk/defaults.template.json"
	const everyStart = 40 * time.Second
	for _, c := range []struct {
		name      string
		template  string
		jobs      int
		durations string
		kick      bool
		phase     time.Duration
		edit      []string // of the template: pairs of what is and what shall be
	}{
		{"a burst, kicked", jobTemplate, 100, "10m..30m", true, 25 * time.Second, nil},
		{"a burst, left to its alarms", jobTemplate, 60, "2m..9m", false, 13 * time.Second, nil},
		{"a few jobs", jobTemplate, 3, "1m..4m", false, 41 * time.Second, nil},
		{"one job", jobTemplate, 1, "7m", false, 30 * time.Second, nil},
		{"more jobs than tasks", jobTemplate, 200, "1m..5m", true, 7 * time.Second, nil},
		{"short jobs", jobTemplate, 250, "20s..50s", true, 50 * time.Second, nil},
		{"the pattern's steps", steps, 100, "3m..9m", false, 20 * time.Second, nil},
		{"CDK's defaults, short jobs", defaults, 150, "5s..25s", false, 35 * time.Second, nil},
		{"CDK's defaults, jobs longer than the visibility timeout", defaults, 140, "20s..3m", false, 35 * time.Second, nil},
		{"a minimum that holds longer than the backlog", jobTemplate, 80, "30s..8m", true, 10 * time.Second, nil},
		{"a pattern that stops busy tasks", defaults, 150, "2m..8m", false, 35 * time.Second, []string{
			`"MaxCapacity": 2`, `"MaxCapacity": 30`, `"RedrivePolicy": {`, `"VisibilityTimeout": 7200, "RedrivePolicy": {`,
			// One at a time: of tasks that began together any may be
			// stopped. And a message comes back when one task is left: of several that
			// wait any may receive it.
			`"AdjustmentType": "ChangeInCapacity",`, `"AdjustmentType": "ChangeInCapacity", "Cooldown": 1,`,
		}},
		{"alarms that both go off", asWritten, 11, "8m..14m", false, 35 * time.Second, []string{
			`"Type": "AWS::SQS::Queue",`, `"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 900},`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file, err := os.ReadFile(c.template)
				if err != nil {
					t.Fatal(err)
				}
				text := strings.NewReplacer(c.edit...).Replace(string(file))
				edited := filepath.Join(t.TempDir(), "template.json")
				if err := os.WriteFile(edited, []byte(text), 0o600); err != nil || len(c.edit) > 0 && text == string(file) {
					t.Fatalf("the template was not edited: %v", err)
				}
				parameters := map[string]string{}
				if c.template == jobTemplate || c.template == steps {
					parameters["Image"] = "/a/folder"
				}
				durations, err := plan.ParseDurations(c.durations)
				if err != nil {
					t.Fatal(err)
				}
				m := model(t, edited, parameters)
				m.Policies = slices.DeleteFunc(m.Policies, func(p *plan.Policy) bool { return strings.HasPrefix(p.Alarm.Name, "TargetTracking") })
				l := plan.Load{Jobs: c.jobs, Durations: durations, Kick: c.kick}
				cloud := plan.Cloud{StartLow: everyStart, StartHigh: everyStart, Poll: 20 * time.Second, Phase: c.phase}
				const seed = 7
				var planned []plan.Event
				o := plan.Simulate(m, cloud, l, seed, func(e plan.Event) {
					if e.Kind == plan.Scaled || strings.HasPrefix(string(e.Kind), "job") {
						planned = append(planned, e)
					}
				})

				r := newRig(t)
				defer r.stop()
				r.worker, r.starts, r.jobs = m.Task.Worker, everyStart, c.jobs
				r.takes = func(job int) time.Duration { return l.Duration(seed, job) }
				r.deploy(text, parameters)
				time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(40*time.Minute - c.phase)))
				r.send(c.kick)
				time.Sleep(o.Finish + 30*time.Minute)
				synctest.Wait()
				r.stop()
				r.mu.Lock()
				defer r.mu.Unlock()
				until := o.Finish + 10*time.Second
				// SQS keeps times in milliseconds.
				alike := cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() <= 2*time.Millisecond })
				if diff := cmp.Diff(sorted(planned, until), sorted(r.events, until), alike); diff != "" {
					t.Errorf("finish %s: the engine's events differ (-planned +engine):\n%s", o.Finish, diff)
				}
				if len(planned) < 2*c.jobs || o.Done != c.jobs {
					t.Errorf("got %d events and %d jobs done, want all of %d", len(planned), o.Done, c.jobs)
				}
			})
		})
	}
}
