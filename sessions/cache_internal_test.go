package sessions

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

const fortnight = 14 * 24 * time.Hour

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// agents are what browsers call themselves.
var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%d.5 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (X11; Linux x86_64; rv:%[1]d.0) Gecko/20100101 Firefox/%[1]d.0",
	"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%d.4 Safari/605.1.15",
	"example/%d.1 CFNetwork/1490.0.4 Darwin/23.2.0",
}

// member is a session as a store would return it: of a user who has logged in
// with a password, i weeks after another.
func member(i int, password store.PasswordHash) (*store.Session, *store.User) {
	hash := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))) //nolint:gosec // a test's number
	login := noon.Add(-time.Duration(rand.N(10*24*3600*1_000_000)) * time.Microsecond)
	seen := login.Add(time.Duration(rand.N(3600*1_000_000)) * time.Microsecond)
	email := fmt.Sprintf("member.%d@mail%d.example.org", i, i%50)
	at, _ := json.Marshal(float64(login.UnixMicro()) / 1e6)
	u := &store.User{
		ID: strconv.Itoa(100_000 + i), Username: fmt.Sprintf("member%d", i), Email: email, Password: password,
		CreatedAt: login.Add(-time.Duration(rand.N(400*24)) * time.Hour), LastLoginAt: login, Version: 3,
	}
	s := &store.Session{
		ID: strconv.Itoa(1_000_000 + i), TokenHash: hash[:], UserID: u.ID, IP: fmt.Sprintf("203.0.%d.%d", rand.N(256), rand.N(256)),
		Methods: store.Methods(fmt.Sprintf(`[{"method":"password","at":%s,"email":"%s"}]`, at, email)), UserAgent: fmt.Sprintf(agents[i%len(agents)], 90+rand.N(60)),
		CreatedAt: login, SeenAt: seen, ExpiresAt: seen.Add(fortnight), Version: 1,
	}
	return s, u
}

// hashed is a hash as ours are.
const hashed store.PasswordHash = "argon2$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IG9mIDE2IQ$dGhlIHRhZyBvZiBhIHBhc3N3b3JkLCAzMiBieXRlcyE"

