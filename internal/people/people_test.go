package people

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kantata-community/terraform-provider-kantata/internal/kantata"
)

// TestPeopleCosts bounds the requests to /users. In a plan, lookups arrive ten at a time. In an apply, each follows a create.
func TestPeopleCosts(t *testing.T) {
	t.Parallel()
	const work = 700 * time.Millisecond
	for name, c := range map[string]struct {
		people, lookups int
		missing         int // lookups of addresses that no one has, in addition
		work            time.Duration
		exact           bool
		hidden          int
		most            int
	}{
		"one":                                       {people: 1200, lookups: 1, most: 1},
		"a team":                                    {people: 1200, lookups: 10, most: 1},
		"plan of 200 of 1,200":                      {people: 1200, lookups: 200, most: 8},
		"plan of 200 of 1,201":                      {people: 1201, lookups: 200, most: 10},
		"plan of 200 of 2,000":                      {people: 2000, lookups: 200, most: 14},
		"plan of 50 of 5,000":                       {people: 5000, lookups: 50, most: 6},
		"plan of 300 of 8,000":                      {people: 8000, lookups: 300, most: 31},
		"plan of 200, exact":                        {people: 1200, lookups: 200, exact: true, most: 8},
		"plan of 200 of 1,200, count too high":      {people: 1200, lookups: 200, hidden: 3, most: 10},
		"apply of 200 of 1,200":                     {people: 1200, lookups: 200, work: work, most: 9},
		"apply of 300 of 8,000":                     {people: 8000, lookups: 300, work: work, most: 82},
		"60 data sources of 1,200":                  {people: 1200, lookups: 60, most: 8},
		"60 data sources of 100":                    {people: 100, lookups: 60, most: 4},
		"60 data sources of 8 people":               {people: 8, lookups: 60, most: 4},
		"60 data sources of 20,000, 1 is missing":   {people: 20000, lookups: 59, missing: 1, most: 8},
		"60 data sources of 20,000, 60 are missing": {people: 20000, missing: 60, most: 14},
		"60 data sources of 1,200, 60 are missing":  {people: 1200, missing: 60, most: 14},
		"60 data sources of 1,200, exact":           {people: 1200, lookups: 30, missing: 30, exact: true, most: 28}, // of them 14 for a proof
		"60 data sources of 100, 60 are missing":    {people: 100, missing: 60, most: 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := newFakePeople(c.people)
				fake.exact, fake.hidden = c.exact, c.hidden
				var addresses []string
				for i := range c.lookups {
					addresses = append(addresses, testAddress(i%c.people))
				}
				for i := range c.missing {
					addresses = append(addresses, fmt.Sprintf("former%d@example.com", i))
				}
				lookUpLikeTerraform(t, New(fake), addresses, c.work)
				t.Logf("%v", fake.counts)
				if n := fake.total(); n > c.most {
					t.Errorf("got %d requests (%v), want at most %d", n, fake.counts, c.most)
				}
			})
		})
	}
	t.Run("60 data sources of 2,000 with -parallelism=1", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			fake := newFakePeople(2000)
			d := New(fake)
			for i := range 60 {
				if users, err := d.ByEmailAddress(t.Context(), testAddress(i)); err != nil || len(users) != 1 {
					t.Errorf("lookup %d: got %v and the error %v, want one person", i, users, err)
				}
			}
			if n := fake.total(); n > 14 {
				t.Errorf("got %d requests (%v), want at most 14", n, fake.counts)
			}
		})
	})
}

func TestPeopleAreFoundInAnySpelling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(3)
		fake.people = append(fake.people, testUser(13, "tw\u0130n@example.com"), testUser(12, "Twin@example.com"),
			testUser(9, "twin@Example.com"), kantata.User{ID: "7"})
		fake.people = slices.DeleteFunc(fake.people, func(u kantata.User) bool { return u.EmailAddress == nil })
		d := New(fake)
		addresses := []string{" PERSON1@example.com", "person1@example.com", "TWIN@EXAMPLE.COM", "x@example.com"}
		found, err := d.ByEmailAddresses(t.Context(), addresses)
		if err != nil {
			t.Fatal(err)
		}
		ids := func(address string) (ids []kantata.ID) {
			for _, u := range found(address) {
				ids = append(ids, u.ID)
			}
			return ids
		}
		for address, want := range map[string][]kantata.ID{"Person1@example.com": {"2"}, "twin@example.com": {"9", "12"}, "x@example.com": nil} {
			if got := ids(address); !slices.Equal(got, want) {
				t.Errorf("%q: got %v, want %v", address, got, want)
			}
		}
		if n := fake.counts[opByAddress]; n != 1 {
			t.Errorf("got %d requests by address, want 1", n)
		}
	})
}

