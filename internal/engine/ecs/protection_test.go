package ecs_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

func TestProtectionOutlivesScaleIn(t *testing.T) {
	in(t, 3, func(r *rig) {
		r.serve(3)
		all := r.machine.processes("")
		r.protection(all[0], "PUT", `{"ProtectionEnabled":true,"ExpiresInMinutes":5}`)
		r.protection(all[1], "PUT", `{"ProtectionEnabled":true}`)
		r.scale(0)
		if got := r.machine.processes(""); len(got) != 2 || got[0] != all[0] || got[1] != all[1] {
			t.Fatalf("got %d tasks, want the two protected ones", len(got))
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := r.machine.processes(""); len(got) != 1 || got[0] != all[1] {
			t.Fatalf("got %d tasks after five minutes, want the one protected for two hours", len(got))
		}
		r.protection(all[1], "PUT", `{"ProtectionEnabled":false}`)
		synctest.Wait()
		if got := r.machine.processes(""); len(got) != 0 {
			t.Errorf("got %d tasks without protection, want none", len(got))
		}
	})
}

// Whoever is told that its task is protected keeps it, however the requests
// fall together with the scaling in.
func TestProtectionRacesWithScaleIn(t *testing.T) {
	const n = 8
	for range 10 {
		in(t, n, func(r *rig) {
			r.machine.stubborn = true
			r.serve(n)
			all := r.machine.processes("")
			granted := make([]bool, n)
			var group sync.WaitGroup
			for i, p := range all {
				group.Go(func() {
					_, body := r.protection(p, "PUT", `{"ProtectionEnabled":true}`)
					granted[i] = strings.Contains(body, `"ProtectionEnabled":true`)
				})
				if i == n/4 {
					group.Go(func() {
						must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), DesiredCount: aws.Int32(n / 2)}))
					})
				}
			}
			group.Wait()
			time.Sleep(time.Minute)
			synctest.Wait()
			left := len(r.machine.processes(""))
			for i, p := range all {
				select {
				case <-p.over:
					if granted[i] {
						t.Errorf("task %d: got it stopped after it was told that it is protected", i)
					}
				default:
				}
			}
			if left < n/2 {
				t.Errorf("got %d tasks, want at least %d", left, n/2)
			}
		})
	}
}

func TestProtectionEndpoint(t *testing.T) {
	in(t, 2, func(r *rig) {
		r.serve(1)
		p := r.machine.processes("")[0]
		arn := *r.tasks()[0].TaskArn
		end := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
		steps := []struct {
			method, body string
			status       int
			reply        string
		}{
			{"GET", "", 200, `{"protection":{"ExpirationDate":null,"ProtectionEnabled":false,"TaskArn":"` + arn + `"}}`},
			{"PUT", `{"ProtectionEnabled":true}`, 200, `{"protection":{"ExpirationDate":"` + end(2*time.Hour) + `","ProtectionEnabled":true,"TaskArn":"` + arn + `"}}`},
			{"PUT", `{"ProtectionEnabled":true,"ExpiresInMinutes":2880}`, 200, `{"protection":{"ExpirationDate":"` + end(48*time.Hour) + `","ProtectionEnabled":true,"TaskArn":"` + arn + `"}}`},
			{"GET", "", 200, `{"protection":{"ExpirationDate":"` + end(48*time.Hour) + `","ProtectionEnabled":true,"TaskArn":"` + arn + `"}}`},
			{"PUT", `{"ProtectionEnabled":true,"ExpiresInMinutes":2881}`, 400, `{"requestID":"…","error":{"Arn":"` + arn + `","Code":"InvalidParameterException","Message":"expiresInMinutes must be between 1 and 2880."}}`},
			{"PUT", `{}`, 400, `{"requestID":"…","error":{"Arn":"` + arn + `","Code":"InvalidParameterException","Message":"Invalid request: does not contain 'ProtectionEnabled' field"}}`},
			{"PUT", `{"ProtectionEnabled":`, 400, `{"requestID":"…","error":{"Arn":"` + arn + `","Code":"InvalidParameterException","Message":"Invalid request: failed to decode request body"}}`},
			{"PUT", `{"ProtectionEnabled":false}`, 200, `{"protection":{"ExpirationDate":null,"ProtectionEnabled":false,"TaskArn":"` + arn + `"}}`},
		}
		for _, step := range steps {
			status, reply := r.protection(p, step.method, step.body)
			if i := strings.Index(reply, `"requestID":"`); i >= 0 {
				reply = reply[:i+13] + "…" + reply[i+13+36:]
			}
			if status != step.status || reply != step.reply {
				t.Errorf("%s %s: got %d %s, want %d %s", step.method, step.body, status, reply, step.status, step.reply)
			}
		}

		r.scale(0)
		status, reply := r.protection(p, "GET", "")
		if want := `{"error":{"Code":"ResourceNotFoundException","Message":"Invalid request: no task was found"}}`; status != http.StatusNotFound || reply != want {
			t.Errorf("after the task: got %d %s, want 404 %s", status, reply, want)
		}
		r.runTask("job")
		status, reply = r.protection(r.machine.processes("")[0], "PUT", `{"ProtectionEnabled":true}`)
		if status != 200 || !strings.Contains(reply, `{"failure":{"Arn":"arn:aws:ecs:us-east-1:000000000000:task/default/`) || !strings.Contains(reply, `"Reason":"TASK_NOT_VALID"`) {
			t.Errorf("a standalone task: got %d %s, want 200 and a failure", status, reply)
		}
	})
}

