package cli_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A job that ran when its engine was killed runs again at once, and not when
// its message's visibility timeout of two minutes has passed.
func TestARunGoesOnAtOnceAfterACrash(t *testing.T) {
	for _, serve := range []bool{false, true} {
		t.Run(fmt.Sprintf("serve=%t", serve), func(t *testing.T) {
			c := newChaos(t, 2, rand.New(rand.NewPCG(0, 0)))
			file := "name: crash\ncommand: [sh, -c, 'echo $SPATE_INDEX $SPATE_ATTEMPT >> " + c.startedPath() +
				"; [ $SPATE_ATTEMPT = 2 ] || exec sleep 1000']\n"
			if err := os.WriteFile(filepath.Join(c.dir, "spate.yaml"), []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
			victim, client := c.bringUp(serve)
			c.await(victim, "that both jobs run", func() bool { return c.started() == 2 })
			victim.kill()
			c.learn(client)
			client.kill()

			began := time.Now()
			second := c.spawn(c.work()...)
			c.await(second, "that both jobs run again", func() bool { return c.started() == 4 })
			took := time.Since(began).Round(time.Millisecond)
			t.Logf("both jobs ran again after %v", took)
			if took > 10*time.Second { // 0.1 s where nothing else runs
				t.Errorf("the jobs ran again after %v, want about a second", took)
			}
			<-second.ended
			if second.err != nil || !strings.Contains(readIfThere(second.log), "2 of 2 done") {
				t.Errorf("the run that goes on: %v\n%s", second.err, readIfThere(second.log))
			}
			c.checkRemains()
		})
	}
}
