package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
	"github.com/kantata-community/terraform-provider-kantata/internal/memberships"
)

const (
	summaryCreate = "Unable to Create Access Group Membership"
	summaryRead   = "Unable to Read Access Group Membership"
	summaryDelete = "Unable to Delete Access Group Membership"
	summaryList   = "Unable to List Access Group Memberships"

	adviceAdministrators = "People are put into an Account Default group such as Account Administrators by changing their account permission in Kantata, not by a membership."
	adviceForbiddenWrite = "The token's user needs the permission to manage access groups. " + adviceAdministrators
)

func createDiagnostic(pair kantata.Pair, err error) diag.Diagnostic {
	var exists *memberships.ExistsError
	var claimed *memberships.ClaimedError
	var uncertain *memberships.UncertainError
	var failed *memberships.FailedDeleteError
	subject := fmt.Sprintf("User %s was not put into access group %s.", pair.UserID, pair.AccessGroupID)
	switch {
	case errors.As(err, &exists):
		return existsDiagnostic(exists.Membership)
	case errors.As(err, &claimed):
		return diag.NewErrorDiagnostic("Duplicate Access Group Membership",
			fmt.Sprintf("Two blocks of this configuration put user %s into access group %s. A membership must be managed by one block only: remove one of the two.", pair.UserID, pair.AccessGroupID))
	case errors.As(err, &failed):
		return diag.NewErrorDiagnostic(summaryCreate,
			fmt.Sprintf("%s Terraform removes the same membership in this run, and that failed, so it may still take effect. %s\n\nApply again.", subject, sentence(explain(failed.Err))))
	case errors.As(err, &uncertain):
		detail := fmt.Sprintf("It is not known whether user %s was put into access group %s: the membership may yet appear. ", pair.UserID, pair.AccessGroupID)
		detail += sentence(explain(uncertain.Err)) + " "
		if uncertain.LookupErr != nil {
			detail += "The lookup of the membership failed, too. " + sentence(explain(uncertain.LookupErr)) + " "
		}
		if uncertain.Membership != nil {
			detail += describe(*uncertain.Membership) + " exists now, but someone else may have created it. "
		}
		detail += "The creation was not sent again, so nothing is doubled.\n\nApply again: that creates the membership if it is still missing, or names it with an import block if it is there. " +
			"You can also look at Settings > Access Groups in Kantata."
		return diag.NewErrorDiagnostic(summaryCreate, detail)
	}
	return diag.NewErrorDiagnostic(summaryCreate, subject+" "+sentence(explain(err))+advice(err, adviceOnCreate(pair, err)))
}

// adviceOnCreate says what to do about a POST that Kantata refused, as far as the operation knows more than the status.
func adviceOnCreate(pair kantata.Pair, err error) string {
	var e *kantata.Error
	if !errors.As(err, &e) || e.Method != http.MethodPost {
		return ""
	}
	switch e.StatusCode {
	case http.StatusForbidden:
		return adviceForbiddenWrite
	case http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusBadRequest:
		group := fmt.Sprintf("Check that access group %s exists and is a custom one (Settings > Access Groups in Kantata). %s", pair.AccessGroupID, adviceAdministrators)
		user := fmt.Sprintf("Check that user %s is on this account.", pair.UserID)
		switch blamed := blamed(e); {
		case strings.Contains(blamed, "access_group"):
			return "Kantata names access_group_id. " + group
		case strings.Contains(blamed, "user"):
			return "Kantata names user_id. " + user
		}
		return user + " " + group
	}
	return ""
}

// blamed returns the first field that Kantata named. The fields are not promised: only the two ids' own names are looked for.
func blamed(e *kantata.Error) string {
	for _, d := range e.Details {
		if d.Field != "" {
			return d.Field
		}
	}
	return ""
}

func readDiagnostic(prior membershipModel, err error) diag.Diagnostic {
	return diag.NewErrorDiagnostic(summaryRead, describeModel(prior)+" could not be read. "+sentence(explain(err))+
		" The state is unchanged: only a definite absence removes a membership from it."+advice(err, ""))
}

