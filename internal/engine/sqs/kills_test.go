package sqs_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// killsEnv says how often TestKillAgain kills; 50 times when it is not set, and 5
// with -short.
const killsEnv = "SPATE_TEST_SQS_KILLS"

// TestKillAgain kills one store's process again and again: every message that
// was acknowledged is there until its deletion is asked for, and none comes back
// once its deletion was acknowledged.
func TestKillAgain(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 5
	}
	if s := os.Getenv(killsEnv); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", killsEnv, err)
		}
	}
	path := filepath.Join(t.TempDir(), "x.db")
	sent, deleting, deleted := map[string]bool{}, map[string]bool{}, map[string]int{}
	for kill := range kills {
		loadAndKill(t, path, func(what, id string) {
			switch what {
			case "sent":
				sent[id] = true
			case "deleting":
				deleting[id] = true
			case "deleted":
				deleted[id] = kill
			case "received":
				if earlier, ok := deleted[id]; ok && earlier < kill {
					t.Errorf("message %s: deleted before kill %d and received after it", id, earlier+1)
				}
			}
		})
	}
	if len(deleted) == 0 {
		t.Fatal("nothing was deleted before the kills")
	}

	left := start(t, path).left(t)
	unknown := 0
	for id := range sent {
		_, gone := deleted[id]
		switch {
		case gone && left[id]:
			t.Errorf("message %s was deleted and is back", id)
		case !deleting[id] && !left[id]:
			t.Errorf("message %s was sent and is lost", id)
		case !gone && deleting[id]:
			unknown++ // the kill came between the request and its answer
		}
	}
	t.Logf("%d kills: %d sent, %d deleted, %d left, %d deletions without an answer",
		kills, len(sent), len(deleted), len(left), unknown)
}

// left returns the ids of all messages, those in flight too.
func (e *engine) left(t *testing.T) map[string]bool {
	t.Helper()
	left := map[string]bool{}
	rows, err := e.store.Query(t.Context(), "SELECT lower(hex(uuid)) FROM sqs_message")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		left[id[:8]+"-"+id[8:12]+"-"+id[12:16]+"-"+id[16:20]+"-"+id[20:]] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return left
}
