package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// findingKind is what is wrong, or worth a warning, with a membership that exists or that concerns several addresses.
type findingKind int

const (
	findingNothing findingKind = iota

	findingAdopted // warning: the create adopts the existing membership

	findingAdoptedOrInterrupted // warning: the same, or the person is removed and added again
	findingInterrupted          // warning: another address gives the pair up, and this one adds it again
	findingOccupied             // warning: a replacement leads to a pair that exists
	findingHeldElsewhere        // warning: a new address wants a pair that another one holds, and no call shows what becomes of that one
	findingHeldTwice            // warning: two addresses keep one membership

	findingExists             // error: a new address wants a pair that exists
	findingRemovedElsewhere   // error: the same, and the plan removes the pair at another address
	findingKeptElsewhere      // error: an address wants a pair that another one keeps
	findingUndecidedElsewhere // error: an address wants a pair of another one, whose next pair is not known until apply
	findingWantedTwice        // error: two addresses want one pair
	findingLosesAccess        // error: two addresses hold one membership, and the plan destroys one of them and keeps the other
)

// rank orders kinds by severity. A finding is reported only if it is more severe than earlier ones about the same address.
func (k findingKind) rank() int {
	switch {
	case k == findingNothing:
		return 0
	case k == findingAdopted:
		return 1
	case k < findingExists:
		return 2
	}
	return 3
}

func (k findingKind) isError() bool { return k >= findingExists }

// finding is what a plan call or a create reports about one membership.
type finding struct {
	kind       findingKind
	membership membershipModel // only the pair is set if no call has seen the membership
	inFull     bool            // no finding of this kind was reported before
}

func (f finding) diagnostic() diag.Diagnostic {
	if f.kind.isError() {
		return diag.NewErrorDiagnostic(f.errorSummary(), f.errorDetail())
	}
	return diag.NewWarningDiagnostic(f.warning())
}

func (f finding) errorSummary() string {
	switch f.kind {
	case findingExists:
		return "Access Group Membership Already Exists"
	case findingRemovedElsewhere:
		return "Access Group Membership Removed and Created Again"
	case findingUndecidedElsewhere:
		return "Access Group Membership Still Held"
	case findingLosesAccess:
		return "Access Group Membership Held Twice"
	}
	return "Duplicate Access Group Membership"
}

// errorDetail is long for the first error of a kind. All others have six lines, because a plan may contain hundreds. Terraform may print
// errors in another order.
func (f finding) errorDetail() string {
	head, full, short := "", "", ""
	switch f.kind {
	case findingExists:
		head, full = "This membership already exists, so it cannot be created:", fmt.Sprintf(adviceExists, f.membership.pair())
		short = "Import it. Another error with this summary names the alternatives."
	case findingRemovedElsewhere:
		head, full = "One resource removes this membership, and another resource creates it:", adviceRemovedElsewhere
		short = "Add a moved block. Another error with this summary shows it."
	case findingLosesAccess:
		head, full = "Two resources hold this membership, and this plan destroys one of them:", adviceLosesAccess
		short = "Use terraform state rm. Another error with this summary says how."
	case findingUndecidedElsewhere:
		head, full = "A resource whose IDs are not all known yet holds this membership:", adviceUndecided
		short = "Another error with this summary says what to do."
	case findingKeptElsewhere:
		head, short = "Another resource in this configuration manages this membership:", adviceDuplicate
	default:
		head, short = "Two resources in this configuration create this membership:", adviceDuplicate
	}
	if f.inFull && full != "" {
		return head + f.lines() + "\n\n" + full
	}
	return head + f.lines() + "\n" + short
}

// A provider never learns the addresses of resources, so the blocks contain placeholders. What concerns two resources may be reported at
// either of them.
const (
	adviceExists = "If it was created outside Terraform, set adopt_existing = true, or add this import block with the address of this " +
		"resource:\n\n" +
		"import {\n  to = kantata_access_group_membership.NAME\n  id = \"%s\"\n}\n\n" +
		adviceMoved + "\n\n" +
		movedBlock + "\n\n" +
		"If the last apply failed after a rename, apply again instead.\n\n" +
		"If the resource uses count and its list has shifted, use for_each with stable keys instead.\n\n" +
		"If the resource replaces itself with create_before_destroy, set adopt_existing = true."

	adviceRemovedElsewhere = adviceMoved + " Then nothing is removed.\n\n" +
		movedBlock + "\n\n" +
		"Otherwise, set adopt_existing = true in the resource that creates it. The person is in the group after the apply, but access may be " +
		"interrupted for a moment. The same setting also helps if create_before_destroy has left a deposed object."

	adviceLosesAccess = "The apply would remove the person, although the other resource keeps the membership. " +
		"Remove the resource that the plan destroys or replaces from the state, and plan again:\n\n" +
		"terraform state rm 'ADDRESS'\n\n" +
		"If the plan destroys a deposed object, the command removes everything at that resource address. Import the membership there again."

	adviceUndecided = "Its user_id or access_group_id is not known until apply, so this plan cannot tell whether the resource gives the " +
		"membership up. To find out, first apply what the ID depends on, for example with -target, and plan again. If the resource keeps " +
		"the membership, only one resource may manage it: remove one of the two."

	adviceDuplicate = "Only one resource may manage a membership: remove one of the two."

	adviceMoved = "If a resource or its key was renamed, add this moved block. OLD is the former name, and NEW is the present one. If only " +
		"a key changed, add the keys, for example team[\"jane@example.com\"]. Without keys, one block moves all members of a renamed resource."

	movedBlock = "moved {\n  from = kantata_access_group_membership.OLD\n  to   = kantata_access_group_membership.NEW\n}"
)

