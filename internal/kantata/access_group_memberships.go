package kantata

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// MaxPerPage is the most items that Kantata puts on a page; a larger per_page is cut to it without an error.
const MaxPerPage = 200

const accessGroupMemberships = "access_group_memberships"

// Membership is one access group membership: a user is in an access group.
type Membership struct {
	ID            ID `json:"id"`
	AccessGroupID ID `json:"access_group_id"`
	UserID        ID `json:"user_id"`
	// AccessGroupName, UserName, CreatorID and CreatedAt may be null or absent.
	AccessGroupName *string `json:"access_group_name"`
	UserName        *string `json:"user_name"`
	CreatorID       *ID     `json:"creator_id"`
	// CreatedAt is a date or a date-time, kept as it came.
	CreatedAt *string `json:"created_at"`
}

func (m Membership) itself() ID { return m.ID }

// Pair returns what identifies the membership for its users: who is in which group.
func (m Membership) Pair() Pair { return Pair{AccessGroupID: m.AccessGroupID, UserID: m.UserID} }

// Pair is an access group and a user.
type Pair struct {
	AccessGroupID ID `json:"access_group_id"`
	UserID        ID `json:"user_id"`
}

// String returns "access_group_id/user_id", the form of an import id.
func (p Pair) String() string { return p.AccessGroupID.String() + "/" + p.UserID.String() }

// MembershipFilter narrows a list. A zero ID does not filter; it is never sent, since Kantata takes a blank
// parameter for "all".
type MembershipFilter struct {
	AccessGroupID ID
	UserID        ID
}

func (f MembershipFilter) query() url.Values {
	query := url.Values{}
	if f.AccessGroupID != "" {
		query.Set("access_group_id", f.AccessGroupID.String())
	}
	if f.UserID != "" {
		query.Set("user_id", f.UserID.String())
	}
	return query
}

// GetAccessGroupMembership returns the membership with the id. [IsNotFound] reports a definite 404. An answer
// whose results do not name the id is an [*Error] and not a 404.
func (c *Client) GetAccessGroupMembership(ctx context.Context, id ID) (Membership, error) {
	var found Membership
	err := c.do(ctx, request{method: http.MethodGet, path: membershipPath(id)}, func(body []byte) error {
		page, err := decodeMemberships(body)
		if err != nil {
			return err
		}
		for _, m := range page.Items {
			if m.ID == id {
				found = m
				return nil
			}
		}
		return fmt.Errorf("%w: its results do not name %s", errUnreadable, id)
	})
	return found, err
}

// ListAccessGroupMemberships walks the pages one after the other and yields what they hold, in the API's order.
// perPage is 1 to [MaxPerPage]. After an error nothing more is yielded.
func (c *Client) ListAccessGroupMemberships(ctx context.Context, filter MembershipFilter, perPage int) iter.Seq2[Membership, error] {
	return func(yield func(Membership, error) bool) {
		for number := 1; ; number++ {
			page, err := c.AccessGroupMembershipsPage(ctx, filter, number, perPage)
			if err != nil {
				yield(Membership{}, err)
				return
			}
			for _, m := range page.Items {
				if !yield(m, nil) {
					return
				}
			}
			if len(page.Items) == 0 || number >= page.PageCount {
				return
			}
		}
	}
}

// AccessGroupMembershipsPage returns one page, the first being 1. A row that the filter excludes makes the
// answer an error: an answer to another question says nothing about this one.
func (c *Client) AccessGroupMembershipsPage(ctx context.Context, filter MembershipFilter, page, perPage int) (Page[Membership], error) {
	query := filter.query()
	query.Set("page", strconv.Itoa(page))
	query.Set("per_page", strconv.Itoa(perPage))
	var answer Page[Membership]
	err := c.do(ctx, request{method: http.MethodGet, path: accessGroupMemberships, query: query}, func(body []byte) (err error) {
		answer, err = decodeMemberships(body)
		if err != nil {
			return err
		}
		for _, m := range answer.Items {
			if filter.AccessGroupID != "" && m.AccessGroupID != filter.AccessGroupID || filter.UserID != "" && m.UserID != filter.UserID {
				return fmt.Errorf("%w: membership %s (%s) is not what the filter asked for", errUnreadable, m.ID, m.Pair())
			}
		}
		return nil
	})
	return answer, err
}

// AccessGroupMembershipsByID returns those of the ids that exist, in one request. `only` is not paginated, and an
// unknown id is simply missing. Rows that were not asked for are left out.
func (c *Client) AccessGroupMembershipsByID(ctx context.Context, ids []ID) ([]Membership, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	asked := make(map[ID]bool, len(ids))
	texts := make([]string, len(ids))
	for i, id := range ids {
		asked[id] = true
		texts[i] = id.String()
	}
	query := url.Values{"only": {strings.Join(texts, ",")}, "per_page": {strconv.Itoa(MaxPerPage)}}
	var found []Membership
	err := c.do(ctx, request{method: http.MethodGet, path: accessGroupMemberships, query: query}, func(body []byte) error {
		page, err := decodeMemberships(body)
		if err != nil {
			return err
		}
		found = found[:0]
		for _, m := range page.Items {
			if asked[m.ID] {
				found = append(found, m)
			}
		}
		return nil
	})
	return found, err
}

// CreateAccessGroupMembership sends one POST. It is sent again only after a 429 or when no connection was made; for
// anything else [OutcomeOf] of the error tells what is known.
func (c *Client) CreateAccessGroupMembership(ctx context.Context, pair Pair) (Membership, error) {
	payload := struct {
		AccessGroupMembership Pair `json:"access_group_membership"`
	}{pair}
	var created Membership
	err := c.do(ctx, request{method: http.MethodPost, path: accessGroupMemberships, payload: payload}, func(body []byte) error {
		page, err := decodeMemberships(body)
		if err != nil {
			return err
		}
		if len(page.Items) != 1 || page.Items[0].Pair() != pair {
			return fmt.Errorf("%w: its results do not name the new membership", errUnreadable)
		}
		created = page.Items[0]
		return nil
	})
	return created, err
}

// DeleteAccessGroupMembership deletes the membership with the id. The reference has a 204 without content, the Swagger
// document a 200 with an object: both are success, while a page of HTML or an object with errors is not. A 404 is returned as
// an error ([IsNotFound]).
func (c *Client) DeleteAccessGroupMembership(ctx context.Context, id ID) error {
	return c.do(ctx, request{method: http.MethodDelete, path: membershipPath(id)}, func(body []byte) error {
		if len(bytes.TrimSpace(body)) == 0 {
			return nil
		}
		var answer struct {
			Errors []json.RawMessage `json:"errors"`
		}
		if err := decodeObject(body, &answer); err != nil {
			return err
		}
		if len(answer.Errors) > 0 {
			return fmt.Errorf("%w: a success that carries errors", errUnreadable)
		}
		return nil
	})
}

func membershipPath(id ID) string { return accessGroupMemberships + "/" + id.String() }

func decodeMemberships(body []byte) (Page[Membership], error) {
	page, err := decodePage[Membership](body, accessGroupMemberships)
	if err != nil {
		return page, err
	}
	for _, m := range page.Items {
		if err := m.complete(); err != nil {
			return page, fmt.Errorf("%w: %w", errUnreadable, err)
		}
	}
	return page, nil
}

func (m Membership) complete() error {
	if m.AccessGroupID == "" || m.UserID == "" {
		return errors.New("a membership lacks its access_group_id or user_id")
	}
	return nil
}