// TestPeopleAreFoundByAnExactMatch expects an address in another spelling to be found, even if Kantata compares addresses exactly.
func TestPeopleAreFoundByAnExactMatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(1200)
		fake.exact = true
		fake.people = append(fake.people, testUser(5000, "Zoe@Example.com"))
		d := New(fake)
		for address, want := range map[string]int{"zoe@example.com": 1, "Zoe@Example.com": 1, "unknown@example.com": 0} {
			if users, err := d.ByEmailAddress(t.Context(), address); err != nil || len(users) != want {
				t.Errorf("%s: got %v and the error %v, want %d people", address, users, err, want)
			}
		}
		// The order of the addresses decides whether the first page is also read to learn what the list costs.
		if n := fake.counts[opPeople]; n > 17 {
			t.Errorf("got %d pages of people, want at most 17: each of the seven twice, the last four times, the first three times", n)
		}
	})
}

// TestPeopleAreFoundInTheFirstPage expects that a request for another spelling does not hide what the first page of the list shows in the
// meantime, whichever of the two takes longer.
func TestPeopleAreFoundInTheFirstPage(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakePeople(20)
			fake.exact, fake.random = true, rand.New(rand.NewPCG(seed, 1))
			fake.people = append(fake.people, testUser(5000, "Zoe@Example.com"))
			d := New(fake)
			for _, address := range []string{testAddress(0), "zoe@example.com"} {
				if users, err := d.ByEmailAddress(t.Context(), address); err != nil || len(users) != 1 {
					t.Errorf("seed %d, %s: got %v and the error %v, want one person", seed, address, users, err)
				}
			}
		})
	}
}

// TestAnswersAboutPeopleAge expects a person to be kept for a minute, and an address without one for ten seconds.
func TestAnswersAboutPeopleAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(1)
		d := New(fake)
		for _, c := range []struct {
			address string
			after   time.Duration
			want    int
		}{
			{testAddress(0), 0, 1}, {testAddress(0), 50 * time.Second, 0}, {testAddress(0), 15 * time.Second, 1},
			{"x@example.com", 0, 1}, {"x@example.com", 5 * time.Second, 0}, {"x@example.com", 6 * time.Second, 1},
		} {
			time.Sleep(c.after)
			before, began := fake.counts[opByAddress], time.Now()
			if _, err := d.ByEmailAddress(t.Context(), c.address); err != nil {
				t.Fatal(err)
			}
			if got := fake.counts[opByAddress] - before; got != c.want {
				t.Errorf("%s after %s: got %d requests, want %d", c.address, c.after, got, c.want)
			}
			if took := time.Since(began); c.want == 0 && took > 0 {
				t.Errorf("%s after %s: got the kept people after %s, want them at once", c.address, c.after, took)
			}
		}
	})
}

func TestHowLongAnswersAreValid(t *testing.T) {
	t.Parallel()
	someone := []kantata.User{testUser(1, testAddress(1))}
	for _, c := range []struct {
		users []kantata.User
		age   time.Duration
		want  bool
	}{
		{someone, time.Minute, true}, {someone, time.Minute + 1, false}, {nil, 10 * time.Second, true}, {nil, 10*time.Second + 1, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := answer{users: c.users, began: time.Now()}
			time.Sleep(c.age)
			if got := a.valid(); got != c.want {
				t.Errorf("%d people after %s: got valid %v, want %v", len(c.users), c.age, got, c.want)
			}
		})
	}
}

func TestSameAddress(t *testing.T) {
	t.Parallel()
	if !SameAddress(" Jane@Example.com", "jane@example.com\n") {
		t.Error("got two addresses that differ in case and surrounding whitespace, want one")
	}
	if SameAddress("jane@example.com", "jane.doe@example.com") {
		t.Error("got one address for two people, want two")
	}
	if !SameAddress("jörg@example.com", "JÖRG@example.com") || SameAddress("mike@example.com", "m\u0130ke@example.com") {
		t.Error("got another result for letters outside ASCII, want Ö to equal ö, and a capital dotted I not to equal i")
	}
}