// Terraform merges warnings that have the same summary, and prints the first text.
const (
	summaryReview  = "Review Access Group Memberships Before Apply"
	summaryAdopted = "Existing Access Group Membership Adopted"

	adviceStableKeys = "If a resource uses count, avoid this with for_each and stable keys, and with moved blocks from each index to its key."
)

func (f finding) warning() (summary, detail string) {
	membership := describeModel(f.membership)
	switch f.kind {
	case findingAdopted:
		return summaryAdopted, fmt.Sprintf("%s already exists%s. Because adopt_existing is set, it is adopted into the state instead "+
			"of being created. Destroying the resource later removes the membership.", membership, f.origin())
	case findingAdoptedOrInterrupted:
		return summaryReview, fmt.Sprintf("%s is removed by one resource and adopted by another, because adopt_existing is set. "+
			"If Terraform deletes it first, it is created again, and access is interrupted for a moment. %s", membership, adviceStableKeys)
	case findingInterrupted:
		return summaryReview, fmt.Sprintf("%s is removed by one resource and created again by another. Access is interrupted for a moment. %s "+
			"With create_before_destroy, the apply ends with an error instead.", membership, adviceStableKeys)
	case findingOccupied:
		return summaryReview, fmt.Sprintf("%s already exists, and this plan replaces another membership with it. "+
			"If another resource removes it in the same apply (the list of a count has shifted, or two people trade places), "+
			"access is interrupted for a moment. %s If no resource removes it, the apply removes the old membership and then fails. "+
			"To adopt the existing membership into the state, set adopt_existing = true. To manage it with another resource, import it "+
			"there with the ID %q.",
			membership, adviceStableKeys, f.membership.pair())
	case findingHeldElsewhere:
		return summaryReview, fmt.Sprintf("%s is in the state of another resource, and a new resource creates it. "+
			"If the plan destroys or replaces the other resource, access is interrupted for a moment. For a renamed resource or key, a "+
			"moved block avoids this. If the plan only removes the other resource from the state, the apply fails: import the membership "+
			"into the new resource instead, with the ID %q, or set adopt_existing = true.",
			membership, f.membership.pair())
	}
	return summaryReview, fmt.Sprintf("%s is in the state of two resources, or an import block adds a second one. If one of the two is "+
		"tainted, replaced or destroyed, the apply removes the person from the group. Only one resource may manage a membership: remove the "+
		"import block, or remove one resource from the state with terraform state rm or a removed block with destroy = false. "+
		"Only one block may name this person and group.", membership)
}

// origin says who created the membership and when, as far as Kantata returned it.
func (f finding) origin() string {
	by, on := f.membership.CreatorID.ValueString(), f.membership.CreatedAt.ValueString()
	switch {
	case by != "" && on != "":
		return fmt.Sprintf(" (created by user %s on %s)", by, on)
	case by != "":
		return fmt.Sprintf(" (created by user %s)", by)
	case on != "":
		return fmt.Sprintf(" (created on %s)", on)
	}
	return ""
}

// lines returns the facts about the membership, one on each line.
func (f finding) lines() string {
	m := f.membership
	var b strings.Builder
	if id := m.ID.ValueString(); id != "" {
		b.WriteString("\n  Membership:   " + id)
	}
	b.WriteString("\n  User:         " + idAndName(m.UserID, m.UserName))
	b.WriteString("\n  Access group: " + idAndName(m.AccessGroupID, m.AccessGroupName))
	b.WriteString("\n  Import ID:    " + m.pair().String())
	return b.String()
}

// idAndName shortens the name so that the text, its label and Terraform's frame fit on one line of 78 columns.
func idAndName(id, name types.String) string {
	const most = 32
	short := []rune(strings.Join(strings.Fields(name.ValueString()), " "))
	if len(short) > most {
		short = append(short[:most-1], '…')
	}
	if len(short) == 0 {
		return id.ValueString()
	}
	return fmt.Sprintf("%s (%s)", id.ValueString(), string(short))
}

func pairModel(pair kantata.Pair) membershipModel {
	return membershipModel{AccessGroupID: types.StringValue(pair.AccessGroupID.String()), UserID: types.StringValue(pair.UserID.String())}
}
