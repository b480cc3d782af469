package kantata

import (
	"slices"
	"testing"
)

func TestFindMemberships(t *testing.T) {
	t.Parallel()
	jane := Membership{ID: "56000101", AccessGroupID: "340002", UserID: "12000001"}
	body := Membership{AccessGroupID: "340002", UserID: "12000001"}
	long := Membership{AccessGroupID: "9223372036854775807", UserID: "9007199254740993"}
	short, other := Membership{AccessGroupID: "1", UserID: "2"}, Membership{AccessGroupID: "3", UserID: "4"}
	for document, want := range map[string][]Membership{
		`{"id":"56000101","access_group_id":"340002","user_id":"12000001"}`:                                  {jane},
		`{"id":56000101,"access_group_id":340002,"user_id":12000001}`:                                        {jane},
		`{"access_group_membership":{"access_group_id":340002,"user_id":12000001}}`:                          {body},
		`{"rows":{"56000101":{"id":56000101,"access_group_id":340002,"user_id":"12000001"}}}`:                {jane},
		`[null,[{"id":"56000101","access_group_id":"340002","user_id":"12000001"}]]`:                         {jane},
		`{"data":"{\"access_group_membership\":{\"access_group_id\":340002,\"user_id\":12000001}}"}`:         {body},
		`{"data":"\"{\\\"access_group_id\\\":340002,\\\"user_id\\\":12000001}\""}`:                           {body},
		`{"id":"x","access_group_id":340002,"user_id":12000001}`:                                             {body},
		`{"access_group_id":9223372036854775807,"user_id":9007199254740993}`:                                 {long},
		`[{"access_group_id":1,"user_id":2},{"access_group_id":3,"user_id":4}]`:                              {short, other},
		`{"value":{"access_group_id":1,"user_id":2},"type":{"access_group_id":"number","user_id":"number"}}`: {short},
		`{"access_group_id":1}`:                       nil,
		`{"access_group_id":1,"user_id":null}`:        nil,
		`{"access_group_id":1.2e7,"user_id":2}`:       nil,
		`{"access_group_id":1,"user_id":2`:            nil,
		`{"data":"{\"access_group_id\":1,\"user_id"}`: nil,
		`"map[access_group_id:1 user_id:2]"`:          nil,
		`340002`:                                      nil,
		``:                                            nil,
	} {
		if got := FindMemberships([]byte(document)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", document, got, want)
		}
	}
}