// TestWhenTheListIsRead expects each lookup to send a request of its own until the list is worth reading. The second lookup also requests
// the first page to learn what the list costs. Every other page is then requested once.
func TestWhenTheListIsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                 string
		people               int
		byAddress, listPages int
	}{
		{"one page, which is complete", 100, 2, 1},
		{"three pages, after a request for each three", 500, 2, 3},
		{"six pages, after a request for each three", 1200, 2, 6},
		{"ten pages, after a request for each three", 2000, 4, 10},
		{"eleven pages, after a request for each", 2001, 11, 11},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := newFakePeople(c.people)
				d := New(fake)
				for i := range 12 {
					if _, err := d.ByEmailAddress(t.Context(), testAddress(c.people-1-i)); err != nil {
						t.Fatal(err)
					}
					awaitList(t, d)
				}
				if got, pages := fake.counts[opByAddress], fake.counts[opPeople]; got != c.byAddress || pages != c.listPages {
					t.Errorf("got %d requests by address and %d pages, want %d and %d", got, pages, c.byAddress, c.listPages)
				}
			})
		})
	}
}

// TestPeopleLeaveWhileTheListIsRead expects the next lookup to read the list: that its last caller left says nothing about a list.
func TestPeopleLeaveWhileTheListIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(500)
		d := New(fake)
		lookUp := func(ctx context.Context, i int, want error) {
			t.Helper()
			if _, err := d.ByEmailAddress(ctx, testAddress(i)); !errors.Is(err, want) {
				t.Errorf("lookup %d: got the error %v, want %v", i, err, want)
			}
		}
		lookUp(t.Context(), 1, nil)
		lookUp(t.Context(), 2, nil)
		awaitList(t, d)
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		lookUp(short, 3, context.DeadlineExceeded)
		synctest.Wait()
		byAddress, pages := fake.counts[opByAddress], fake.counts[opPeople]
		lookUp(t.Context(), 4, nil)
		byAddress, pages = fake.counts[opByAddress]-byAddress, fake.counts[opPeople]-pages
		if byAddress != 0 || pages != 2 {
			t.Errorf("got %d requests by address and %d pages, want none and the 2 that are left", byAddress, pages)
		}
	})
}

// TestTheListAfterAFailure expects a list that failed to save requests again after a minute, and a list that was too slow never.
func TestTheListAfterAFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err              error
		delay            time.Duration
		byAddress, pages int
	}{
		"failed":   {errUnavailable, 0, 0, 3},
		"too slow": {nil, 2 * listLimit, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := newFakePeople(500)
				d := New(fake)
				lookUp := func(i int) {
					if users, err := d.ByEmailAddress(t.Context(), testAddress(i)); err != nil || len(users) != 1 {
						t.Errorf("lookup %d: got %v and the error %v, want one person", i, users, err)
					}
					awaitList(t, d)
				}
				lookUp(1)
				lookUp(2)
				fake.pageDelay = c.delay
				fake.fail = func(op string, _ []string) error {
					if op == opPeople {
						return c.err
					}
					return nil
				}
				lookUp(3)
				time.Sleep(listPause) // the time that the list is not read again
				fake.pageDelay, fake.fail = 0, nil
				byAddress, pages := fake.counts[opByAddress], fake.counts[opPeople]
				lookUp(4)
				byAddress, pages = fake.counts[opByAddress]-byAddress, fake.counts[opPeople]-pages
				if byAddress != c.byAddress || pages != c.pages {
					t.Errorf("got %d requests by address and %d pages, want %d and %d", byAddress, pages, c.byAddress, c.pages)
				}
			})
		})
	}
}

// TestLookupsShareARequest expects lookups that arrive further apart than usual to share a request, as on a busy machine.
func TestLookupsShareARequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(20)
		d := New(fake)
		var lookups sync.WaitGroup
		for i := range 6 {
			lookups.Go(func() {
				time.Sleep(time.Duration(i) * 15 * time.Millisecond)
				if _, err := d.ByEmailAddress(t.Context(), testAddress(i)); err != nil {
					t.Error(err)
				}
			})
		}
		lookups.Wait()
		if n := fake.total(); n != 1 {
			t.Errorf("got %d requests for lookups 15 ms apart, want 1", n)
		}
	})
}

