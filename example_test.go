package spate_test

import (
	"fmt"
	"time"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/job"
)

func ExampleJob() {
	stack := spate.Job(job.Job{
		Name:        "retrain",
		Image:       ".",
		Command:     []string{"python3", "train.py", "--sector", "{sector}"},
		CPU:         1,
		Memory:      2 << 30,
		Arch:        "x86_64",
		Max:         100,
		StopTimeout: job.Duration(2 * time.Minute),
		Keep:        30,
	})
	t, err := stack.Template()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, output := range t.Outputs {
		fmt.Println(output.Name)
	}
	// Output:
	// QueueUrl
	// DeadLetterQueueUrl
	// BucketName
	// ClusterName
	// ServiceName
	// LogGroupName
	// RepositoryUri
}
