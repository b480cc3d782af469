package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

	adviceAdministrators = "For an Account Default group, such as Account Administrators, change the person's account permission in " +
		"Kantata instead."
	adviceForbiddenWrite = "The token's user needs permission to manage access groups. " + adviceAdministrators
	adviceConnection     = "Check the network, base_url (" + envBaseURL + "), and the proxy settings (HTTPS_PROXY), and try again."
)

func createDiagnostic(pair kantata.Pair, err error) diag.Diagnostic {
	var claimed *memberships.ClaimedError
	var uncertain *memberships.UncertainError
	var failed *memberships.FailedDeleteError
	notCreated := fmt.Sprintf("User %s was not added to access group %s.", pair.UserID, pair.AccessGroupID)
	switch {
	case errors.As(err, &claimed):
		return diag.NewErrorDiagnostic("Duplicate Access Group Membership",
			fmt.Sprintf("Two resources in this configuration add user %s to access group %s. Only one resource may manage a membership: "+
				"remove one of the two.", pair.UserID, pair.AccessGroupID))
	case errors.As(err, &failed):
		subject := notCreated + " This run also deletes the same membership, and that delete failed."
		if e, ok := errors.AsType[*kantata.Error](failed.Err); ok && e.Condition != nil && e.Condition.Kind == kantata.NoEffect {
			return conditionDiagnostic(subject, e) // the error is that of another delete
		}
		return diag.NewErrorDiagnostic(summaryCreate, subject+" "+sentence(failed.Err.Error())+"\n\nApply again.")
	case errors.As(err, &uncertain):
		detail := fmt.Sprintf("It is not known whether user %s was added to access group %s: the membership may still appear. ",
			pair.UserID, pair.AccessGroupID)
		detail += sentence(uncertain.Err.Error()) + " "
		if uncertain.LookupErr != nil {
			detail += "The lookup of the membership failed as well. " + sentence(uncertain.LookupErr.Error()) + " "
		}
		if uncertain.Membership != nil {
			detail += describe(*uncertain.Membership) + " exists now, but someone else may have created it. "
		}
		detail += "No further request to create it is sent, so that nothing is created twice.\n\n" +
			"Wait a few minutes and apply again. The apply creates the membership if it does not exist, or returns an error with an import " +
			"block if it does. " +
			"You can also check Settings > Access Groups in Kantata."
		return diag.NewErrorDiagnostic(summaryCreate, detail)
	}
	return failure(summaryCreate, notCreated, err, adviceOnCreate(pair, err))
}

// adviceOnCreate says what to do about a POST that Kantata refused, if the operation knows more than the status.
func adviceOnCreate(pair kantata.Pair, err error) string {
	var e *kantata.Error
	if !errors.As(err, &e) || e.Method != http.MethodPost {
		return ""
	}
	switch {
	case kantata.IsForbidden(err):
		return adviceForbiddenWrite
	case slices.Contains([]int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusBadRequest}, e.StatusCode):
		group := fmt.Sprintf("Check that access group %s exists and is a custom group (Settings > Access Groups in Kantata). %s",
			pair.AccessGroupID, adviceAdministrators)
		user := fmt.Sprintf("Check that user %s belongs to this account.", pair.UserID)
		switch blamed := blamed(e); {
		case strings.HasSuffix(blamed, "access_group"), strings.HasSuffix(blamed, "access_group_id"):
			return "The error is about access_group_id. " + group
		case strings.HasSuffix(blamed, "user"), strings.HasSuffix(blamed, "user_id"):
			return "The error is about user_id. " + user
		}
		return user + " " + group
	}
	return ""
}

// blamed returns the first field that an error of Kantata names. The fields are not documented, so callers look for the two IDs only, with
// or without the name of the object that contains them: access_group_membership.user_id is about the user.
func blamed(e *kantata.Error) string {
	for _, d := range e.Details {
		if d.Field != "" {
			return d.Field
		}
	}
	return ""
}