// same compares with what a store would return, but for a password's hash.
func same(t *testing.T, s, wantS *store.Session, u, wantU *store.User) {
	t.Helper()
	if !reflect.DeepEqual(s, wantS) {
		t.Fatalf("got  %+v\nwant %+v", s, wantS)
	}
	want := *wantU
	if want.Password.Usable() {
		want.Password = store.PasswordNotTold
	}
	if !reflect.DeepEqual(u, &want) || u.Password != want.Password {
		t.Fatalf("got  %+v %q\nwant %+v %q", u, string(u.Password), want, string(want.Password))
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	full, u := member(1, hashed)
	full.State, u.Fields, u.FirstName, u.LastName = []byte("\x00\x01\xff state"), json.RawMessage(`{"tel":"+41791234567"}`), "Zoë", "Ångström"
	full.Epoch, full.Generation, full.RefreshedAt = 7, 3, noon
	u.Epoch, u.Disabled, u.DeactivatedAt = 8, true, noon
	odd, oddUser := member(2, "!")
	odd.ID, odd.UserID, oddUser.ID = "01", "user-α", "user-α"
	odd.IP, odd.UserAgent, odd.ExpiresAt = "2001:db8::1", "\x7f\x80\xff\x00\x1f", time.Time{}
	bare := &store.Session{UserID: "x"}
	for name, c := range map[string]struct {
		s *store.Session
		u *store.User
	}{
		"all of it": {full, u}, "odd": {odd, oddUser}, "next to nothing": {bare, &store.User{ID: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, u := decodeRecord(encodeRecord(nil, c.s, c.u, 5), 5)
			s.TokenHash = c.s.TokenHash
			same(t, s, c.s, u, c.u)
		})
	}
	if n := len(phrases); n > 255-int(upper)+visible-lowest {
		t.Errorf("there are %d phrases, more than codes", n)
	}
}

func FuzzRecord(f *testing.F) {
	s, u := member(1, hashed)
	f.Add(s.ID, u.ID, u.Email, u.Username, string(u.Password), string(s.Methods), s.IP, s.UserAgent, []byte("state"), int64(5), int64(1), int64(0))
	f.Add("", "-1", "\xff", "\x00", "$", "[]", "", "argon2argon2", []byte{}, int64(-1)<<50, int64(1)<<50, int64(-1))
	f.Fuzz(func(t *testing.T, sid, uid, email, username, password, methods, ip, agent string, state []byte, made, seen, epoch int64) {
		const far = 1 << 55 // some thousand years
		s := &store.Session{ID: sid, UserID: uid, Methods: filled(methods), IP: ip, UserAgent: agent, State: filled(string(state)),
			CreatedAt: moment(made % far), SeenAt: moment(seen % far), Epoch: epoch, Version: made}
		u := &store.User{ID: uid, Email: email, Username: username, Password: store.PasswordHash(password), FirstName: agent, Epoch: seen}
		gotS, gotU := decodeRecord(encodeRecord(nil, s, u, 5), 5)
		same(t, gotS, s, gotU, u)
	})
}

func TestCache(t *testing.T) {
	t.Parallel()
	const moment = 5 * time.Second
	// kept reports whether a session is remembered, and checks that it is the
	// one.
	kept := func(t *testing.T, c *cache, s *store.Session, u *store.User, now time.Time) bool {
		t.Helper()
		gotS, gotU, _ := c.get(s.TokenHash, now)
		if gotS == nil {
			return false
		}
		same(t, gotS, s, gotU, u)
		return true
	}

	t.Run("a session is remembered for a moment", func(t *testing.T) {
		t.Parallel()
		c := newCache(moment, 100, fortnight)
		s, u := member(1, hashed)
		c.put(s, u, c.begin(noon))
		if !kept(t, c, s, u, noon.Add(moment-time.Microsecond)) || kept(t, c, s, u, noon.Add(moment)) {
			t.Error("it is not remembered for a moment, or for longer")
		}
	})
	t.Run("what was read before a drop is no answer after it", func(t *testing.T) {
		t.Parallel()
		c := newCache(moment, 100, fortnight)
		s, u := member(1, hashed)
		early := c.begin(noon)
		c.drop(u.ID)
		c.put(s, u, early)
		if kept(t, c, s, u, noon) {
			t.Error("a reading from before the drop came back")
		}
		late := c.begin(noon)
		c.put(s, u, late)
		c.put(s, u, early) // the slower of two
		if !kept(t, c, s, u, noon) {
			t.Error("a reading from after the drop is not remembered")
		}
		c.drop(u.ID)
		if kept(t, c, s, u, noon) {
			t.Error("it is still there after the drop")
		}
		all := c.begin(noon)
		c.dropAll()
		c.put(s, u, all)
		if kept(t, c, s, u, noon) {
			t.Error("a reading from before everybody was dropped came back")
		}
	})
	t.Run("a session that is touched counts no longer", func(t *testing.T) {
		t.Parallel()
		c := newCache(moment, 100, fortnight)
		s, u := member(1, hashed)
		c.put(s, u, c.begin(noon))
		_, _, r := c.get(s.TokenHash, noon.Add(3*time.Second))
		s.SeenAt = noon.Add(3 * time.Second)
		c.put(s, u, r)
		if !kept(t, c, s, u, noon.Add(moment-1)) || kept(t, c, s, u, noon.Add(moment)) {
			t.Error("the touch changed how long it counts")
		}
	})
	t.Run("a session that seems over is asked for", func(t *testing.T) {
		t.Parallel()
		c := newCache(moment, 100, fortnight)
		s, u := member(1, hashed)
		s.ExpiresAt = noon.Add(time.Second)
		c.put(s, u, c.begin(noon))
		if kept(t, c, s, u, noon.Add(time.Second)) {
			t.Error("it may have been prolonged elsewhere")
		}
	})
	t.Run("who hears nothing remembers nothing", func(t *testing.T) {
		t.Parallel()
		c := newCache(moment, 100, fortnight)
		s, u := member(1, hashed)
		c.put(s, u, c.begin(noon))
		c.deaf.Add(1)
		if kept(t, c, s, u, noon) {
			t.Error("it is remembered")
		}
	})
	for _, size := range []int{1, 3, 100, 5000} {
		t.Run(fmt.Sprintf("at most %d, the youngest", size), func(t *testing.T) {
			t.Parallel()
			c := newCache(moment, size, fortnight)
			for i := range 3 * size {
				s, u := member(i, hashed)
				c.put(s, u, c.begin(noon))
				if !kept(t, c, s, u, noon) {
					t.Fatalf("the last of %d is not remembered", i+1)
				}
			}
			n, b := c.held()
			if n > size || n < size/2 {
				t.Errorf("%d are remembered", n)
			}
			t.Logf("%d sessions in %d bytes", n, b)
			// What is over makes room.
			s, u := member(3*size, hashed)
			for i := range len(c.shards) {
				s.TokenHash[keySize-1] = byte(i)
				c.put(s, u, c.begin(noon.Add(moment)))
			}
			if n, _ := c.held(); n != len(c.shards) {
				t.Errorf("%d are kept, though all but the last are over", n)
			}
		})
	}
	t.Run("after any number of blocks", func(t *testing.T) {
		t.Parallel()
		for _, first := range []uint32{1<<(32-offsetBits) - 3, 1<<32 - 3} {
			c := newCache(moment, 100, fortnight)
			c.shards[0].first = first
			for i := range 300 {
				s, u := member(i, hashed)
				c.put(s, u, c.begin(noon))
				for j := max(i-80, 0); j <= i; j += 10 {
					hash := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(j))) //nolint:gosec // a test's number
					if s, _, _ := c.get(hash[:], noon); s == nil || s.ID != strconv.Itoa(1_000_000+j) {
						t.Fatalf("%d is lost after %d", j, i)
					}
				}
			}
			if n, _ := c.held(); n < 80 {
				t.Errorf("%d are left", n)
			}
		}
	})
	t.Run("bytes are bounded as well", func(t *testing.T) {
		t.Parallel()
		const size = 1000
		c := newCache(moment, size, fortnight)
		for i := range 3 * size {
			s, u := member(i, hashed)
			u.Fields = json.RawMessage(`"` + string(make([]byte, 1500)) + `"`)
			c.put(s, u, c.begin(noon))
			if i%100 == 0 { // this one is too large
				u.Fields = make([]byte, maxRecord)
				s.TokenHash = make([]byte, 32)
				c.put(s, u, c.begin(noon))
				if kept(t, c, s, u, noon) {
					t.Fatal("a record of any size is kept")
				}
			}
		}
		if n, b := c.held(); b > 2*size*fairSize || n < 50 {
			t.Errorf("%d sessions in %d bytes", n, b)
		}
	})
}