// TestAnswerThatArrivesWhileARoundGathers expects a round to send nothing if its question was answered before the round began.
func TestAnswerThatArrivesWhileARoundGathers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(500)
		d := New(fake)
		lookUp := func() {
			if users, err := d.ByEmailAddress(t.Context(), testAddress(2)); err != nil || len(users) != 1 {
				t.Errorf("got %v and the error %v, want one person", users, err)
			}
		}
		var again sync.WaitGroup
		if _, err := d.ByEmailAddress(t.Context(), testAddress(1)); err != nil {
			t.Fatal(err)
		}
		fake.fail = func(op string, _ []string) error {
			if op == opByAddress {
				time.Sleep(time.Second) // until the number of pages is known, and the list is worth reading
				again.Go(lookUp)
				time.Sleep(quiet / 2)
			}
			return nil
		}
		lookUp()
		again.Wait()
		if got, pages := fake.counts[opByAddress], fake.counts[opPeople]; got != 2 || pages != 1 {
			t.Errorf("got %d requests by address and %d pages, want 2 and 1", got, pages)
		}
	})
}

// TestLargeLookups expects a lookup of many addresses to count as many requests as it takes.
func TestLargeLookups(t *testing.T) {
	t.Parallel()
	for addresses, want := range map[int]int{1: 1, 200: 1, 201: 2, 400: 2} {
		synctest.Test(t, func(t *testing.T) {
			d := New(newFakePeople(400))
			var all []string
			for i := range addresses {
				all = append(all, testAddress(i))
			}
			if _, err := d.ByEmailAddresses(t.Context(), all); err != nil || d.list.spent != want {
				t.Errorf("%d addresses: got the error %v and %d requests, want %d", addresses, err, d.list.spent, want)
			}
		})
	}
}

// TestPeopleWithoutTheList expects every lookup to succeed if the list of people fails, never ends or keeps changing (rule 13).
func TestPeopleWithoutTheList(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(f *fakePeople) error{
		"fails":    func(*fakePeople) error { return errUnavailable },
		"is slow":  func(*fakePeople) error { time.Sleep(time.Minute); return nil },
		"is moved": func(f *fakePeople) error { f.move(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := newFakePeople(1200)
				var pages atomic.Int32
				fake.fail = func(op string, _ []string) error {
					if op != opPeople {
						return nil
					}
					if pages.Add(1) == 1 {
						return nil
					}
					return fail(fake)
				}
				var addresses []string
				for i := range 60 {
					addresses = append(addresses, testAddress(i))
				}
				began := time.Now()
				d := New(fake)
				for _, address := range addresses {
					if users, err := d.ByEmailAddress(t.Context(), address); err != nil || len(users) != 1 {
						t.Errorf("%s: got %v and the error %v, want one person", address, users, err)
					}
				}
				if took := time.Since(began); took > 90*time.Second {
					t.Errorf("got results after %s, want them within 90 s", took)
				}
			})
		})
	}
}

// TestAbsencesAreConfirmed expects that no one is missing only because Kantata compares addresses exactly. One request that also finds
// someone in another case confirms this, or else the list. Either is done once for many addresses, and then kept.
func TestAbsencesAreConfirmed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		people, hidden int
		exact          bool
		first          []string // looked up before
		noUsers, pages int
	}{
		"case is ignored":                     {people: 500, first: []string{testAddress(1)}, noUsers: 1, pages: 1},
		"case is ignored, no one is known":    {people: 500, noUsers: 1, pages: 1},
		"case matters":                        {people: 500, exact: true, first: []string{testAddress(1)}, noUsers: 1, pages: 1 + 2*4},
		"case matters, no one is known":       {people: 500, exact: true, noUsers: 1, pages: 1 + 2*4},
		"one page, no one is known":           {people: 20, pages: 1},
		"the list is recent":                  {people: 20, first: []string{testAddress(1), testAddress(2)}, pages: 1},
		"case matters, and the count is high": {people: 500, exact: true, hidden: 1, noUsers: 1, pages: 1 + 2*5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := newFakePeople(c.people)
				fake.exact, fake.hidden = c.exact, c.hidden
				fake.people[c.people-1] = testUser(5000, "Zoe@Example.com")
				d := New(fake)
				for _, address := range c.first {
					if _, err := d.ByEmailAddress(t.Context(), address); err != nil {
						t.Fatal(err)
					}
					awaitList(t, d)
				}
				addresses := []string{"former1@example.com", "former2@example.com"}
				if c.exact {
					addresses = append(addresses, "zoe@example.com")
				}
				found, err := d.ByEmailAddresses(t.Context(), addresses)
				for i, address := range addresses {
					if got, want := len(found(address)), i/2; got != want || err != nil {
						t.Errorf("%s: got %d people and the error %v, want %d", address, got, err, want)
					}
				}
				awaitList(t, d)
				if noUsers, pages := fake.counts[opNoUsers], fake.counts[opPeople]; noUsers != c.noUsers || pages != c.pages {
					t.Errorf("got %d requests with a known person and %d pages, want %d and %d", noUsers, pages, c.noUsers, c.pages)
				}
				before := fake.total()
				if _, err := d.ByEmailAddresses(t.Context(), addresses); err != nil || fake.total() != before {
					t.Errorf("a second time: got the error %v and %d requests, want neither", err, fake.total()-before)
				}
			})
		})
	}
}

