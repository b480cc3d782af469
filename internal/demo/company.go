package main

import (
	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

type accessGroup struct {
	id   int64
	name string
}

type person struct {
	id                 int64
	name, emailAddress string
}

// The demo's company. examples/quickstart uses its IDs and addresses.
var (
	financeApprovers = accessGroup{340001, "Finance Approvers"}
	resourceManagers = accessGroup{340002, "Resource Managers"}
	rateCardEditors  = accessGroup{340003, "Rate Card Editors"}

	jane  = person{12000001, "Jane Doe", "jane@example.com"}
	diego = person{12000004, "Diego Ramos", "diego@example.com"}
	emi   = person{12000005, "Emi Tanaka", "emi@example.com"}
	femi  = person{12000006, "Femi Ade", "femi@example.com"}

	accessGroups = []accessGroup{financeApprovers, resourceManagers, rateCardEditors}
	people       = []person{
		jane,
		{12000002, "Amir Haddad", "amir@example.com"},
		{12000003, "Chloe Martin", "chloe@example.com"},
		diego, emi, femi,
		{12000007, "Grace Lee", "grace@example.com"},
		{12000008, "Henrik Berg", "henrik@example.com"},
	}
)

// company starts a Kantata with the demo's company, in which Diego and Emi are already rate card editors.
func company(options ...kantatatest.Option) *kantatatest.Server {
	server := kantatatest.New(options...)
	for _, g := range accessGroups {
		server.AddAccessGroup(g.id, g.name)
	}
	for _, p := range people {
		server.AddUser(p.id, p.name, p.emailAddress)
	}
	for _, p := range []person{diego, emi} {
		server.AddMembership(rateCardEditors.id, p.id)
	}
	return server
}
