package runner

import (
	"net/netip"
	"time"
)

// A Box is what closes a container off from the machine around it. A process
// has none: the process runner starts it without.
type Box struct {
	// Labels tell others what the container is for.
	Labels map[string]string
	// User is a name or a number, with a group after a colon; empty: the
	// image's own.
	User string
	// Hostname is empty for one of the runner's choice.
	Hostname string
	// Size is a share of the cores and a limit of the memory; 0 is no limit.
	Size Size
	// MemoryReservation, in MiB, is what the container is left with when memory
	// runs short; 0: nothing is said.
	MemoryReservation int
	// Swap is the swap, in MiB, that the container may use beside its memory.
	Swap int
	// Swappiness is 0 to 100; nil: the machine's own.
	Swappiness *int64

	// ReadOnly is for the image's files; mounts say it for themselves.
	ReadOnly bool
	// Privileged containers have the machine's own rights.
	Privileged bool
	// Init puts a process in front that collects the dead.
	Init bool
	// Terminal gives the container one; all its output is standard output then.
	Terminal bool
	// OpenInput keeps standard input open, with nothing to read.
	OpenInput bool

	// Network is "host", "none", or empty for the runner's own.
	Network string
	// Shared says that the task's containers are on that network as one: they
	// meet on localhost, and end with [Keeper.Clear].
	Shared bool
	// Ports are published on this machine's loopback address: those of all the
	// task's containers where the network is shared.
	Ports []Port
	// ExtraHosts are "name:address".
	ExtraHosts []string
	// DNS and DNSSearch are servers and domains; none: the machine's own.
	DNS, DNSSearch []string

	// SharedMemory is the size of /dev/shm in MiB; 0: the runner's default.
	SharedMemory int
	// Tmpfs are options of mount(8) by the path of what is kept in memory.
	Tmpfs map[string]string
	// AddCapabilities and DropCapabilities are Linux's, such as "SYS_PTRACE".
	AddCapabilities, DropCapabilities []string
	// SecurityOptions are Docker's.
	SecurityOptions []string
	Devices         []Device
	// GPUs is how many graphics processors of the machine's the container has.
	GPUs int
	// GPUIDs are which of them, where that is known.
	GPUIDs  []string
	Ulimits []Ulimit
	Sysctls map[string]string
	Mounts  []Mount
	// From are containers of the same task whose mounts this one has too.
	From []From

	// Health is nil where nothing tells whether the container is well.
	Health *HealthCheck
	// Healthy is called when the health has changed, one call after the other.
	// Nil: nobody wants to know.
	Healthy func(well bool)
}

// A Port is one of a container's, and where this machine has it. As a wish, Host
// is 0 for any, and for any too where somebody has that one already.
type Port struct {
	Container, Host uint16
	Protocol        string // "tcp" or "udp"
}

// A Place is where a container is reached.
type Place struct {
	Address netip.Prefix // in the runner's network; none for one that has no network of its own
	Gateway netip.Addr
	MAC     string
	Image   string // the id of what it runs
	Ports   []Port // published on the loopback address
}

// A Device of the machine, with the rights that a container has to it: of "r",
// "w" and "m" (mknod).
type Device struct{ Host, Path, Rights string }

// A Ulimit is one of setrlimit(2)'s, by its name without RLIMIT_, in small
// letters.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// A Mount is what a container sees at a path: a folder of the machine, a volume
// that ends with the task, or one that stays.
type Mount struct {
	Path     string
	ReadOnly bool
	Folder   string // of the machine
	Volume   string // of the task, by its name there
	Lasting  string // by its name on the machine
}

// A From names a container of the task by its ID.
type From struct {
	Container string
	ReadOnly  bool
}

// A HealthCheck is a command in the container by which to tell whether it is
// well.
type HealthCheck struct {
	// Command begins with "CMD", and arguments follow, or with "CMD-SHELL", and
	// a line for the container's shell follows.
	Command []string
	// Interval is between two checks, Timeout for one of them.
	Interval, Timeout time.Duration
	// Retries is how many failures in a row mean that the container is not well.
	Retries int
	// StartPeriod is how long failures do not count after the start.
	StartPeriod time.Duration
}

// A Survivor is a container that an engine which was killed left behind.
type Survivor struct {
	ID   string // as it was started
	Task string
}