// TestLookupWhileAnAbsenceIsConfirmed expects a lookup to find someone whose absence another lookup has not confirmed yet.
func TestLookupWhileAnAbsenceIsConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(20)
		fake.exact, fake.pageDelay = true, 5*time.Second
		fake.people = append(fake.people, testUser(5000, "Zoe@Example.com"))
		d := New(fake)
		var lookups sync.WaitGroup
		for i := range 5 {
			lookups.Go(func() {
				time.Sleep(time.Duration(i) * 2 * time.Second)
				if users, err := d.ByEmailAddress(t.Context(), "zoe@example.com"); err != nil || len(users) != 1 {
					t.Errorf("lookup %d: got %v and the error %v, want one person", i, users, err)
				}
			})
		}
		lookups.Wait()
	})
}

// TestThatCaseMattersIsFoundOutOnce expects no second request with a known person after Kantata did not find one in another case.
func TestThatCaseMattersIsFoundOutOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(500)
		fake.exact = true
		d := New(fake)
		for range 2 {
			if users, err := d.ByEmailAddress(t.Context(), "former@example.com"); err != nil || len(users) != 0 {
				t.Errorf("got %v and the error %v, want no one", users, err)
			}
			time.Sleep(2 * exists)
		}
		if noUsers, pages := fake.counts[opNoUsers], fake.counts[opPeople]; noUsers != 1 || pages != 17 {
			t.Errorf("got %d requests with a known person and %d pages, want 1 and 17", noUsers, pages)
		}
	})
}

// TestTheKnownPerson expects someone whose address has capitals, because a request in lower case is what must find such people.
func TestTheKnownPerson(t *testing.T) {
	t.Parallel()
	d := New(newFakePeople(0))
	for _, c := range []struct {
		user kantata.User
		want string
	}{
		{kantata.User{ID: "1"}, ""}, {testUser(2, "b@example.com"), "2"},
		{testUser(3, "C@example.com"), "3"}, {testUser(4, "d@example.com"), "3"},
	} {
		if d.remember([]kantata.User{c.user}); string(d.known.ID) != c.want {
			t.Errorf("after user %s: got the known user %q, want %q", c.user.ID, d.known.ID, c.want)
		}
	}
}

// TestWhenAListThatIsReadOnceIsComplete expects only a single page to prove anything, if it has as many people as it counts.
func TestWhenAListThatIsReadOnceIsComplete(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		people, hidden int
		want           bool
	}{{0, 0, true}, {200, 0, true}, {199, 1, false}, {201, 0, false}, {500, 0, false}} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakePeople(c.people)
			fake.hidden = c.hidden
			read, complete, err := New(fake).readOnce(t.Context(), kantata.Page[kantata.User]{}, time.Time{})
			if err != nil || len(read.Rows) != c.people || complete != c.want {
				t.Errorf("%d people and %d hidden: got %d rows, complete %v and the error %v, want %v",
					c.people, c.hidden, len(read.Rows), complete, err, c.want)
			}
		})
	}
}

// TestAListThatWasReadOnceProvesNoAbsence expects someone to be found whom no page shows, because one person leaves and one arrives
// between the first page and the others, so that everyone moves by a place.
func TestAListThatWasReadOnceProvesNoAbsence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(400)
		fake.exact = true
		fake.people[200] = testUser(1000, "Jane@Example.com")
		d := New(fake)
		for i := range 2 {
			if _, err := d.ByEmailAddress(t.Context(), testAddress(300+i)); err != nil {
				t.Fatal(err)
			}
			awaitList(t, d) // the second lookup also requests the first page
		}
		fake.mu.Lock()
		fake.people = append(slices.Clone(fake.people[1:]), testUser(1001, "new@example.com"))
		fake.mu.Unlock()
		if users, err := d.ByEmailAddress(t.Context(), "jane@example.com"); err != nil || len(users) != 1 {
			t.Errorf("got %v and the error %v, want Jane, who is in the list", users, err)
		}
	})
}

