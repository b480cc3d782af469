package kantatatest

import "fmt"

// The IDs that the seeds use.
const (
	AccountAdministrators = 340000
	FinanceApprovers      = 340001
	ResourceManagers      = 340002
	RateCardEditors       = 340003
	FirstUser             = 12000001

	// FirstDefaultGroup is the first of the groups of [WithDefaultGroups].
	FirstDefaultGroup = 330001
)

// defaultGroupNames are the Account Default groups except Account Administrators, which no list shows.
var defaultGroupNames = []string{
	"Reports Viewer With Cost", "Reports Viewer", "Project Lead", "Project Creator", "Collaborator", "Punch Clock",
}

// SeedCompany adds a small company without memberships: four access groups, and eight people with IDs from FirstUser on.
func (s *Server) SeedCompany() {
	s.AddAccountAdministrators(AccountAdministrators)
	s.AddAccessGroup(FinanceApprovers, "Finance Approvers")
	s.AddAccessGroup(ResourceManagers, "Resource Managers")
	s.AddAccessGroup(RateCardEditors, "Rate Card Editors")
	for i, person := range [][2]string{
		{"Jane Doe", "jane"}, {"Amir Haddad", "amir"}, {"Chloe Martin", "chloe"}, {"Diego Ramos", "diego"},
		{"Emi Tanaka", "emi"}, {"Femi Ade", "femi"}, {"Grace Lee", "grace"}, {"Henrik Berg", "henrik"},
	} {
		s.AddUser(FirstUser+int64(i), person[0], person[1]+"@example.com")
	}
}

// SeedMemberships adds access groups and users, and n memberships with a different pair each. It returns the memberships.
func (s *Server) SeedMemberships(groups, users, n int) []Membership {
	for g := range groups {
		s.AddAccessGroup(FinanceApprovers+int64(g), fmt.Sprintf("Group %d", g+1))
	}
	for u := range users {
		s.AddUser(FirstUser+int64(u), fmt.Sprintf("User %d", u+1), fmt.Sprintf("user%d@example.com", u+1))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seeded := make([]Membership, 0, min(n, groups*users))
	for i := range cap(seeded) {
		m := s.newRow(pair{FinanceApprovers + int64(i%groups), FirstUser + int64(i/groups)})
		s.insert(m, outside)
		seeded = append(seeded, m)
	}
	return seeded
}
