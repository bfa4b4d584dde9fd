package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/dash"
	"github.com/spate-run/spate/internal/run"
)

// registerDash adds the flag that says where the dashboard is.
func registerDash(cmd *cobra.Command, address *string) {
	cmd.Flags().StringVar(address, "dash", "127.0.0.1:0", "loopback `address` of the dashboard; port 0 is any that is free")
}

// checkDash refuses what is no loopback address: the dashboard starts jobs.
func checkDash(address string) error {
	if err := checkListen(address); err != nil {
		return &usageError{err: &hintedError{
			fact: fmt.Sprintf("--dash %s is no loopback address and port", address), hint: "leave it out, or --dash 127.0.0.1:4200",
		}}
	}
	return nil
}

// openDash opens a dashboard on what a session talks to.
func (a *app) openDash(address string, s *client.Session) (*dash.Server, error) {
	c := dash.Config{AWS: s.AWS, Remote: s.Remote, Version: "spate " + version(), Log: a.log()}
	if s.Remote {
		c.Facts = [][2]string{{"engine", "AWS"}}
	} else {
		cadence := "AWS's own"
		if s.Address.Cadence > 1 {
			cadence = "periods of alarms divided by " + strconv.Itoa(s.Address.Cadence)
		}
		c.Facts = [][2]string{
			{"engine", "embedded"}, {"endpoint", s.Address.Endpoint}, {"home", s.Home}, {"process", strconv.Itoa(s.Address.PID)}, {"cadence", cadence},
		}
		var exports strings.Builder
		printExports(&exports, s.Address)
		c.Exports = exports.String()
	}
	return dash.Listen(address, c)
}

func (a *app) dashCommand() *cobra.Command {
	var address string
	var noOpen bool
	cmd := &cobra.Command{
		Use:   "dash [RUN]",
		Short: "Show runs and stacks in a browser until Ctrl-C",
		Long: `dash shows what spate serve's dashboard shows: runs, their jobs with logs and
outputs, and stacks. It opens the browser ($BROWSER, else the system's own) and
prints the address, whose key lets nobody else in. Here it uses the engine that
runs, or brings one up until Ctrl-C.`,
		Example: `  spate dash
  spate dash last                the page of the newest run
  spate dash --on aws
  spate dash --no-open --dash 127.0.0.1:4200`,
		Args:              misused(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkDash(address); err != nil {
				return err
			}
			return a.dash(cmd.Context(), args, address, noOpen)
		},
	}
	registerDash(cmd, &address)
	cmd.Flags().BoolVar(&noOpen, "no-open", false, "print the address and open no browser")
	return cmd
}

func (a *app) dash(ctx context.Context, args []string, address string, noOpen bool) error {
	return a.withEngine(ctx, client.Work, func(s *client.Session) error {
		path := "/"
		if len(args) == 1 {
			r, err := run.Find(ctx, s.AWS, args[0])
			if err != nil {
				return err
			}
			path = runPath(r)
		}
		board, err := a.openDash(address, s)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "dashboard, until Ctrl-C:\n")
		fmt.Fprintln(a.stdout, board.URL(path))
		if !noOpen {
			a.browse(ctx, board.URL(path))
		}
		return board.Run(ctx)
	})
}

func runPath(r *run.Run) string { return "/run/" + r.ID }

// withDash shows a run in the browser while it is followed, and after that until
// Ctrl-C.
func (a *app) withDash(ctx context.Context, s *client.Session, r *run.Run, follow func() error) error {
	board, err := a.openDash("127.0.0.1:0", s)
	if err != nil {
		return err
	}
	var followed error
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return board.Run(groupCtx) })
	group.Go(func() error {
		fmt.Fprintf(a.stderr, "dashboard: %s\n", board.URL(runPath(r)))
		a.browse(ctx, board.URL(runPath(r)))
		followed = follow()
		if ctx.Err() == nil {
			fmt.Fprintln(a.stderr, "the dashboard stays until Ctrl-C")
		}
		return nil
	})
	return errors.Join(group.Wait(), followed)
}

// browse opens a page in the person's browser. Where that cannot be, the
// address that was printed is enough.
func (a *app) browse(ctx context.Context, url string) {
	opener := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		opener = []string{"open"}
	case "windows":
		opener = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	if named := os.Getenv("BROWSER"); named != "" {
		opener = []string{named}
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), opener[0], append(opener[1:], url)...)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(a.stderr, "no browser can be opened here: open the address yourself")
		return
	}
	go func() { _ = cmd.Wait() }() // which ends with the browser
}