// TestAnOldListProvesNoAbsence expects a list to prove absences for ten seconds, and such an absence to be kept no longer.
func TestAnOldListProvesNoAbsence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age  time.Duration // of the list when someone is added
		want int
	}{
		"recent": {8 * time.Second, 0},
		"old":    {40 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := newFakePeople(150)
				fake.exact = true
				d := New(fake)
				for i := range 2 {
					if _, err := d.ByEmailAddress(t.Context(), testAddress(i)); err != nil {
						t.Fatal(err)
					}
					awaitList(t, d) // the second lookup also requests the first page, which is the list
				}
				age(d, c.age)
				fake.mu.Lock()
				fake.people = append(slices.Clone(fake.people), testUser(1000, "Jane@Example.com"))
				fake.mu.Unlock()
				for _, want := range []int{c.want, 1} {
					if users, err := d.ByEmailAddress(t.Context(), "jane@example.com"); err != nil || len(users) != want {
						t.Errorf("got %v and the error %v, want %d people", users, err, want)
					}
					age(d, 3*time.Second)
				}
			})
		})
	}
}

// TestHowLongAListProvesAbsences expects ten seconds before the question, and a list that began after it.
func TestHowLongAListProvesAbsences(t *testing.T) {
	t.Parallel()
	asked := time.Now()
	for _, c := range []struct {
		complete bool
		age      time.Duration
		want     bool
	}{{true, 10 * time.Second, true}, {true, 10*time.Second + 1, false}, {true, -time.Minute, true}, {false, 0, false}} {
		if got := (list{complete: c.complete, began: asked.Add(-c.age)}).proves(asked); got != c.want {
			t.Errorf("complete %v, %s before the question: got %v, want %v", c.complete, c.age, got, c.want)
		}
	}
}

// TestAnOldFirstPageIsReadAgain expects a list to be no older than it may take.
func TestAnOldFirstPageIsReadAgain(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]int{listLimit: 3, listLimit + 1: 4} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakePeople(500)
			d := New(fake)
			d.readFirstPage(t.Context())
			time.Sleep(age - time.Since(d.list.firstBegan))
			if err := d.readList(t.Context()); err != nil || fake.counts[opPeople] != want {
				t.Errorf("after %s: got the error %v and %d pages, want %d", age, err, fake.counts[opPeople], want)
			}
		})
	}
}

// TestReadingsOfTheListThatEnd expects the error of a first page that fails, and that of a context that ends while another lookup reads.
func TestReadingsOfTheListThatEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(500)
		fake.fail = func(string, []string) error { return errUnavailable }
		d := New(fake)
		if err := d.readList(t.Context()); !errors.Is(err, errUnavailable) {
			t.Errorf("got the error %v, want %v", err, errUnavailable)
		}
		if err := d.reading.Acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		before := fake.total()
		d.readFirstPage(ctx)
		for _, err := range []error{d.readList(ctx), d.proveList(ctx, time.Now())} {
			if !errors.Is(err, context.DeadlineExceeded) || fake.total() != before {
				t.Errorf("got the error %v and %d requests, want %v and none", err, fake.total()-before, context.DeadlineExceeded)
			}
		}
	})
}

// TestOnlyTheListProvesAnAbsence expects an error if no one is found and the list fails: Kantata may compare addresses exactly. The person
// is found as soon as the list can be read, also if the list is too slow to save requests.
func TestOnlyTheListProvesAnAbsence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		delay time.Duration
		want  error
	}{
		"fails":         {err: errUnavailable, want: errUnavailable},
		"never ends":    {delay: time.Hour, want: context.DeadlineExceeded},
		"takes a while": {delay: 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := newFakePeople(20)
				fake.exact, fake.pageDelay = true, c.delay
				fake.people = append(fake.people, testUser(5000, "Zoe@Example.com"))
				failing := true
				fake.fail = func(op string, _ []string) error {
					if failing && op == opPeople {
						return c.err
					}
					return nil
				}
				d := New(fake)
				began := time.Now()
				for range 3 {
					if users, err := d.ByEmailAddress(t.Context(), "zoe@example.com"); !errors.Is(err, c.want) || err == nil && len(users) != 1 {
						t.Errorf("got %v and the error %v, want one person or %v", users, err, c.want)
					}
				}
				if took := time.Since(began); took > proofLimit+5*time.Second {
					t.Errorf("got results after %s, want them within 65 s", took)
				}
				failing, fake.pageDelay = false, 0
				time.Sleep(listPause + time.Second)
				if users, err := d.ByEmailAddress(t.Context(), "zoe@example.com"); err != nil || len(users) != 1 {
					t.Errorf("afterward: got %v and the error %v, want one person", users, err)
				}
			})
		})
	}
}

