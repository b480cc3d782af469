package kantatatest

import (
	"maps"
	"slices"
)

type pair struct{ accessGroupID, userID int64 }

// store holds the memberships with an index for each filter, so that a page costs no more than its rows.
type store struct {
	rows    map[int64]Membership
	removed map[int64]Membership // for lists that lag
	all     []int64              // ascending, like the other indexes
	byGroup map[int64][]int64
	byUser  map[int64][]int64
	byPair  map[pair][]int64
	// unlisted holds the access groups whose memberships are in no index.
	unlisted map[int64]bool
	// hidden holds the memberships that lists count and never return.
	hidden map[int64]bool
}

func newStore() store {
	return store{
		rows:     map[int64]Membership{},
		removed:  map[int64]Membership{},
		byGroup:  map[int64][]int64{},
		byUser:   map[int64][]int64{},
		byPair:   map[pair][]int64{},
		unlisted: map[int64]bool{},
		hidden:   map[int64]bool{},
	}
}

func (st *store) insert(m Membership) {
	st.rows[m.ID] = m
	if st.unlisted[m.AccessGroupID] {
		return
	}
	p := pair{m.AccessGroupID, m.UserID}
	st.all = with(st.all, m.ID)
	st.byGroup[m.AccessGroupID] = with(st.byGroup[m.AccessGroupID], m.ID)
	st.byUser[m.UserID] = with(st.byUser[m.UserID], m.ID)
	st.byPair[p] = with(st.byPair[p], m.ID)
}

func (st *store) remove(id int64) {
	m, ok := st.rows[id]
	if !ok {
		return
	}
	delete(st.rows, id)
	st.removed[id] = m
	p := pair{m.AccessGroupID, m.UserID}
	st.all = without(st.all, id)
	st.byGroup[m.AccessGroupID] = without(st.byGroup[m.AccessGroupID], id)
	st.byUser[m.UserID] = without(st.byUser[m.UserID], id)
	st.byPair[p] = without(st.byPair[p], id)
}

// setUnlisted removes the group's memberships from the lists, or puts them back.
func (st *store) setUnlisted(accessGroupID int64, unlisted bool) {
	if st.unlisted[accessGroupID] == unlisted {
		return
	}
	var moved []Membership
	for _, m := range st.rows {
		if m.AccessGroupID == accessGroupID {
			moved = append(moved, m)
		}
	}
	for _, m := range moved {
		st.remove(m.ID)
	}
	st.unlisted[accessGroupID] = unlisted
	for _, m := range moved {
		st.insert(m)
	}
}

// counted returns a membership that lists count.
func (st *store) counted(id int64) (Membership, bool) {
	m, ok := st.rows[id]
	return m, ok && !st.unlisted[m.AccessGroupID]
}

// get returns a membership that the API shows.
func (st *store) get(id int64) (Membership, bool) {
	m, ok := st.counted(id)
	return m, ok && !st.hidden[id]
}

// row returns a membership that exists or existed.
func (st *store) row(id int64) Membership {
	if m, ok := st.rows[id]; ok {
		return m
	}
	return st.removed[id]
}

// find returns the IDs of the memberships that match the filters. A nil filter matches all. The slice belongs to the
// store.
func (st *store) find(accessGroupID, userID *int64) []int64 {
	switch {
	case accessGroupID != nil && userID != nil:
		return st.byPair[pair{*accessGroupID, *userID}]
	case accessGroupID != nil:
		return st.byGroup[*accessGroupID]
	case userID != nil:
		return st.byUser[*userID]
	}
	return st.all
}

// everything returns every membership by ascending ID, including what no list shows.
func (st *store) everything() []Membership {
	rows := make([]Membership, 0, len(st.rows))
	for _, id := range slices.Sorted(maps.Keys(st.rows)) {
		rows = append(rows, st.rows[id])
	}
	return rows
}

func with(ids []int64, id int64) []int64 {
	i, found := slices.BinarySearch(ids, id)
	if found {
		return ids
	}
	return slices.Insert(ids, i, id)
}

func without(ids []int64, id int64) []int64 {
	i, found := slices.BinarySearch(ids, id)
	if !found {
		return ids
	}
	return slices.Delete(ids, i, i+1)
}
