// What examples/cdk-like describes, in AWS CDK's words.
const { App, Duration, Stack } = require('aws-cdk-lib');
const ecr = require('aws-cdk-lib/aws-ecr');
const ecs = require('aws-cdk-lib/aws-ecs');
const patterns = require('aws-cdk-lib/aws-ecs-patterns');
const sqs = require('aws-cdk-lib/aws-sqs');

const app = new App();
const stack = new Stack(app, 'Weekly');
const queue = new sqs.Queue(stack, 'ResourceQueue', { queueName: 'MySqsQueue', visibilityTimeout: Duration.hours(2) });
new patterns.QueueProcessingFargateService(stack, 'FargateService', {
  image: ecs.ContainerImage.fromEcrRepository(ecr.Repository.fromRepositoryName(stack, 'Repository', 'container')),
  queue,
  command: ['--sqsUrl', queue.queueUrl],
  scalingSteps: [{ change: -1, upper: 0 }, { change: +1, lower: 1 }],
});
app.synth();