// TestARefusedAddressFailsAlone expects that one address which Kantata refuses does not fail those that are looked up with it.
func TestARefusedAddressFailsAlone(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{errInvalid, errRefusedByProxy, kantata.ErrHiddenAddress} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakePeople(20)
			const bad = "bad@example"
			fake.fail = func(_ string, addresses []string) error {
				if slices.Contains(addresses, bad) {
					return refusal
				}
				return nil
			}
			d := New(fake)
			var lookups sync.WaitGroup
			for i := range 10 {
				lookups.Go(func() {
					if users, err := d.ByEmailAddress(t.Context(), testAddress(i)); err != nil || len(users) != 1 {
						t.Errorf("%s: got %v and the error %v, want one person", testAddress(i), users, err)
					}
				})
			}
			lookups.Go(func() {
				if _, err := d.ByEmailAddress(t.Context(), bad); !errors.Is(err, refusal) {
					t.Errorf("%s: got the error %v, want %v", bad, err, refusal)
				}
			})
			lookups.Wait()
			if n := fake.counts[opByAddress]; n > 10 {
				t.Errorf("got %d requests, want at most 10", n)
			}
		})
	}
}

// TestAllAddressesAreRefused expects few requests if Kantata refuses all, and that a few addresses that are refused do not fail the others.
func TestAllAddressesAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ refused, failed, most int }{{200, 200, 20}, {3, 3, 50}} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakePeople(200)
			fake.fail = func(_ string, addresses []string) error {
				for i := range c.refused {
					if slices.Contains(addresses, testAddress(i)) {
						return errInvalid
					}
				}
				return nil
			}
			d, failed := New(fake), atomic.Int32{}
			var lookups sync.WaitGroup
			for i := range 200 {
				lookups.Go(func() {
					if _, err := d.ByEmailAddress(t.Context(), testAddress(i)); err != nil {
						failed.Add(1)
					}
				})
			}
			lookups.Wait()
			if n := fake.counts[opByAddress]; int(failed.Load()) != c.failed || n > c.most {
				t.Errorf("%d addresses are refused: %d lookups failed after %d requests, want %d after at most %d",
					c.refused, failed.Load(), n, c.failed, c.most)
			}
		})
	}
}

// TestARejectedTokenIsReportedOnce expects no further requests after an error that smaller requests cannot avoid.
func TestARejectedTokenIsReportedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(20)
		rejected := apiError(http.StatusUnauthorized, kantata.OutcomeNotDone)
		fake.fail = func(string, []string) error { return rejected }
		d := New(fake)
		if _, err := d.ByEmailAddresses(t.Context(), []string{testAddress(1), testAddress(2)}); !errors.Is(err, rejected) || fake.total() != 1 {
			t.Errorf("got the error %v after %d requests, want %v after 1", err, fake.total(), rejected)
		}
	})
}

// TestPeopleLeave expects a request to end when its last caller leaves, and not before (rule 9).
func TestPeopleLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(20)
		d := New(fake)
		lookUp := func(ctx context.Context, i int) <-chan error {
			result := make(chan error, 1)
			go func() {
				_, err := d.ByEmailAddress(ctx, testAddress(i))
				result <- err
			}()
			return result
		}
		first, cancelFirst := context.WithCancel(t.Context())
		leaves, stays := lookUp(first, 1), lookUp(t.Context(), 2)
		time.Sleep(50 * time.Millisecond)
		cancelFirst()
		if err := <-leaves; !errors.Is(err, context.Canceled) {
			t.Errorf("got the error %v, want %v", err, context.Canceled)
		}
		if err := <-stays; err != nil || len(fake.ended) != 0 {
			t.Errorf("got the error %v and the ended requests %v, want neither", err, fake.ended)
		}
		second, cancelSecond := context.WithCancel(t.Context())
		leaves = lookUp(second, 3)
		time.Sleep(50 * time.Millisecond)
		cancelSecond()
		if err := <-leaves; !errors.Is(err, context.Canceled) {
			t.Errorf("got the error %v, want %v", err, context.Canceled)
		}
		synctest.Wait()
		if n := fake.ended[opByAddress]; n != 1 {
			t.Errorf("got %d ended requests, want 1", n)
		}
	})
}

