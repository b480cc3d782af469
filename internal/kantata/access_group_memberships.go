package kantata

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unique"
)

// MaxPerPage is the most rows that Kantata puts on a page. It reduces a larger per_page to this without an error.
const MaxPerPage = 200

const accessGroupMemberships = "access_group_memberships"

// Membership is one access group membership: one user in one access group.
type Membership struct {
	ID            ID
	AccessGroupID ID
	UserID        ID
	// AccessGroupName, UserName, CreatorID and CreatedAt are nil if the API gave nothing that can be read.
	AccessGroupName *string
	UserName        *string
	CreatorID       *ID
	// CreatedAt is a date or a date-time as it was received.
	CreatedAt *string
}

func (m Membership) itself() ID { return m.ID }

// UnmarshalJSON reads a row. The three IDs are required; any other field that cannot be read is nil.
func (m *Membership) UnmarshalJSON(data []byte) error {
	var row struct {
		ID              ID           `json:"id"`
		AccessGroupID   ID           `json:"access_group_id"`
		UserID          ID           `json:"user_id"`
		AccessGroupName optionalText `json:"access_group_name"`
		UserName        optionalText `json:"user_name"`
		CreatorID       optionalID   `json:"creator_id"`
		CreatedAt       optionalText `json:"created_at"`
	}
	if err := json.Unmarshal(data, &row); err != nil {
		return err
	}
	if row.AccessGroupID == "" || row.UserID == "" {
		return errors.New("it has no access_group_id or no user_id")
	}
	*m = Membership{
		ID: row.ID, AccessGroupID: row.AccessGroupID, UserID: row.UserID, AccessGroupName: row.AccessGroupName.value,
		UserName: row.UserName.value, CreatorID: row.CreatorID.value, CreatedAt: row.CreatedAt.value,
	}
	return nil
}

// Pair returns what identifies the membership to users: who is in which group.
func (m Membership) Pair() Pair { return Pair{AccessGroupID: m.AccessGroupID, UserID: m.UserID} }

// Pair is an access group and a user.
type Pair struct {
	AccessGroupID ID `json:"access_group_id"`
	UserID        ID `json:"user_id"`
}

// String returns "access_group_id/user_id", the form of an import ID.
func (p Pair) String() string { return p.AccessGroupID.String() + "/" + p.UserID.String() }

// MembershipFilter narrows a list. A zero ID does not filter. It is never sent, because Kantata reads a blank parameter as "all".
type MembershipFilter struct {
	AccessGroupID ID
	UserID        ID
}

// Matches reports whether the pair is one that the filter requests.
func (f MembershipFilter) Matches(p Pair) bool {
	return (f.AccessGroupID == "" || f.AccessGroupID == p.AccessGroupID) && (f.UserID == "" || f.UserID == p.UserID)
}

func (f MembershipFilter) query(page, perPage int) url.Values {
	query := window(page, perPage)
	if f.AccessGroupID != "" {
		query.Set("access_group_id", f.AccessGroupID.String())
	}
	if f.UserID != "" {
		query.Set("user_id", f.UserID.String())
	}
	return query
}

func window(page, perPage int) url.Values {
	return url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)}}
}

// GetAccessGroupMembership returns the membership with the ID. [IsNotFound] reports that Kantata responded with 404. A response whose
// results do not name the ID is an [*Error] and not a 404.
func (c *Client) GetAccessGroupMembership(ctx context.Context, id ID) (Membership, error) {
	var found Membership
	err := c.do(ctx, request{method: http.MethodGet, path: membershipPath(id)}, func(body []byte) error {
		page, err := c.decodeMemberships(body)
		if err != nil {
			return err
		}
		for _, m := range page.Items {
			if m.ID == id {
				found = m
				return nil
			}
		}
		return fmt.Errorf("%w: its results do not name membership %s", ErrUnreadable, id)
	})
	return found, err
}

// AccessGroupMembershipsPage returns one page; the first is 1. A row that the filter excludes makes the page an error, because the
// response is not to this request.
func (c *Client) AccessGroupMembershipsPage(ctx context.Context, filter MembershipFilter, page, perPage int) (Page[Membership], error) {
	var found Page[Membership]
	r := request{method: http.MethodGet, path: "/" + accessGroupMemberships, query: filter.query(page, perPage)}
	err := c.do(ctx, r, func(body []byte) (err error) {
		found, err = c.decodeMemberships(body)
		if err != nil {
			return err
		}
		found.raiseCount(page)
		for _, m := range found.Items {
			if !filter.Matches(m.Pair()) {
				return fmt.Errorf("%w: membership %s (%s) is not what the filter requests", ErrUnreadable, m.ID, m.Pair())
			}
		}
		return nil
	})
	return found, err
}

