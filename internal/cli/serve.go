package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/engine"
)

type serveOptions struct {
	listen, cadence, auth string
	queueWait             time.Duration
	ephemeral             bool
	dash                  string
}

func (a *app) serveCommand() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the engine until Ctrl-C, for spate's commands and for any AWS client",
		Long: `serve runs the embedded engine. Other commands of spate find it by themselves.
The address of its dashboard, which it prints, shows runs and stacks in a browser.
AWS's clients reach it with the lines that it prints, in any other terminal. Where
they are kept, as by spate serve > exports, that is:

  . ./exports
  aws sqs list-queues`,
		Example: `  spate serve
  spate serve > exports
  spate serve --listen 127.0.0.1:4100 --cadence aws
  spate serve --ephemeral        for tests: a POST to /_spate/reset makes it as new`,
		Args: misused(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.config(cmd)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), cfg, o)
		},
	}
	cmd.Flags().StringVar(&o.listen, "listen", "", "loopback `address` such as 127.0.0.1:4100 (default: the home's own port)")
	cmd.Flags().StringVar(&o.cadence, "cadence", "fast", "fast divides alarm periods and cooldowns by 60; aws is AWS's own")
	cmd.Flags().StringVar(&o.auth, "auth", "sigv4", "sigv4, or none to take requests that are not signed")
	cmd.Flags().DurationVar(&o.queueWait, "queue-wait", 0, "how long a deleted queue's name stays taken, and between two purges of a queue (default: AWS's 60s with --cadence aws, else 0s)")
	cmd.Flags().BoolVar(&o.ephemeral, "ephemeral", false, "keep nothing: a home of its own that is removed at the end")
	registerDash(cmd, &o.dash)
	return cmd
}

func (o serveOptions) config(cmd *cobra.Command) (engine.Config, error) {
	cadence, err := cadenceOf(cmd, o.cadence)
	if err != nil {
		return engine.Config{}, err
	}
	cfg := engine.Config{Listen: o.listen, Cadence: cadence, QueueWait: o.queueWait}
	if o.queueWait == 0 && cmd.Flags().Changed("queue-wait") {
		cfg.QueueWait = -1
	}
	switch o.auth {
	case "sigv4":
	case "none":
		cfg.Open = true
	default:
		return cfg, &usageError{err: fmt.Errorf("unknown --auth %q: it is sigv4 or none", o.auth), command: cmd.CommandPath()}
	}
	if o.listen != "" {
		return cfg, checkListen(o.listen)
	}
	return cfg, nil
}

// cadenceOf reads --cadence.
func cadenceOf(cmd *cobra.Command, name string) (int, error) {
	switch name {
	case "fast":
		return engine.FastCadence, nil
	case "aws":
		return 1, nil
	}
	return 0, &usageError{err: fmt.Errorf("unknown cadence %q: it is fast or aws", name), command: cmd.CommandPath()}
}

// checkListen refuses what is no loopback address: whoever reaches the engine
// runs commands here.
func checkListen(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	switch ip := net.ParseIP(host); {
	case err != nil:
		return &usageError{err: &hintedError{
			fact: fmt.Sprintf("--listen %s is no address and port", addr), hint: "spate serve --listen 127.0.0.1:4100",
		}}
	case host != "localhost" && !ip.IsLoopback():
		return &usageError{err: &hintedError{
			fact: fmt.Sprintf("--listen %s: only loopback addresses are served", addr),
			hint: "spate serve --listen " + net.JoinHostPort("127.0.0.1", port),
		}}
	}
	return nil
}

func (a *app) serve(ctx context.Context, cfg engine.Config, o serveOptions) (err error) {
	if err := checkDash(o.dash); err != nil {
		return err
	}
	cfg.Log = a.log()
	if cfg.Home, err = defaultHome(); err != nil {
		return err
	}
	if o.ephemeral {
		cfg.Ephemeral = true
		if cfg.Home, err = os.MkdirTemp("", "spate-home-*"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(cfg.Home)) }()
	}
	e, err := engine.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if cfg.Open {
		fmt.Fprintln(a.stderr, "every program on this machine may use this engine: requests are not checked")
	}
	fmt.Fprintf(a.stderr, "spate serves %s from %s until Ctrl-C\n", e.Address().Endpoint, cfg.Home)
	fmt.Fprintln(a.stderr, "for AWS's clients in another terminal:")
	printExports(a.stdout, e.Address())
	fmt.Fprintf(a.stderr, "version 1 of the aws CLI asks AWS for its SQS all the same, unless told:\n  alias aws='aws --endpoint-url %s'\n", e.Address().Endpoint)
	engineCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	board, err := a.openDash(o.dash, &client.Session{AWS: client.New(e.Address()), Own: true, Home: cfg.Home, Address: e.Address()})
	if err != nil {
		// Run ends what Open began.
		stop(err)
		return errors.Join(err, e.Run(engineCtx))
	}
	group, groupCtx := errgroup.WithContext(engineCtx)
	group.Go(func() error { return board.Run(groupCtx) })
	group.Go(func() error { return e.Run(groupCtx) })
	fmt.Fprintf(a.stderr, "dashboard: %s\n", board.URL("/"))
	return group.Wait()
}

// printExports prints what any AWS client needs, one variable a line.
func printExports(w io.Writer, at engine.Address) {
	line := "export %s=%s\n"
	if runtime.GOOS == "windows" {
		line = "$env:%s = \"%s\"\n" // PowerShell's
	}
	for _, variable := range [][2]string{
		{"AWS_ENDPOINT_URL", at.Endpoint}, {"AWS_REGION", at.Region}, {"AWS_DEFAULT_REGION", at.Region},
		{"AWS_ACCESS_KEY_ID", at.Keys.AccessKeyID}, {"AWS_SECRET_ACCESS_KEY", at.Keys.SecretAccessKey},
	} {
		fmt.Fprintf(w, line, variable[0], variable[1])
	}
}