func readDiagnostic(prior membershipModel, err error) diag.Diagnostic {
	subject := describeModel(prior) + " could not be read."
	if imported := prior.ID.IsNull() || prior.UserID.IsNull(); !imported {
		subject += " It stays in the state."
	}
	return failure(summaryRead, subject, err, "")
}

func deleteDiagnostic(prior membershipModel, err error) diag.Diagnostic {
	var refused *memberships.RefusedDeleteError
	if errors.As(err, &refused) {
		return diag.NewErrorDiagnostic(summaryDelete, describeModel(prior)+" was not deleted: "+
			"another resource in this configuration manages this membership. Add a moved block from this resource to the other one, or set "+
			"adopt_existing = true in the other one, and apply again.")
	}
	specific := ""
	if kantata.IsForbidden(err) || status(err) == http.StatusUnprocessableEntity {
		specific = adviceForbiddenWrite
	}
	subject := describeModel(prior) + " was not deleted. It stays in the state."
	var notDeleted *memberships.NotDeletedError
	var e *kantata.Error
	refusedByKantata := errors.As(err, &e) && e.Method == http.MethodDelete && e.Outcome == kantata.OutcomeNotDone
	if !errors.As(err, &notDeleted) && !refusedByKantata {
		subject = "It is not known whether " + lowerFirst(describeModel(prior)) +
			" was deleted. It stays in the state, and the next apply checks it again."
	}
	return failure(summaryDelete, subject, err, specific)
}

func listDiagnostic(summary string, err error) diag.Diagnostic { return failure(summary, "", err, "") }

// failure formats every error of a request. The subject says what did not happen, the client's error says what happened to the request,
// and the advice says what to do next. A condition of the whole process has one error, which is the same for all resources (rule 12).
func failure(summary, subject string, err error, specific string) diag.Diagnostic {
	var e *kantata.Error
	if errors.As(err, &e) && e.Condition != nil && (e.Outcome == kantata.OutcomeNotDone || e.Method == http.MethodGet) {
		return conditionDiagnostic(subject, e)
	}
	return diag.NewErrorDiagnostic(summary, strings.TrimSpace(subject+" "+sentence(err.Error()))+"\n\n"+nextStep(err, specific))
}

// conditionText is what the errors about a condition of the whole process say.
type conditionText struct {
	summary string
	// happened and advice make the short text, which is at most six lines of 78 columns.
	happened, advice string
	// more is added to the first error. If there is nothing more to say, all errors are the same.
	more string
}

var conditionTexts = map[kantata.ConditionKind]conditionText{
	kantata.TokenMissing: {
		summary:  "Missing Kantata Access Token",
		happened: "This operation sends a request to Kantata, but no access token is configured.",
		advice: "Set the environment variable " + envAccessToken + " (with export in most shells), or set access_token from an ephemeral " +
			"variable (Terraform 1.10, OpenTofu 1.11). Do not use a sensitive variable: a saved plan contains its value in clear text. " +
			"An account administrator can get a token in Kantata under Settings, on the page of a registered application.",
	},
	kantata.TokenRejected: {
		summary:  "Kantata Access Token Rejected",
		happened: "Kantata rejected the access token (401 Unauthorized).",
		advice:   "Check that " + envAccessToken + " or access_token contains the complete token, and that the token was not revoked.",
		more:     "The provider sends no more requests with this token.",
	},
	kantata.Unreachable: {
		summary:  "Kantata Not Reachable",
		happened: "Kantata has not responded to any request for about 30 seconds.",
		advice:   adviceConnection,
		more:     "Until Kantata responds, the provider sends one request from time to time, and all other requests fail at once.",
	},
	kantata.RateLimited: {
		summary:  "Kantata Rate Limit Exceeded",
		happened: "Kantata has responded to every request in the last five minutes with 429 Too Many Requests.",
		advice:   "Try again later, or check what else uses the same access token.",
		more:     "Until Kantata accepts requests again, the provider sends one from time to time, and all other requests fail at once.",
	},
	kantata.NoEffect: {
		summary:  "Changes to Kantata Have No Effect",
		happened: "The request was not sent, because the last ones like it had no usable response and no visible effect.",
		advice:   "Wait a few minutes and apply again. If the error persists, check the proxy (HTTPS_PROXY), or contact Kantata Support.",
		more:     "Until such a request works, the provider sends one from time to time, and all others fail at once.",
	},
}

