package sqs

import (
	"container/heap"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A message is one message in memory. Times are Unix milliseconds.
//
// Where it is follows from in: its lane's order of what is visible, one of its
// queue's other orders, or nil while it is claimed for a commit.
type message struct {
	id   int64 // its row in the store; ascending in the order of sending
	uuid uuid  // what clients call MessageId
	sent int64
	delivery
	base    int32 // receptions in the queues it was in before this one
	index   int32 // its place in the order it is in
	ageRank int32 // its place in its queue's ages
	gone    bool  // no longer in its queue
	in      *order
	lane    *lane    // of its group
	payload *payload // nil where only the store has it
}

// visible says whether a message can be received.
func (m *message) visible() bool { return m.in == &m.lane.visible }

// A delivery is what a reception or a change of visibility changes.
type delivery struct {
	due      int64 // when it becomes, or became, visible
	first    int64 // its first reception ever
	taken    int64 // its latest reception
	received int32 // receptions so far
	task     bool  // its latest receiver was a task of the engine's own
}

// A payload is the part of a message that changes only when it moves.
type payload struct {
	body string
	md5  *string // of the body, as clients see it
	extra
	source string // ARN of the queue that a dead letter came from
	dedup  string // deduplication ID, in a FIFO queue
}

// extra is what few messages have. The store keeps it as JSON.
type extra struct {
	Attributes map[string]types.MessageAttributeValue `json:",omitempty"`
	Trace      string                                 `json:",omitempty"`
}

func (e extra) empty() bool {
	return len(e.Attributes) == 0 && e.Trace == ""
}

// What a payload needs in memory beside its text, in bytes: itself, and a map
// of attributes, which has room for eight of them, for each eight.
const (
	payloadSize    = 192
	attributesRoom = 1024
)

// size is the number of bytes that the payload is taken to need in memory.
func (p *payload) size() int {
	maps := (len(p.Attributes) + 7) / 8
	return payloadSize + len(p.body) + maps*attributesRoom + attributesSize(p.Attributes) + len(p.Trace) + len(p.dedup)
}

// A uuid is a random version 4 UUID.
type uuid [16]byte

func newUUID() uuid {
	var u uuid
	rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

func (u uuid) String() string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// A handle is what a receipt handle says: one reception of one message.
type handle struct {
	queue    int64
	message  int64
	received int32
	uuid     uuid
}

func (h handle) String() string {
	var b [36]byte
	binary.BigEndian.PutUint64(b[0:], uint64(h.queue))
	binary.BigEndian.PutUint64(b[8:], uint64(h.message))
	binary.BigEndian.PutUint32(b[16:], uint32(h.received))
	copy(b[20:], h.uuid[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

func parseHandle(s string) (h handle, ok bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != 36 {
		return handle{}, false
	}
	h.queue = int64(binary.BigEndian.Uint64(b[0:]))
	h.message = int64(binary.BigEndian.Uint64(b[8:]))
	h.received = int32(binary.BigEndian.Uint32(b[16:]))
	copy(h.uuid[:], b[20:])
	return h, true
}

// An order is a heap of messages by the time they become, or became, visible, or
// by their sequence numbers.
type order struct {
	items      []*message
	bySequence bool
}

func (o *order) Len() int { return len(o.items) }

func (o *order) Less(i, j int) bool { return o.before(o.items[i], o.items[j]) }

func (o *order) before(a, b *message) bool {
	if a.due != b.due && !o.bySequence {
		return a.due < b.due
	}
	return a.id < b.id
}

func (o *order) Swap(i, j int) {
	o.items[i], o.items[j] = o.items[j], o.items[i]
	o.items[i].index, o.items[j].index = int32(i), int32(j)
}

func (o *order) Push(x any) {
	m := x.(*message)
	m.index = int32(len(o.items))
	o.items = append(o.items, m)
}

func (o *order) Pop() any {
	var m *message
	o.items, m = cutLast(o.items)
	return m
}

func (o *order) add(m *message) {
	m.in = o
	heap.Push(o, m)
}

func (o *order) remove(m *message) {
	heap.Remove(o, int(m.index))
	m.in = nil
}

// dueBy says whether the first message's time has come.
func (o *order) dueBy(now int64) bool {
	return len(o.items) > 0 && o.items[0].due <= now
}

// ages is a heap of all messages of a queue by when they were sent.
type ages struct{ items []*message }

func (a *ages) Len() int           { return len(a.items) }
func (a *ages) Less(i, j int) bool { return a.items[i].sent < a.items[j].sent }

func (a *ages) Swap(i, j int) {
	a.items[i], a.items[j] = a.items[j], a.items[i]
	a.items[i].ageRank, a.items[j].ageRank = int32(i), int32(j)
}

func (a *ages) Push(x any) {
	m := x.(*message)
	m.ageRank = int32(len(a.items))
	a.items = append(a.items, m)
}

func (a *ages) Pop() any {
	var m *message
	a.items, m = cutLast(a.items)
	return m
}

// cutLast takes the last message off a slice, and gives memory back when most
// of it has fallen out of use.
func cutLast(items []*message) ([]*message, *message) {
	last := len(items) - 1
	m := items[last]
	items[last] = nil
	items = items[:last]
	if cap(items) > 1024 && last < cap(items)/4 {
		items = append(make([]*message, 0, cap(items)/2), items...)
	}
	return items, m
}
