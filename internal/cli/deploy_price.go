package cli

import (
	"context"
	"fmt"
	"math"

	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/plan"
)

// printPrices says what a stack comes to, before anybody is asked for it. On
// this machine it comes to nothing.
func (a *app) printPrices(ctx context.Context, d *deployment, set *deploy.ChangeSet) error {
	if a.place.on != onAWS {
		return nil
	}
	after, err := plan.Read(d.Template, plan.Options{Parameters: d.Parameters})
	if err != nil {
		return err
	}
	var before *plan.Model
	if t, parameters, err := set.Before(ctx); err != nil {
		return err
	} else if t != nil {
		// A stack that plan cannot read was not made by this spate.
		before, _ = plan.Read(t, plan.Options{Parameters: parameters})
	}
	return printFacts(a.stderr, priceFacts(before, after))
}

// priceFacts are what a stack costs between runs and while one runs, beside
// what the stack before it does, which may be nil.
func priceFacts(before, after *plan.Model) [][2]string {
	alarms := 0.0
	for _, s := range after.Standing {
		if s.What == plan.StandingAlarms {
			alarms += float64(s.Count) * s.Month
		}
	}
	idle := fmt.Sprintf("%s a month: %s of compute and network, %s of alarms", dollars(after.IdleMonth()), dollars(after.IdleMonth()-alarms), dollars(alarms))
	hour := after.Task.Rate() * 3600
	most := float64(after.Capacity.Max)
	busy := fmt.Sprintf("$%.4f an hour a task, %s with all %s", hour, dollars(most*hour), count(after.Capacity.Max, "task"))
	if after.Task.Spot > 0 {
		busy += fmt.Sprintf(" (%g %% of them on Spot, whose price floats)", 100*after.Task.Spot)
	}
	if before != nil {
		idle += was(before.IdleMonth(), after.IdleMonth(), "$%.2f")
		busy += was(before.Task.Rate()*3600*float64(before.Capacity.Max), most*hour, "$%.2f")
	}
	return [][2]string{
		{"idle", idle},
		{"running", busy},
		{"prices", fmt.Sprintf("of %s, put together on %s; what an account has free is not taken off", plan.Region, plan.Priced)},
	}
}

// was marks a price that changes.
func was(before, after float64, format string) string {
	if math.Abs(before-after) < 0.005 {
		return ""
	}
	return fmt.Sprintf("  ! was "+format, before)
}
