// Command demo plays the provider's main job with the real Terraform CLI on an embedded Kantata: no account, no registry, and
// nothing is left behind.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() {
	keep := flag.Bool("playground", false, "keep the embedded Kantata running for your own Terraform")
	address := flag.String("address", "127.0.0.1:0", "the loopback address of the playground; port 0 is a free one")
	picture := flag.String("picture", "", "an SVG file to draw of what the demo prints")
	flag.Parse()

	// A reader that goes away, as in `make demo | head`, ends the demo like an interrupt: what it made is removed.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	if err := run(ctx, *keep, *address, *picture); err != nil {
		fmt.Fprintln(os.Stderr, "\nThe demo failed:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, keep bool, address, picture string) error {
	out := &screen{to: os.Stdout, colors: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""}
	if keep {
		return playground(ctx, out, address)
	}
	if err := play(ctx, out); err != nil {
		return err
	}
	if picture == "" {
		return nil
	}
	return out.draw(picture)
}
