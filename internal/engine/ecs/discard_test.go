package ecs_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

func imaged(image string) types.ContainerDefinition {
	c := helper("job")
	c.Image, c.Essential = &image, new(true)
	return c
}

func (r *rig) deregister(definition string) {
	r.Helper()
	must(r.DeregisterTaskDefinition(ctx(r), &sdk.DeregisterTaskDefinitionInput{TaskDefinition: &definition}))
	synctest.Wait()
}

func (r *rig) wantDiscarded(when string, want ...string) {
	r.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, r.machine.discarded()); diff != "" {
		r.Errorf("images removed %s (-want +got):\n%s", when, diff)
	}
}

func TestImagesThatNothingUsesAreRemoved(t *testing.T) {
	in(t, 4, func(r *rig) {
		r.register("a", imaged("one"))
		r.register("b", imaged("one"))
		r.deregister("job:1") // a folder
		r.deregister("a:1")
		r.wantDiscarded("while another definition has them")
		task := *r.runTask("b").TaskArn
		r.deregister("b:1")
		r.wantDiscarded("while a task runs")
		must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &task}))
		synctest.Wait()
		r.wantDiscarded("at last", "one", "one") // by both definitions
	})
}

func TestImagesOfServicesAreKept(t *testing.T) {
	in(t, 4, func(r *rig) {
		first := r.register("job", imaged("one"))
		r.serve(0)
		r.deregister(first)
		r.wantDiscarded("while a service has the definition")
		r.scale(1)
		r.register("job", imaged("two"))
		must(r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), TaskDefinition: new("job"), DesiredCount: aws.Int32(0)}))
		synctest.Wait()
		r.wantDiscarded("after the deployment", "one")
		r.deregister("job:3")
		r.wantDiscarded("while the service is there", "one")
		must(r.DeleteService(ctx(r), &sdk.DeleteServiceInput{Service: new("work")}))
		synctest.Wait()
		r.wantDiscarded("after the service", "one", "two")
	})
}

func TestImagesThatCouldNotBeRemovedAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, on := filepath.Join(t.TempDir(), "x.db"), &machine{}
		r := newRigOn(t, path, 1, on)
		r.register("a", imaged("one"))
		on.refuse("nobody is there")
		r.deregister("a:1")
		r.wantDiscarded("by nobody")
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		on.refuse("")
		for range 2 { // the second has nothing to do
			again := newRigOn(t, path, 1, on)
			again.wantDiscarded("by the next engine", "one")
			if err := again.stop(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
