package simulation

import (
	"container/heap"
	"slices"
	"time"

	sdkecs "github.com/aws/aws-sdk-go-v2/service/ecs"
)

// storm puts the faults of the plan on the agenda.
func (w *world) storm() {
	w.nowAndThen(w.plan.crashes, w.crashWorker)
	w.nowAndThen(w.plan.outages, w.loseEngine)
	w.nowAndThen(w.plan.stops, w.stopTask)
	w.nowAndThen(w.plan.jumps, w.sleep)
	w.nowAndThen(w.plan.clouds, w.cloud)
	w.nowAndThen(w.plan.deployments, w.redeploy)
}

// victim is one of the workers whose containers are there.
func (w *world) victim() *worker {
	var live []*worker
	for _, k := range w.numbered {
		if !w.ended(k.proc) {
			live = append(live, k)
		}
	}
	if len(live) == 0 {
		return nil
	}
	return live[w.random.IntN(len(live))]
}

// crashWorker is a container that runs out of memory.
func (w *world) crashWorker() {
	if k := w.victim(); k != nil {
		k.exit(137)
	}
}

// stopTask is somebody who stops a task by hand, whatever protects it.
func (w *world) stopTask() {
	k := w.victim()
	if k == nil || w.engine == nil || w.leaving {
		return
	}
	w.chronicle.note("task %d is stopped by hand", k.number)
	if _, err := w.tasks.StopTask(w.ctx(), &sdkecs.StopTaskInput{Task: &k.container.Task}); err != nil {
		w.chronicle.blame("task %d cannot be stopped: %v", k.number, err)
	}
}

// redeploy is a deployment in the midst of a run.
func (w *world) redeploy() {
	if w.engine == nil || w.leaving {
		return
	}
	w.chronicle.note("a deployment begins")
	_, err := w.tasks.UpdateService(w.ctx(), &sdkecs.UpdateServiceInput{Service: new(serviceName), ForceNewDeployment: true})
	w.must(err)
}

// cloud is a time in which SQS's metrics are late, or there are none.
func (w *world) cloud() {
	late, silent := 1+w.random.IntN(5), w.chance(.4)
	w.chronicle.note("metrics are late by %d, silent %t", late, silent)
	w.weather.set(late, silent)
	w.after(w.between(time.Minute, 15*time.Minute), func() { w.weather.set(0, false) })
}

// loseEngine ends the engine, by force or not, for a while.
func (w *world) loseEngine() {
	if w.engine == nil || w.leaving {
		return
	}
	if w.chance(.3) {
		w.chronicle.note("the engine ends")
		dir, e := w.engine.dir, w.engine
		ended := make(chan error, 1)
		w.leaving = true
		go func() { ended <- e.stop() }()
		w.after(time.Minute, func() { // by then all stop timeouts are over
			w.must(<-ended)
			w.leaving, w.engine = false, nil
			w.revive(dir, w.between(time.Second, 20*time.Minute))
		})
		return
	}
	w.chronicle.note("the engine is killed")
	w.revive(w.kill(), w.between(time.Second, 20*time.Minute))
}

// kill takes the engine's life, and that of what does not outlive it.
func (w *world) kill() (home string) {
	home = w.newHome()
	w.must(w.engine.kill(home))
	w.engine = nil
	for _, p := range w.machine.all() {
		if k := w.workers[p]; !w.plan.keeper || !k.up {
			w.machine.end(p, 137)
		}
	}
	return home
}

// revive starts the engine anew, after a while.
func (w *world) revive(home string, after time.Duration) {
	w.after(after, func() {
		w.chronicle.note("the engine starts")
		w.launch(home)
	})
}

// sleep is a machine that sleeps: for whoever wakes up on it the clock has
// jumped.
func (w *world) sleep() {
	if w.engine == nil || w.leaving {
		return
	}
	while := w.between(time.Minute, 6*time.Hour)
	w.chronicle.note("the machine sleeps for %s", while)
	home := w.kill()
	for i := range w.agenda {
		if w.agenda[i].frozen {
			w.agenda[i].at = w.agenda[i].at.Add(while)
		}
	}
	heap.Init(&w.agenda)
	w.revive(home, while)
}

// leaveTime ends everything, to go on with what is on disk when the clock has
// been set back.
func (w *world) leaveTime() {
	if w.engine == nil || w.leaving {
		w.after(time.Minute, w.leaveTime)
		return
	}
	w.chronicle.note("the clock is set back by %s", time.Since(w.begin))
	w.home = w.kill()
	for _, p := range w.machine.all() {
		w.machine.end(p, 137)
	}
	w.over = true
}

// goOn begins anew with what is on disk.
func (w *world) goOn() {
	w.over, w.back, w.begin, w.done = false, true, time.Now(), time.Time{}
	w.agenda, w.machine = nil, &machine{wake: make(chan struct{}, 1)}
	w.weather.set(0, false)
	w.launch(w.home)
	for batch := range w.plan.batches {
		unsent := func(j *job) bool { return !j.sent }
		if slices.ContainsFunc(w.jobs, unsent) {
			w.after(w.between(time.Second, time.Minute), func() { w.send(batch) })
		}
	}
	w.plan.storm /= 4 // so that rest comes before the time that was
	w.storm()
	w.after(w.plan.storm, w.settle)
}
