package ecs

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// newTaskID returns an id as tasks have them: 32 hexadecimal digits.
func newTaskID() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// newUUID returns a random UUID, as containers and events are named by.
func newUUID() string {
	var id [16]byte
	rand.Read(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
