// Command terraform-provider-kantata serves the Kantata provider to Terraform and OpenTofu.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/kantata-community/terraform-provider-kantata/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger and print how to attach Terraform")
	printVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()

	if *printVersion {
		fmt.Println(version)
		return
	}
	provider.LimitMemory()
	if !*debug { // then, the log goes to the terminal
		provider.OmitUnreadLogs()
	}
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/kantata-community/kantata",
		Debug:   *debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}
