package agent

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReceiptsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		receipts := make(chan string, 20)
		for i := range 11 {
			receipts <- strconv.Itoa(i)
		}
		began := time.Now()
		first := gather(<-receipts, receipts)
		if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, first); diff != "" {
			t.Errorf("a full batch (-want +got):\n%s", diff)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a full batch waited for %v", took)
		}
		if diff := cmp.Diff([]string{"10"}, gather(<-receipts, receipts)); diff != "" {
			t.Errorf("a single one (-want +got):\n%s", diff)
		}
		if got, want := time.Since(began), deleteWait; got != want {
			t.Errorf("a single one waited for %v, want %v", got, want)
		}
		close(receipts)
		if diff := cmp.Diff([]string{"last"}, gather("last", receipts)); diff != "" {
			t.Errorf("the last one (-want +got):\n%s", diff)
		}
		if got, want := time.Since(began), deleteWait; got != want {
			t.Errorf("the last one waited, until %v, want %v", got, want)
		}
	})
}
