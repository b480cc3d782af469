package kantata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

const users = "users"

// maxAddressesLength limits the part of a URL that names e-mail addresses, in encoded form. Servers commonly refuse a request line of more
// than 8 kB.
const maxAddressesLength = 7000

// User is a person on the account.
type User struct {
	ID ID
	// FullName and EmailAddress are nil if the API gave nothing that can be read.
	FullName     *string
	EmailAddress *string
}

func (u User) itself() ID { return u.ID }

// UnmarshalJSON reads a row. The ID is required; any other field that cannot be read is nil.
func (u *User) UnmarshalJSON(data []byte) error {
	var row struct {
		ID           ID           `json:"id"`
		FullName     optionalText `json:"full_name"`
		EmailAddress optionalText `json:"email_address"`
	}
	if err := json.Unmarshal(data, &row); err != nil {
		return err
	}
	*u = User{ID: row.ID, FullName: row.FullName.value, EmailAddress: row.EmailAddress.value}
	return nil
}

// ErrHiddenAddress is wrapped if Kantata finds someone by an e-mail address that it does not return.
var ErrHiddenAddress = errors.New("the response does not contain the address, so it is not known whose address it is")

// UserFilter narrows a list of users. An empty field does not filter. It is never sent, because Kantata reads a blank parameter as "all".
type UserFilter struct {
	// IDs requests these users. Such a list has no pages.
	IDs []ID
	// EmailAddresses requests the users with these addresses, at most 200. [Client.UsersByEmailAddress] takes any number.
	EmailAddresses []string
	// OnMyAccount requests all people of the account. Without it, those who are in no project are missing.
	OnMyAccount bool
}

// errAddress reports an address that would change the meaning of the filter.
var errAddress = errors.New("an e-mail address is blank or contains a comma")

func (f UserFilter) query(page, perPage int) (url.Values, error) {
	query := window(page, perPage)
	if len(f.IDs) > 0 {
		query.Set("only", joinIDs(f.IDs))
	}
	for _, address := range f.EmailAddresses {
		if strings.TrimSpace(address) == "" || strings.Contains(address, ",") {
			return nil, errAddress
		}
	}
	if len(f.EmailAddresses) > 0 {
		query.Set("by_email_addresses", strings.Join(f.EmailAddresses, ","))
	}
	if f.OnMyAccount {
		query.Set("on_my_account", "true")
	}
	return query, nil
}

// UsersPage returns one page of users; the first is 1.
func (c *Client) UsersPage(ctx context.Context, filter UserFilter, page, perPage int) (Page[User], error) {
	var found Page[User]
	query, err := filter.query(page, perPage)
	if err != nil {
		return found, err
	}
	err = c.do(ctx, request{method: http.MethodGet, path: "/" + users, query: query}, func(body []byte) (err error) {
		found, err = decodePage[User](body, users)
		for i := range found.Items {
			c.cleanText(found.Items[i].FullName, found.Items[i].EmailAddress)
		}
		found.raiseCount(page)
		return err
	})
	return found, err
}

// FoldEmailAddress returns the form in which all spellings of an e-mail address are equal: in lower case, without surrounding whitespace. A
// letter outside ASCII never becomes an ASCII letter: a capital dotted I stays as it is, because an address with an i is another address.
func FoldEmailAddress(address string) string {
	return strings.Map(func(r rune) rune {
		if lower := unicode.ToLower(r); r <= unicode.MaxASCII || lower > unicode.MaxASCII {
			return lower
		}
		return r
	}, strings.TrimSpace(address))
}

// UsersByEmailAddress returns the people of the account who have one of the addresses, in any case. It is not known whether Kantata's
// comparison is case-sensitive, so each address is requested as written and in lower case. The error wraps [ErrHiddenAddress] if one of the
// addresses may be that of someone whose address is not in the response.
func (c *Client) UsersByEmailAddress(ctx context.Context, addresses []string) ([]User, error) {
	if _, err := (UserFilter{EmailAddresses: addresses}).query(1, 1); err != nil {
		return nil, err
	}
	requested := map[string]bool{}
	var spellings []string
	for _, address := range addresses {
		for _, spelling := range []string{address, FoldEmailAddress(address)} {
			if !requested[spelling] {
				requested[spelling] = true
				spellings = append(spellings, spelling)
			}
		}
	}
	var found []User
	var hidden ID    // of someone whose address is not in the response
	var ignored bool // the filter
	seen := map[ID]bool{}
	for len(spellings) > 0 {
		n := chunkLength(spellings)
		filter := UserFilter{EmailAddresses: spellings[:n], OnMyAccount: true}
		spellings = spellings[n:]
		for number := 1; ; number++ {
			page, err := c.UsersPage(ctx, filter, number, MaxPerPage)
			if err != nil {
				return nil, err
			}
			known := len(seen)
			for _, u := range page.Items {
				if seen[u.ID] {
					continue
				}
				seen[u.ID] = true
				switch {
				case u.EmailAddress == nil:
					hidden = u.ID
				case requested[FoldEmailAddress(*u.EmailAddress)]:
					found = append(found, u)
				default:
					ignored = true
				}
			}
			// The count may be too high, so a page without new rows ends the list in any case.
			if number*max(page.PageSize, len(page.Items)) >= page.Count || len(seen) == known {
				break
			}
		}
	}
	if hidden != "" && len(found) < len(addresses) && !ignored { // this is no absence
		return nil, fmt.Errorf("user %s was found by an e-mail address, but %w; use user IDs instead", hidden, ErrHiddenAddress)
	}
	return found, nil
}

// NoUsersWithEmailAddress reports whether Kantata finds no one who has one of the addresses, and ignores case. Each request also names the
// address of a person who is known, in a case that no one would write. The result is true if Kantata finds only this person. This assumes
// that Kantata compares all addresses in the way in which it compares this one. Otherwise, the result is false, and someone may have one of
// the addresses.
func (c *Client) NoUsersWithEmailAddress(ctx context.Context, addresses []string, known User) (bool, error) {
	other := otherCase(known)
	if other == "" || slices.ContainsFunc(addresses, func(address string) bool { return !isASCII(address) }) {
		return false, nil
	}
	for len(addresses) > 0 {
		n := max(1, chunkLength(append([]string{other}, addresses...))-1)
		filter := UserFilter{EmailAddresses: append(slices.Clone(addresses[:n]), other), OnMyAccount: true}
		addresses = addresses[n:]
		if page, err := c.UsersPage(ctx, filter, 1, MaxPerPage); err != nil || len(page.Items) != 1 || page.Items[0].ID != known.ID {
			return false, err
		}
	}
	return true, nil
}

// otherCase returns the address of the user with letters that alternate between upper and lower case; "" if it has no other form. Kantata
// may return an address in another case than it has stored, and have its own rules for letters outside ASCII.
func otherCase(u User) string {
	if u.EmailAddress == nil || !isASCII(*u.EmailAddress) {
		return ""
	}
	upper := false
	other := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			upper = !upper
		}
		if upper {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, *u.EmailAddress)
	if other == *u.EmailAddress {
		return ""
	}
	return other
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// chunkLength returns how many of the addresses fit into one request; at least one.
func chunkLength(addresses []string) int {
	length := 0
	for i, address := range addresses {
		length += len(url.QueryEscape(address + ","))
		if i > 0 && (i == MaxPerPage || length > maxAddressesLength) {
			return i
		}
	}
	return len(addresses)
}