// AccessGroupMembershipsByID returns those of the memberships that exist, in one request. `only` has no pages, and an unknown ID is simply
// missing. Rows that were not requested are left out.
func (c *Client) AccessGroupMembershipsByID(ctx context.Context, ids []ID) ([]Membership, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	requested := make(map[ID]bool, len(ids))
	for _, id := range ids {
		requested[id] = true
	}
	query := url.Values{"only": {joinIDs(ids)}, "per_page": {strconv.Itoa(MaxPerPage)}}
	var found []Membership
	err := c.do(ctx, request{method: http.MethodGet, path: "/" + accessGroupMemberships, query: query}, func(body []byte) error {
		page, err := c.decodeMemberships(body)
		if err != nil {
			return err
		}
		found = found[:0]
		for _, m := range page.Items {
			if requested[m.ID] {
				found = append(found, m)
			}
		}
		return nil
	})
	return found, err
}

func joinIDs(ids []ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ",")
}

// CreateAccessGroupMembership sends one POST. It is sent again only after a 429, or if no byte of it was written (rule 3). After any other
// failure, [OutcomeOf] says what is known. If its turn does not come until sendBy, unless that is zero, the error wraps [ErrTooLate]: what
// the caller knew when it decided to send the POST may no longer be true.
func (c *Client) CreateAccessGroupMembership(ctx context.Context, pair Pair, sendBy time.Time) (Membership, error) {
	r := request{method: http.MethodPost, path: "/" + accessGroupMemberships, sendBy: sendBy}
	var err error
	r.payload, err = json.Marshal(struct {
		AccessGroupMembership Pair `json:"access_group_membership"`
	}{pair})
	if err != nil {
		return Membership{}, r.notSent(err)
	}
	var created Membership
	err = c.do(ctx, r, func(body []byte) error {
		page, err := c.decodeMemberships(body)
		if err != nil {
			return err
		}
		if len(page.Items) != 1 || page.Items[0].Pair() != pair {
			return fmt.Errorf("%w: its results do not name the new membership", ErrUnreadable)
		}
		created = page.Items[0]
		return nil
	})
	return created, err
}

// DeleteAccessGroupMembership deletes the membership with the ID. Success is a 204, an empty 2xx, or an object with `success`: the text of
// the API's reference and its Swagger document differ. Any other 2xx is inconclusive, and the DELETE is sent again (rule 6). A 404 is
// returned as an error ([IsNotFound]).
func (c *Client) DeleteAccessGroupMembership(ctx context.Context, id ID) error {
	return c.do(ctx, request{method: http.MethodDelete, path: membershipPath(id)}, func(body []byte) error {
		if len(bytes.TrimSpace(body)) == 0 {
			return nil
		}
		var object struct {
			Success any   `json:"success"`
			Errors  []any `json:"errors"`
		}
		if err := decodeObject(body, &object); err != nil {
			return err
		}
		if object.Success == nil || object.Success == false || len(object.Errors) > 0 {
			return fmt.Errorf("%w: it does not say that the membership was deleted", ErrUnreadable)
		}
		return nil
	})
}

func membershipPath(id ID) string { return "/" + accessGroupMemberships + "/" + id.String() }

func (c *Client) decodeMemberships(body []byte) (Page[Membership], error) {
	page, err := decodePage[Membership](body, accessGroupMemberships)
	for i := range page.Items {
		m := &page.Items[i]
		c.cleanText(m.AccessGroupName, m.UserName, m.CreatedAt)
		m.AccessGroupID, m.UserID = shared(m.AccessGroupID), shared(m.UserID)
		if m.CreatorID != nil {
			*m.CreatorID = shared(*m.CreatorID)
		}
	}
	return page, err
}

// cleanText cleans texts that go to the terminal and into the state.
func (c *Client) cleanText(texts ...*string) {
	for _, t := range texts {
		if t != nil {
			*t = shared(c.secrets.text(*t))
		}
	}
}

// shared makes equal texts share their memory: an account has many memberships of few people.
func shared[T comparable](text T) T { return unique.Make(text).Value() }
