package plan

import "time"

// A Price is what something costs in us-east-1, in dollars.
type Price struct {
	Name string
	USD  float64
	Per  string
	// Source is AWS's page for it, and Seen when and where it was read.
	Source, Seen string
}

// Priced is when the table of prices was put together.
const Priced = "2026-11-23"

// Where prices were read.
const (
	onPage    = "on the page; the day is not recorded"
	onCopy    = "2026-11-23, in an undated copy of the page"
	onRequest = "2026-11-23, https://c3x.dev/blog/s3-request-fees-explained"
	onFamily  = "2026-11-23, by its share of m7i.xlarge, https://c3x.dev/blog/m5-vs-m6i-vs-m7i-cost-performance"
	nowhere   = "not checked"
)

// Region is where they hold.
const Region = "us-east-1"

const (
	fargatePrices = "https://aws.amazon.com/fargate/pricing/"
	vpcPrices     = "https://aws.amazon.com/vpc/pricing/"
	ec2Prices     = "https://aws.amazon.com/ec2/pricing/on-demand/"
	sqsPrices     = "https://aws.amazon.com/sqs/pricing/"
	s3Prices      = "https://aws.amazon.com/s3/pricing/"
	watchPrices   = "https://aws.amazon.com/cloudwatch/pricing/"
	lambdaPrices  = "https://aws.amazon.com/lambda/pricing/"
	stepsPrices   = "https://aws.amazon.com/step-functions/pricing/"
	ebsPrices     = "https://aws.amazon.com/ebs/pricing/"
)

// The names of the prices.
const (
	FargateCPU       = "Fargate x86 vCPU"
	FargateMemory    = "Fargate x86 memory"
	FargateCPUARM    = "Fargate ARM vCPU"
	FargateMemoryARM = "Fargate ARM memory"
	FargateDisk      = "Fargate storage above 20 GiB"
	SpotShare        = "Fargate Spot, share of the price on demand"
	NATGateway       = "NAT gateway"
	PublicAddress    = "public IPv4 address"
	AlarmMetric      = "alarm, a metric"
	SQSRequest       = "SQS request"
	S3Put            = "S3 PUT or LIST"
	S3Get            = "S3 GET"
	LambdaMemory     = "Lambda x86 memory"
	LambdaRequest    = "Lambda request"
	StepTransition   = "Step Functions transition"
	Machine2         = "m7i.large, 2 vCPU and 8 GiB"
	Machine16        = "m7i.4xlarge, 16 vCPU and 64 GiB"
	DiskGP3          = "EBS gp3"
)

// Prices are all that a plan is reckoned with. What an account has free is not
// taken off.
func Prices() []Price {
	return []Price{
		{FargateCPU, 0.04048, "vCPU-hour", fargatePrices, onPage},
		{FargateMemory, 0.004445, "GB-hour", fargatePrices, onPage},
		{FargateCPUARM, 0.03238, "vCPU-hour", fargatePrices, onPage},
		{FargateMemoryARM, 0.00356, "GB-hour", fargatePrices, onPage},
		{FargateDisk, 0.000111, "GB-hour", fargatePrices, onPage},
		{SpotShare, 0.40, "of 1; it floats between 0.30 and 0.50", fargatePrices, onPage},
		{NATGateway, 0.045, "hour", vpcPrices, onPage},
		{PublicAddress, 0.005, "hour", vpcPrices, onPage},
		{AlarmMetric, 0.10, "month", watchPrices, onPage},
		{SQSRequest, 0.40e-6, "request", sqsPrices, onPage},
		{S3Put, 5e-6, "request", s3Prices, onRequest},
		{S3Get, 0.4e-6, "request", s3Prices, onRequest},
		{LambdaMemory, 0.0000166667, "GB-second", lambdaPrices, onCopy},
		{LambdaRequest, 0.20e-6, "request", lambdaPrices, onCopy},
		{StepTransition, 25e-6, "transition", stepsPrices, onCopy},
		{Machine2, 0.1008, "hour", ec2Prices, onFamily},
		{Machine16, 0.8064, "hour", ec2Prices, onFamily},
		{DiskGP3, 0.08, "GB-month", ebsPrices, nowhere},
	}
}

// USD is a price by its name; one that is not in the table is 0.
func USD(name string) float64 {
	for _, p := range Prices() {
		if p.Name == name {
			return p.USD
		}
	}
	return 0
}

// monthHours is how many hours AWS's own calculators give a month.
const monthHours = 730

// Rate is what a task costs, in dollars a second.
func (t Task) Rate() float64 { return t.rate() }

// LeastBilled is a minute. https://aws.amazon.com/fargate/pricing/
const LeastBilled = time.Minute

// MonthHours is how many hours a month of IdleMonth has.
const MonthHours = monthHours

// A rate is what a task costs, in dollars a second.
func (t Task) rate() float64 {
	cpu, memory := USD(FargateCPU), USD(FargateMemory)
	if t.ARM {
		cpu, memory = USD(FargateCPUARM), USD(FargateMemoryARM)
	}
	compute := t.CPU*cpu + t.Memory*memory
	compute *= 1 - t.Spot*(1-USD(SpotShare))
	if t.PublicIP {
		compute += USD(PublicAddress)
	}
	return (compute + t.diskRate()*3600) / 3600
}

// diskRate is the part of the rate that is for storage.
func (t Task) diskRate() float64 { return max(0, t.Disk-20) * USD(FargateDisk) / 3600 }

// IdleMonth is what a month costs in which nothing is sent.
func (m *Model) IdleMonth() float64 { return m.idleMonth(m.Capacity.Idle) }

// IdleTasks are how many tasks there are in the mean while nothing is sent: as
// many as the service rests at, and the quota has room for.
func (s *Study) IdleTasks() float64 {
	return min(s.Model.Capacity.Idle, float64(s.Cloud.room(s.Model)))
}

// IdleMonth is what a month costs in which nothing is sent.
func (s *Study) IdleMonth() float64 { return s.Model.idleMonth(s.IdleTasks()) }

func (m *Model) idleMonth(tasks float64) float64 {
	total := tasks * m.Task.rate() * 3600 * monthHours
	for _, s := range m.Standing {
		total += float64(s.Count) * s.Month
	}
	return total
}