// TestCacheUnderLoad is for the race detector: everybody at once, and no answer
// is ever older than a drop that had ended before the question.
func TestCacheUnderLoad(t *testing.T) {
	t.Parallel()
	const users, rounds = 20, 2000
	c := newCache(time.Minute, 64, fortnight)
	var mu [users]sync.Mutex
	var versions [users]int64 // what the "store" has
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1)) //nolint:gosec // a test
			for range rounds {
				i := r.IntN(users)
				s, u := member(i, "")
				mu[i].Lock()
				known := versions[i]
				mu[i].Unlock()
				if _, got, _ := c.get(s.TokenHash, noon); got != nil && got.Version < known {
					t.Errorf("version %d was remembered, but %d had been announced", got.Version, known)
					return
				}
				if w == 0 {
					v := known + 1 // the only writer
					c.drop(u.ID)
					mu[i].Lock()
					versions[i] = v
					mu[i].Unlock()
					c.drop(u.ID)
					continue
				}
				reading := c.begin(noon)
				mu[i].Lock()
				u.Version = versions[i]
				mu[i].Unlock()
				c.put(s, u, reading)
			}
		})
	}
	wg.Wait()
}

// heap is what the process holds once it has been cleaned up.
func heap() (bytes, objects uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.HeapObjects
}

// TestCacheMemory measures what a hundred thousand sessions cost. Not
// parallel: it looks at the whole process's heap.
func TestCacheMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a second, or many under the race detector")
	}
	const n = 100_000
	const most = 130.0 // bytes a session
	for name, password := range map[string]store.PasswordHash{"users with passwords": hashed, "users without": "!"} {
		t.Run(name, func(t *testing.T) {
			bytes, objects := heap()
			kept := newCache(time.Minute, n, fortnight)
			for i := range n {
				s, u := member(i, password)
				kept.put(s, u, kept.begin(noon.Add(time.Duration(i)*50*time.Microsecond)))
			}
			more, moreObjects := heap()
			held, counted := kept.held()
			each, pieces := float64(more-bytes)/float64(held), float64(moreObjects-objects)/float64(held)
			t.Logf("%d sessions, %.1f bytes and %.4f objects each; counted %.1f", held, each, pieces, float64(counted)/float64(held))
			if held < n*9/10 || each > most || pieces > 0.05 {
				t.Errorf("%d sessions of %d, with %.1f bytes and %.4f objects each; want at most %.0f, and next to none", held, n, each, pieces, most)
			}
			runtime.KeepAlive(kept)
		})
	}
}

func BenchmarkCache(b *testing.B) {
	c := newCache(time.Minute, 100_000, fortnight)
	hashes := make([][]byte, 50_000)
	for i := range hashes {
		s, u := member(i, hashed)
		hashes[i] = s.TokenHash
		c.put(s, u, c.begin(noon))
	}
	s, u := member(1, hashed)
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if s, _, _ := c.get(hashes[i%len(hashes)], noon); s == nil {
				b.Fatal("a session is missing")
			}
		}
	})
	b.Run("put", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.put(s, u, c.begin(noon))
		}
	})
	b.Run("drop", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.drop(u.ID)
		}
	})
}