func TestUpdateTaskProtection(t *testing.T) {
	in(t, 3, func(r *rig) {
		r.serve(2)
		standalone := *r.runTask("job").TaskArn
		r.scale(1)
		list := func(desired types.DesiredStatus) string {
			return must(r.ListTasks(ctx(r), &sdk.ListTasksInput{ServiceName: new("work"), DesiredStatus: desired})).TaskArns[0]
		}
		running, stopped := list(types.DesiredStatusRunning), list(types.DesiredStatusStopped)
		protect := func(minutes *int32) map[string]string {
			out := must(r.UpdateTaskProtection(ctx(r), &sdk.UpdateTaskProtectionInput{
				Cluster: new("default"), ProtectionEnabled: true, ExpiresInMinutes: minutes, Tasks: []string{running, stopped, standalone, "none"},
			}))
			return replies(out.ProtectedTasks, out.Failures)
		}
		want := map[string]string{
			running: "protected for 2h0m0s", stopped: "TASK_NOT_VALID", standalone: "TASK_NOT_VALID",
			"arn:aws:ecs:us-east-1:000000000000:task/default/none": "MISSING",
		}
		if diff := cmp.Diff(want, protect(nil)); diff != "" {
			t.Errorf("replies (-want +got):\n%s", diff)
		}
		r.scale(0)
		want[running] = "protected for 48h0m0s"
		if diff := cmp.Diff(want, protect(aws.Int32(2880))); diff != "" {
			t.Errorf("replies when extended beyond the desired count (-want +got):\n%s", diff)
		}
		get := must(r.GetTaskProtection(ctx(r), &sdk.GetTaskProtectionInput{Cluster: new("default"), Tasks: []string{running, stopped, standalone, "none"}}))
		if diff := cmp.Diff(want, replies(get.ProtectedTasks, get.Failures)); diff != "" {
			t.Errorf("replies when read (-want +got):\n%s", diff)
		}
	})
}

// replies are what task protection calls answer for each task.
func replies(protected []types.ProtectedTask, failures []types.Failure) map[string]string {
	all := map[string]string{}
	for _, p := range protected {
		all[*p.TaskArn] = fmt.Sprint("protected for ", time.Until(*p.ExpirationDate))
	}
	for _, f := range failures {
		all[*f.Arn] = *f.Reason
	}
	return all
}

