package kantata

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// User is a person on the account.
type User struct {
	ID ID `json:"id"`
	// FullName and EmailAddress may be null or absent.
	FullName     *string `json:"full_name"`
	EmailAddress *string `json:"email_address"`
}

func (u User) itself() ID { return u.ID }

// errBlankAddress guards against the API's reading of a blank filter, which is "all".
var errBlankAddress = errors.New("an e-mail address is blank or holds a comma")

// UsersByEmailAddress returns the users with the addresses, 200 addresses a request.
func (c *Client) UsersByEmailAddress(ctx context.Context, addresses []string) ([]User, error) {
	for _, address := range addresses {
		if strings.TrimSpace(address) == "" || strings.Contains(address, ",") {
			return nil, errBlankAddress
		}
	}
	var users []User
	for chunk := range slices.Chunk(addresses, MaxPerPage) {
		for number := 1; ; number++ {
			// Without on_my_account people who are in no project are missing.
			query := url.Values{
				"by_email_addresses": {strings.Join(chunk, ",")}, "on_my_account": {"true"},
				"page": {strconv.Itoa(number)}, "per_page": {strconv.Itoa(MaxPerPage)},
			}
			var page Page[User]
			err := c.do(ctx, request{method: http.MethodGet, path: "users", query: query}, func(body []byte) (err error) {
				page, err = decodePage[User](body, "users")
				return err
			})
			if err != nil {
				return nil, err
			}
			users = append(users, page.Items...)
			if len(page.Items) == 0 || number >= page.PageCount {
				break
			}
		}
	}
	return users, nil
}
