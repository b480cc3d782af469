package simulation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata/kantatatest"
)

// configuration is what a user has written: blocks with for_each, in which every key has a person, and one block with count.
type configuration struct {
	keys        []keyed
	counted     []int // the users of block c, all in group 0
	createFirst bool  // lifecycle { create_before_destroy = true } in every block
	adopt       bool  // adopt_existing = true in every block
	lists       string

	// The fields below apply to one command.
	moves   [][2]string
	removed map[string]bool // blocks with a removed block; true keeps the objects
	imports []string
	targets []string
	replace []string
}

type keyed struct {
	addr string
	person
}

// instance is one instance of the resource after evaluation.
type instance struct {
	pair
	createFirst bool
	adopt       bool
	email       string // if the person is given by e-mail address
	deferred    bool   // user_id comes from terraform_data
	imported    bool   // an import block names this address
}

func countAddr(i int) string { return fmt.Sprintf("%s[%d]", counted, i) }

func (c *configuration) find(addr string) int {
	return slices.IndexFunc(c.keys, func(k keyed) bool { return k.addr == addr })
}

func (c *configuration) has(p person) bool {
	return slices.ContainsFunc(c.keys, func(k keyed) bool { return k.person == p }) || p.Group == 0 && slices.Contains(c.counted, p.User)
}

// begin clears what applies to one command only.
func (c *configuration) begin() {
	c.moves, c.removed, c.imports, c.targets, c.replace = nil, map[string]bool{}, nil, nil, nil
}

// edit makes the change if it fits. Only a duplicate gives a pair a second address.
func (c *configuration) edit(e edit) {
	i := c.find(e.Addr)
	switch e.What {
	case editAdd:
		if i < 0 && !c.has(e.Who) && !c.gaveUp(e.Addr) {
			c.keys = append(c.keys, keyed{e.Addr, e.Who})
		}
	case editDuplicate:
		if i < 0 && c.has(e.Who) && !c.gaveUp(e.Addr) {
			c.keys = append(c.keys, keyed{e.Addr, e.Who})
		}
	case editRemove:
		if i >= 0 {
			c.keys = slices.Delete(slices.Clone(c.keys), i, i+1)
		}
	case editRename, editMove:
		if i >= 0 && c.find(e.To) < 0 && !c.gaveUp(e.To) {
			c.keys[i].addr = e.To
			if e.What == editMove {
				c.moves = append(c.moves, [2]string{e.Addr, e.To})
			}
		}
	case editSwap:
		if j := c.find(e.To); i >= 0 && j >= 0 {
			c.keys[i].person, c.keys[j].person = c.keys[j].person, c.keys[i].person
		}
	case editUser:
		if i >= 0 && !c.has(person{e.Who.User, c.keys[i].Group}) {
			c.keys[i].User = e.Who.User
		}
	case editGroup:
		for i := range c.keys {
			if next := (person{c.keys[i].User, e.Who.Group}); !c.has(next) {
				c.keys[i].person = next
			}
		}
	case editCreateFirst:
		c.createFirst = !c.createFirst
	case editAdopt:
		c.adopt = !c.adopt
	case editForget, editDestroy:
		c.keys = slices.DeleteFunc(slices.Clone(c.keys), func(k keyed) bool { return block(k.addr) == e.Addr })
		c.removed[e.Addr] = e.What == editForget
	default:
		c.editCount(e)
		c.option(e)
	}
}

// moved returns the address to which moved blocks lead from an address.
func (c *configuration) moved(addr string) string {
	for _, move := range c.moves {
		if move[0] == addr {
			addr = move[1]
		}
	}
	return addr
}

// gaveUp reports that a moved block is from the address. Then, Terraform does not allow a resource there.
func (c *configuration) gaveUp(addr string) bool {
	return slices.ContainsFunc(c.moves, func(move [2]string) bool { return move[0] == addr })
}

func (c *configuration) editCount(e edit) {
	switch e.What {
	case editAppend:
		if !c.has(person{e.Who.User, 0}) {
			c.counted = append(slices.Clone(c.counted), e.Who.User)
		}
	case editInsert:
		if !c.has(person{e.Who.User, 0}) {
			c.counted = append([]int{e.Who.User}, c.counted...)
		}
	case editDrop:
		if e.Index < len(c.counted) {
			c.counted = slices.Delete(slices.Clone(c.counted), e.Index, e.Index+1)
		}
	}
}

func (c *configuration) option(e edit) {
	switch e.What {
	case editTarget:
		c.targets = append(c.targets, e.Addr)
	case editReplace:
		c.replace = append(c.replace, e.Addr)
	case editImport:
		c.imports = append(c.imports, e.Addr)
	}
}

// instances evaluates the configuration.
func (c *configuration) instances() map[string]instance {
	all := map[string]instance{}
	for _, k := range c.keys {
		in := instance{pair: k.pair(), createFirst: c.createFirst, adopt: c.adopt, deferred: block(k.addr) == deferred}
		if block(k.addr) == byEmail {
			in.email = emailOf(k.User)
		}
		in.imported = slices.Contains(c.imports, k.addr)
		all[k.addr] = in
	}
	for i, u := range c.counted {
		addr := countAddr(i)
		all[addr] = instance{
			pair: person{u, 0}.pair(), createFirst: c.createFirst, adopt: c.adopt, imported: slices.Contains(c.imports, addr),
		}
	}
	return all
}

