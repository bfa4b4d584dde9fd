package deploy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/template"
)

func draft(t *testing.T, file string) *deploy.Draft {
	t.Helper()
	read, err := deploy.ReadTemplate(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := deploy.NewDraft(read, "s", deploy.Place{Account: "000000000000", Region: "us-east-1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAdviceOnWhatCDKWrote(t *testing.T) {
	const (
		visible = "counts visible messages only"
		most    = "never has more than 2 tasks; set MaxCapacity"
		least   = "never has fewer than 1"
		gateway = "NAT gateways cost $66 a month on AWS, also when nothing runs: "
	)
	for name, want := range map[string][]string{
		"as-written": {"both fire at 0, and undo each other; let the second begin at 1", visible, most, least, gateway},
		"defaults":   {visible, most, least, gateway},
		"every-prop": {visible},
		"scheduled":  {gateway},
	} {
		var got []string
		for _, a := range draft(t, "../../testdata/cdk/"+name+".template.json").Advise() {
			got = append(got, a.String())
		}
		missed := len(got) != len(want)
		for i := range min(len(got), len(want)) {
			missed = missed || !strings.Contains(got[i], want[i])
		}
		if missed {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestContainersGetOtherImages(t *testing.T) {
	d := draft(t, "../../testdata/cdk/as-written.template.json")
	containers := d.Containers()
	if len(containers) != 1 {
		t.Fatalf("got containers %+v, want one", containers)
	}
	c := containers[0]
	if got, want := c.Image, "000000000000.dkr.ecr.us-east-1.amazonaws.com/container:latest"; got != want {
		t.Errorf("got image %s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"--sqsUrl", "${queue276F7297}"}, c.Command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	for _, name := range []string{c.Name, c.TaskDefinition, c.TaskDefinition + "/" + c.Name} {
		if !c.Called(name) {
			t.Errorf("the container is not called %s", name)
		}
	}
	for property, value := range map[string]any{"Image": "/folder", "EntryPoint": []string{"sh", "-c"}} {
		if err := c.Set(property, value); err != nil {
			t.Fatal(err)
		}
	}
	again, err := template.New(d.Root())
	if err != nil {
		t.Fatal(err)
	}
	changed, err := deploy.NewDraft(again, "s", deploy.Place{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := changed.Containers()[0]
	if got.Image != "/folder" || strings.Join(got.EntryPoint, " ") != "sh -c" {
		t.Errorf("got %+v, want the folder and the entry point", got)
	}
}
