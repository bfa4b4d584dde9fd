// Package spate turns a description of queue-fed work into a CloudFormation
// template: the one contract between what describes a stack and what runs it.
//
//	stack := spate.NewStack("Weekly")
//	queue := stack.Queue("ResourceQueue", spate.QueueProps{QueueName: "work"})
//	stack.QueueProcessingFargateService("FargateService", spate.QueueProcessingFargateServiceProps{
//		Image:   spate.FromECRRepository("container"),
//		Queue:   queue,
//		Command: []spate.Text{"--sqsUrl", queue.URL()},
//	})
//	err := stack.Write(os.Stdout) // the template, or everything that is wrong
//
// A [Stack] collects resources. Its constructs are those of AWS CDK's ECS
// patterns, with their props: [Stack.QueueProcessingFargateService],
// [Stack.QueueProcessingEC2Service] and [Stack.ScheduledFargateTask], and what
// they take; [Job] is the stack of a job file. A prop that is left out has
// its default. Where 0 or false means something else than left out, a prop is a
// pointer: new(0). Values that only the deployed stack knows are [Text]s.
// [Stack.Resource], [Stack.Override] and [Stack.Tag] reach what constructs do
// not: an id that a construct gives a resource begins with its own.
//
// What adds to a stack never fails on the spot: it notes a [Problem], and
// [Stack.Write] and [Stack.Validate] tell them all at once, each with the place
// and the mend. [Stack.Warnings] are what a person should know besides.
//
// The package promises templates that are the same for the same description,
// byte for byte, cost nothing while the queue is empty (AWS's storage and alarm
// prices aside), and start at 0 tasks; [Stack.CDKDefaults] gives that up for
// CDK's own defaults. It leaves deploying to others, and images too.
package spate