func emailOf(user int) string { return fmt.Sprintf("user%d@example.com", user) }

// addressesOf returns the addresses that want the pair.
func (c *configuration) addressesOf(p pair) (addrs []string) {
	for addr, in := range c.instances() {
		if in.pair == p {
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs)
	return addrs
}

// listed returns the access group of each data source, "" for the whole account.
func (c *configuration) listed() []string {
	switch c.lists {
	case "":
		return nil
	case "all":
		return []string{""}
	}
	var group int
	_, _ = fmt.Sscan(c.lists, &group)
	return []string{person{Group: group}.pair().group}
}

// otherProvider is added to the provider's address for the second provider configuration. Another provider gets a process of its own, as an
// alias does, and its calls can be recorded apart.
const otherProvider = "2"

// hcl writes the configuration for the real Terraform. The provider sends its requests to the base URL.
func (c *configuration) hcl(baseURL string, alias bool) string {
	var b strings.Builder
	const source = "kantata-community/kantata"
	fmt.Fprintf(&b, "terraform {\n  required_providers {\n    kantata = { source = %q }\n", source)
	if alias {
		fmt.Fprintf(&b, "    other = { source = %q }\n", source+otherProvider)
	}
	b.WriteString("  }\n}\n")
	for _, name := range []string{"kantata", "other"} {
		if name == "kantata" || alias {
			fmt.Fprintf(&b, "provider %q {\n  access_token = %q\n  base_url     = %q\n}\n", name, kantatatest.Token, baseURL)
		}
	}
	lifecycle := ""
	if c.createFirst {
		lifecycle = "  lifecycle {\n    create_before_destroy = true\n  }\n"
	}
	if c.adopt {
		lifecycle += "  adopt_existing = true\n"
	}
	for _, name := range []string{"m", "n", byEmail, deferred} {
		if _, gone := c.removed[name]; gone {
			continue
		}
		fmt.Fprintf(&b, "locals {\n  %s = {\n", name)
		for _, k := range c.keys {
			if block(k.addr) == name {
				key := strings.Trim(strings.TrimPrefix(k.addr, name), "[]")
				fmt.Fprintf(&b, "    %s = { group = %q, user = %q, email = %q }\n", key, k.pair().group, k.pair().user, emailOf(k.User))
			}
		}
		b.WriteString("  }\n}\n")
		argument, user := "user_id", "each.value.user"
		if name == byEmail {
			argument, user = "user_email_address", "each.value.email"
		}
		if name == deferred {
			fmt.Fprintf(&b, "resource \"terraform_data\" %q {\n  for_each = local.%s\n  input    = each.value.user\n}\n", name, name)
			user = "terraform_data." + name + "[each.key].output"
		}
		fmt.Fprintf(&b, "resource %q %q {\n  for_each        = local.%s\n  access_group_id = each.value.group\n", typeName, name, name)
		if name == aliased && alias {
			b.WriteString("  provider = other\n")
		}
		fmt.Fprintf(&b, "  %s = %s\n%s}\n", argument, user, lifecycle)
	}
	fmt.Fprintf(&b, "locals {\n  %s = [", counted)
	for _, u := range c.counted {
		fmt.Fprintf(&b, "%q, ", person{User: u}.pair().user)
	}
	fmt.Fprintf(&b, "]\n}\nresource %q %q {\n  count           = length(local.%s)\n  access_group_id = %q\n",
		typeName, counted, counted, person{}.pair().group)
	fmt.Fprintf(&b, "  user_id         = local.%s[count.index]\n%s}\n", counted, lifecycle)
	for _, m := range c.moves {
		fmt.Fprintf(&b, "moved {\n  from = %s\n  to   = %s\n}\n", full(m[0]), full(m[1]))
	}
	for name, keep := range c.removed {
		fmt.Fprintf(&b, "removed {\n  from = %s.%s\n  lifecycle {\n    destroy = %t\n  }\n}\n", typeName, name, !keep)
	}
	for _, addr := range c.imports {
		if in, ok := c.instances()[addr]; ok {
			fmt.Fprintf(&b, "import {\n  to = %s\n  id = %q\n}\n", full(addr), in.pair)
		}
	}
	for i, group := range c.listed() {
		filter := ""
		if group != "" {
			filter = fmt.Sprintf("  access_group_id = %q\n", group)
		}
		fmt.Fprintf(&b, "data \"kantata_access_group_memberships\" \"list%d\" {\n%s}\n", i, filter)
	}
	return b.String()
}

// listBlock is the name of the list block of an access group, or of the account if the group is "".
func listBlock(group string) string {
	if group == "" {
		return "all"
	}
	return "group" + group
}

// queried returns the access groups of the list blocks of terraform query.
func queried() []string {
	list := []string{""}
	for g := range groups {
		list = append(list, person{Group: g}.pair().group)
	}
	return list
}

// queryHCL writes these blocks.
func queryHCL() string {
	var b strings.Builder
	for _, group := range queried() {
		filter := ""
		if group != "" {
			filter = fmt.Sprintf("  config {\n    access_group_id = %q\n  }\n", group)
		}
		fmt.Fprintf(&b, "list %q %q {\n  provider         = kantata\n  include_resource = true\n  limit            = %d\n%s}\n",
			typeName, listBlock(group), queryLimit, filter)
	}
	return b.String()
}

// full returns the address that Terraform uses.
func full(addr string) string { return typeName + "." + addr }