// conditionDiagnostic explains the condition in full in the first error only, because each membership may have one. If only writes fail,
// the error names the pair: a delete of the same pair may have worked (rule 11).
func conditionDiagnostic(subject string, e *kantata.Error) diag.Diagnostic {
	text, cause := conditionTexts[e.Condition.Kind], e.Error()
	switch {
	case e.Condition.Kind == kantata.NoEffect:
		text.happened, cause = subject+" "+text.happened, "the last one: "+cause
	case e.Condition.Kind == kantata.TokenRejected && !e.FromKantata:
		text.happened = "A request was refused with 401 Unauthorized, and the response may not be from Kantata."
		text.advice += " Check base_url (" + envBaseURL + ") and the proxy settings (HTTPS_PROXY) as well."
	}
	short := text.happened + " " + text.advice
	switch {
	case text.more == "":
		return diag.NewErrorDiagnostic(text.summary, short)
	case !e.Condition.FirstReport():
		return diag.NewErrorDiagnostic(text.summary, short+" Another error in this run has the details.")
	}
	return diag.NewErrorDiagnostic(text.summary, text.happened+" "+sentence(cause)+"\n\n"+text.advice+" "+text.more)
}

// nextStep says what to do next. The advice of the operation, if it has any, takes precedence over what follows from the error.
func nextStep(err error, specific string) string {
	const elsewhere = "Something other than Kantata's API may have responded. Check base_url (" + envBaseURL + "), for example " +
		kantata.DefaultBaseURL + ", and the proxy settings (HTTPS_PROXY), and try again."
	const support = "Try again. If the error persists, contact Kantata Support and include the request ID, if one is shown."
	var e *kantata.Error
	known := errors.As(err, &e)
	switch {
	case known && e.Condition != nil:
		return conditionTexts[e.Condition.Kind].advice
	case specific != "":
		return specific
	case errors.Is(err, context.Canceled):
		return "The run was interrupted. Run it again."
	case !known:
		return support
	case kantata.IsForbidden(err) && strings.HasPrefix(e.Path, "/users"):
		return "The token's user is not allowed to view the people of the account. Use the token of an account administrator."
	case kantata.IsForbidden(err):
		return "The token's user is not allowed to view access groups. Use the token of a user with permission to manage them."
	case errors.Is(err, kantata.ErrTimeout):
		return "Try again. If the error persists, increase request_timeout (" + envRequestTimeout + ")."
	case errors.Is(err, kantata.ErrNotSent), errors.Is(err, kantata.ErrBroken):
		return adviceConnection
	case errors.Is(err, kantata.ErrTooLarge):
		return support
	case errors.Is(err, kantata.ErrRedirect), errors.Is(err, kantata.ErrUnreadable) && e.StatusCode < http.StatusInternalServerError,
		e.StatusCode == http.StatusNotFound:
		return elsewhere
	}
	return support
}

func status(err error) int {
	var e *kantata.Error
	if errors.As(err, &e) {
		return e.StatusCode
	}
	return 0
}

// sentence turns the text of an error into a sentence.
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

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

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
		return "Access group membership " + m.ID.ValueString()
	}
	text := "The membership"
	if !m.ID.IsNull() {
		text += " " + m.ID.ValueString()
	}
	return fmt.Sprintf("%s of %s in %s", text, named("user", m.UserID.ValueString(), m.UserName.ValueString()),
		named("access group", m.AccessGroupID.ValueString(), m.AccessGroupName.ValueString()))
}
