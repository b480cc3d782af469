// Command demo shows what the provider does, with the real Terraform CLI and an embedded Kantata. It needs no account and no registry,
// and removes what it created.
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
	keep := flag.Bool("playground", false, "run the embedded Kantata for your own Terraform, until Ctrl-C")
	address := flag.String("address", "127.0.0.1:0", "the loopback address of the playground; port 0 selects a free port")
	picture := flag.String("picture", "", "the SVG file to write, a picture of what the demo prints")
	flag.Parse()

	// If the reader of the output exits, as in `make demo | head`, the demo ends as after an interrupt, and removes what it created.
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
	return os.WriteFile(picture, []byte(out.picture()), 0o644) //nolint:gosec // it is public
}
