package kantatatest

// user is a person on the account.
type user struct {
	id                     int64
	fullName, emailAddress string
	outsideProjects        bool
	inactive               bool
}

type accessGroup struct {
	id   int64
	name string
	// administrators marks Account Administrators, whose memberships are never listed and never editable.
	administrators bool
	// refusing marks a group whose memberships the API lists but does not change.
	refusing bool
}

// tokenUser is the person whom `GET /users/me` returns unless [WithCreator] names another.
const tokenUser = 12000009

// AddUser adds a person. An empty address is null in responses.
func (s *Server) AddUser(id int64, fullName, emailAddress string) {
	s.addUser(user{id: id, fullName: fullName, emailAddress: emailAddress})
}

// AddUserOutsideProjects adds a person who is in no project. `GET /users` returns this person only with
// on_my_account=true.
func (s *Server) AddUserOutsideProjects(id int64, fullName, emailAddress string) {
	s.addUser(user{id: id, fullName: fullName, emailAddress: emailAddress, outsideProjects: true})
}

func (s *Server) addUser(u user) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.users[u.id]
	s.users[u.id], s.sorted = u, nil
	if s.defaultGroups && !known {
		group := FirstDefaultGroup + u.id%int64(len(defaultGroupNames))
		s.insert(s.newRow(pair{group, u.id}), outside)
	}
}

// DeactivateUser deactivates a person: `GET /users` does not return them, and no membership can be created for them. Existing memberships
// remain.
func (s *Server) DeactivateUser(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.users[id]; ok {
		u.inactive = true
		s.users[id], s.sorted = u, nil
	}
}

// AddAccessGroup adds a custom access group.
func (s *Server) AddAccessGroup(id int64, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = accessGroup{id: id, name: name}
	s.store.setUnlisted(id, false)
}

// AddAccountAdministrators adds the group whose memberships are never listed and never editable.
func (s *Server) AddAccountAdministrators(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = accessGroup{id: id, name: "Account Administrators", administrators: true}
	s.store.setUnlisted(id, true)
}

// RefuseChanges makes the API refuse every POST and DELETE of a membership of the access group. The memberships stay in
// the lists. [Dialect] says how a DELETE is refused.
func (s *Server) RefuseChanges(accessGroupID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	group := s.groups[accessGroupID]
	group.refusing = true
	s.groups[accessGroupID] = group
}

// AddMembership adds a membership without a request and returns its ID. IDs ascend.
func (s *Server) AddMembership(accessGroupID, userID int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commitDue()
	m := s.newRow(pair{accessGroupID, userID})
	s.insert(m, outside)
	return m.ID
}

// newRow takes the next ID. Called with mu held.
func (s *Server) newRow(p pair) Membership {
	m := Membership{
		ID: s.nextID, AccessGroupID: p.accessGroupID, UserID: p.userID,
		AccessGroupName: s.groups[p.accessGroupID].name, UserName: s.users[p.userID].fullName,
		CreatorID: s.creatorID, CreatedAt: createdAt,
	}
	s.nextID++
	return m
}

// RemoveMembership removes a membership without a request.
func (s *Server) RemoveMembership(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commitDue()
	s.remove(id, outside)
}

// HideMembership hides a membership permanently: lists count it and never return it, and a GET or DELETE of its ID returns
// 404. A POST of its pair is a duplicate. [Dialect] says what happens to the pages.
func (s *Server) HideMembership(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store.hidden[id] = true
}

// Memberships returns all memberships by ascending ID, including those that no list shows.
func (s *Server) Memberships() []Membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commitDue()
	return s.store.everything()
}