// TestEmailAddressesOfPeople bounds the cost of an export: a request for each 200 people. Kantata returns no deactivated person, who is
// requested once.
func TestEmailAddressesOfPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(398)
		d := New(fake)
		ids := []kantata.ID{"900001", "900002"}
		for _, u := range fake.people {
			ids = append(ids, u.ID, u.ID)
		}
		for run, most := range []int{2, 0} {
			before := fake.total()
			addresses, err := d.EmailAddresses(t.Context(), ids)
			if err != nil {
				t.Fatal(err)
			}
			if got := fake.total() - before; got > most {
				t.Errorf("run %d: got %d requests, want at most %d", run, got, most)
			}
			for _, u := range fake.people {
				if got := addresses[u.ID]; got == nil || *got != *u.EmailAddress {
					t.Errorf("user %s: got %v, want %s", u.ID, got, *u.EmailAddress)
				}
			}
			if addresses["900001"] != nil || addresses["900002"] != nil {
				t.Errorf("got an address of a deactivated person, want none")
			}
		}
		time.Sleep(2 * time.Minute)
		before := fake.total()
		if _, err := d.EmailAddresses(t.Context(), []kantata.ID{"900001", "900002", "1"}); err != nil || fake.total()-before != 1 {
			t.Errorf("got the error %v and %d requests, want one for the person whose address is two minutes old", err, fake.total()-before)
		}
		fake.fail = func(string, []string) error { return errForbidden }
		if _, err := d.EmailAddresses(t.Context(), []kantata.ID{"900003"}); !errors.Is(err, errForbidden) {
			t.Errorf("got the error %v, want %v", err, errForbidden)
		}
	})
}

// TestEmailAddressesOnSeveralPages expects the addresses of all people even if Kantata returns fewer people than were requested.
func TestEmailAddressesOnSeveralPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(190)
		fake.idsPerPage = 50
		ids := []kantata.ID{"900001"}
		for _, u := range fake.people {
			ids = append(ids, u.ID)
		}
		addresses, err := New(fake).EmailAddresses(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range fake.people {
			if addresses[u.ID] == nil {
				t.Errorf("user %s: got no address, want %s", u.ID, *u.EmailAddress)
			}
		}
		if n := fake.total(); n != 4 {
			t.Errorf("got %d requests, want 4", n)
		}
	})
}

// TestEmailAddressesInSmallRequests expects all addresses if a proxy refuses long requests, and few requests if it refuses all.
func TestEmailAddressesInSmallRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ accepted, requests int }{{100, 3}, {0, 8}} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakePeople(200)
			var ids []kantata.ID
			for _, u := range fake.people {
				ids = append(ids, u.ID)
			}
			fake.fail = func(_ string, requested []string) error {
				if len(requested) > c.accepted {
					return errRefusedByProxy
				}
				return nil
			}
			addresses, err := New(fake).EmailAddresses(t.Context(), ids)
			if (err == nil) != (c.accepted > 0) || len(addresses) != 2*c.accepted || fake.total() != c.requests {
				t.Errorf("at most %d IDs are accepted: got %d addresses and the error %v after %d requests, want %d addresses after %d",
					c.accepted, len(addresses), err, fake.total(), 2*c.accepted, c.requests)
			}
		})
	}
}

// TestExportsEndWithTheirContexts expects an export that waits for another one to end with its context (rule 9).
func TestExportsEndWithTheirContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakePeople(20)
		d := New(fake)
		first := make(chan error, 1)
		go func() {
			_, err := d.EmailAddresses(t.Context(), []kantata.ID{"1"})
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := d.EmailAddresses(ctx, []kantata.ID{"2"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got the error %v, want %v", err, context.DeadlineExceeded)
		}
		if err := <-first; err != nil || fake.total() != 1 {
			t.Errorf("got the error %v and %d requests, want none and 1", err, fake.total())
		}
	})
}
