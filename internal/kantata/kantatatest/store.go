package kantatatest

import (
	"maps"
	"slices"
)

type pair struct{ accessGroupID, userID int64 }

// store holds the memberships with an index for each filter, so that a page costs no more than its rows.
type store struct {
	rows    map[int64]Membership
	listed  []int64 // ascending, as all of the indexes
	byGroup map[int64][]int64
	byUser  map[int64][]int64
	byPair  map[pair][]int64
	// hidden names the groups whose memberships are in rows only.
	hidden map[int64]bool
}

func newStore() store {
	return store{
		rows:    map[int64]Membership{},
		byGroup: map[int64][]int64{},
		byUser:  map[int64][]int64{},
		byPair:  map[pair][]int64{},
		hidden:  map[int64]bool{},
	}
}

func (st *store) insert(m Membership) {
	st.rows[m.ID] = m
	if st.hidden[m.AccessGroupID] {
		return
	}
	p := pair{m.AccessGroupID, m.UserID}
	st.listed = with(st.listed, m.ID)
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
	p := pair{m.AccessGroupID, m.UserID}
	st.listed = without(st.listed, id)
	st.byGroup[m.AccessGroupID] = without(st.byGroup[m.AccessGroupID], id)
	st.byUser[m.UserID] = without(st.byUser[m.UserID], id)
	st.byPair[p] = without(st.byPair[p], id)
}

// setHidden takes the group's memberships off the lists, or puts them back.
func (st *store) setHidden(accessGroupID int64, hidden bool) {
	if st.hidden[accessGroupID] == hidden {
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
	st.hidden[accessGroupID] = hidden
	for _, m := range moved {
		st.insert(m)
	}
}

// get returns the membership as the API shows it: those of hidden groups are not there.
func (st *store) get(id int64) (Membership, bool) {
	m, ok := st.rows[id]
	return m, ok && !st.hidden[m.AccessGroupID]
}

// find returns the ids of the filters' memberships; nil filters match all. The slice belongs to the store.
func (st *store) find(accessGroupID, userID *int64) []int64 {
	switch {
	case accessGroupID != nil && userID != nil:
		return st.byPair[pair{*accessGroupID, *userID}]
	case accessGroupID != nil:
		return st.byGroup[*accessGroupID]
	case userID != nil:
		return st.byUser[*userID]
	}
	return st.listed
}

// all returns every membership by id, those of hidden groups too.
func (st *store) all() []Membership {
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