func TestProtectionIsBlockedBeyondTheDesiredCount(t *testing.T) {
	in(t, 4, func(r *rig) {
		r.serve(2)
		old := r.machine.processes("")
		for _, p := range old {
			r.protection(p, "PUT", `{"ProtectionEnabled":true}`)
		}
		must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), ForceNewDeployment: true}))
		synctest.Wait()
		fresh := r.machine.processes("")[2]
		status, reply := r.protection(fresh, "PUT", `{"ProtectionEnabled":true}`)
		var body struct {
			Failure struct{ Reason string }
		}
		if err := json.Unmarshal([]byte(reply), &body); err != nil {
			t.Fatal(err)
		}
		if status != 200 || body.Failure.Reason != "DEPLOYMENT_BLOCKED" {
			t.Errorf("got %d %s, want DEPLOYMENT_BLOCKED: two old tasks are protected already", status, reply)
		}
	})
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
func TestStatsEndpoint(t *testing.T) {
	in(t, 1, func(r *rig) {
		waits := container("waits")
		waits.DependsOn = []types.ContainerDependency{{ContainerName: new("job"), Condition: types.ContainerConditionHealthy}}
		well := container("job")
		well.Image, well.HealthCheck = new("image"), &types.HealthCheck{Command: []string{"true"}}
		containers := []types.ContainerDefinition{well, container("unknown"), waits}
		for i := range containers {
			containers[i].Cpu, containers[i].Memory = 128, new(int32(128))
		}
		r.register("job", containers...)
		id := taskID(*r.runTask("job").TaskArn)
		uri := r.machine.processes("job")[0].env("ECS_CONTAINER_METADATA_URI_V4")
		unknown := r.machine.processes("unknown")[0].env("ECS_CONTAINER_METADATA_URI_V4")
		for _, c := range []struct {
			path string
			code int
			want string
		}{
			{uri + "/stats", 200, `{"name":"job"}`},
			{unknown + "/stats", 500, `"Unable to get container stats for: ` + id + `-2"`},
			{uri + "/task/stats", 200, `{"` + id + `-1":{"name":"job"},"` + id + `-2":null,"` + id + `-3":null}`},
			{uri + "x/stats", 404, `"V4 container stats handler: unable to get task arn from request"`},
			{uri + "x/task/stats", 404, `"V4 task stats handler: unable to get task arn from request"`},
		} {
			code, got := r.get("GET", c.path, "")
			if code != c.code || got != c.want {
				t.Errorf("GET %s: got %d %s, want %d %s", c.path, code, got, c.code, c.want)
			}
		}
	})
}

func TestMetadataEndpoint(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.serve(1)
		uri := r.machine.processes("")[0].env("ECS_CONTAINER_METADATA_URI_V4")
		var task struct {
			TaskARN, Family, Revision, KnownStatus, ServiceName string
			Limits                                              struct{ CPU, Memory float64 }
			Containers                                          []struct{ Name string }
		}
		status, body := r.get("GET", uri+"/task", "")
		if err := json.Unmarshal([]byte(body), &task); err != nil {
			t.Fatalf("%d %s: %v", status, body, err)
		}
		got := fmt.Sprintln(task.TaskARN, task.Family, task.Revision, task.KnownStatus, task.ServiceName, task.Limits, task.Containers)
		want := fmt.Sprintln(*r.tasks()[0].TaskArn, "job 1 RUNNING work {1 2048} [{job}]")
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		var one struct{ Name, KnownStatus, Image string }
		_, body = r.get("GET", uri, "")
		if err := json.Unmarshal([]byte(body), &one); err != nil {
			t.Fatal(err)
		}
		if got := one.Name + one.KnownStatus + one.Image; got != "jobRUNNING/job" {
			t.Errorf("got container %s, want jobRUNNING/job", got)
		}
		for _, path := range []string{uri + "/none", uri[:len(uri)-1] + "2", uri[:len(uri)-2], uri[:len(uri)-20] + "-1"} {
			if status, _ := r.get("GET", path, ""); status != http.StatusNotFound {
				t.Errorf("GET %s: got %d, want 404", path, status)
			}
		}
	})
}