func deleteDiagnostic(prior membershipModel, err error) diag.Diagnostic {
	var refused *memberships.RefusedDeleteError
	if errors.As(err, &refused) {
		return diag.NewErrorDiagnostic(summaryDelete, describeModel(prior)+" was not deleted: another resource in this configuration manages this membership. "+
			"Add a moved block from this resource to the other one, or set adopt_existing there, and apply again.")
	}
	more := ""
	if status(err) == http.StatusForbidden || status(err) == http.StatusUnprocessableEntity {
		more = adviceForbiddenWrite
	}
	return diag.NewErrorDiagnostic(summaryDelete, describeModel(prior)+" could not be deleted. "+sentence(explain(err))+
		" It stays in the state."+advice(err, more))
}

func listDiagnostic(summary string, err error) diag.Diagnostic {
	return diag.NewErrorDiagnostic(summary, sentence(explain(err))+advice(err, ""))
}

// advice appends what to do next: what the operation knows, else what the error says by itself.
func advice(err error, specific string) string {
	return "\n\n" + nextStep(err, specific)
}

func nextStep(err error, specific string) string {
	var e *kantata.Error
	known := errors.As(err, &e)
	switch {
	case status(err) == http.StatusUnauthorized:
		return "Kantata does not accept the access token: check " + envAccessToken + " or access_token, and whether the token was revoked."
	case specific != "":
		return specific
	case status(err) == http.StatusForbidden:
		return "The token's user may not see access groups: use the token of a user with the permission to manage them."
	case status(err) == http.StatusTooManyRequests:
		return "Kantata limited the rate of requests for several minutes: run again later, or with a lower -parallelism."
	case errors.Is(err, context.Canceled):
		return "The run was interrupted: run again."
	case errors.Is(err, kantata.ErrTimeout):
		return "Run again; if it lasts, raise request_timeout (" + envRequestTimeout + "), or ask Kantata's support."
	case known && e.StatusCode == 0:
		return "Kantata could not be reached, or the connection broke: check the network, base_url (" + envBaseURL + ") and the proxy settings (HTTPS_PROXY), and run again."
	case known && e.StatusCode < http.StatusInternalServerError && (e.Err != nil || e.StatusCode == http.StatusNotFound):
		return "Something other than Kantata's API may have answered: check base_url (" + envBaseURL + "), for example " + kantata.DefaultBaseURL + ", and the proxy settings (HTTPS_PROXY), and run again."
	}
	return "Run again; if it lasts, ask Kantata's support and quote the request id where there is one."
}

func status(err error) int {
	var e *kantata.Error
	if errors.As(err, &e) {
		return e.StatusCode
	}
	return 0
}

// explain says what Kantata answered.
func explain(err error) string {
	var e *kantata.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	var b strings.Builder
	if e.StatusCode == 0 {
		fmt.Fprintf(&b, "%s %s failed", e.Method, e.Path)
	} else {
		fmt.Fprintf(&b, "Kantata answered %s %s with %d %s", e.Method, e.Path, e.StatusCode, http.StatusText(e.StatusCode))
	}
	for _, d := range e.Details {
		b.WriteString(": " + d.String())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.RequestID != "" {
		b.WriteString(" (request id " + e.RequestID + ")")
	}
	return b.String()
}

// sentence makes a text of the client's a sentence.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

func describe(m kantata.Membership) string { return describeModel(newMembershipModel(m)) }

func describeModel(m membershipModel) string {
	named := func(kind, id, name string) string {
		text := kind + " " + id
		if name != "" {
			text += " (" + name + ")"
		}
		return text
	}
	if m.UserID.IsNull() {
		return "The access group membership " + m.ID.ValueString()
	}
	text := "The membership"
	if !m.ID.IsNull() {
		text += " " + m.ID.ValueString()
	}
	return fmt.Sprintf("%s of %s in %s", text,
		named("user", m.UserID.ValueString(), m.UserName.ValueString()), named("access group", m.AccessGroupID.ValueString(), m.AccessGroupName.ValueString()))
}
