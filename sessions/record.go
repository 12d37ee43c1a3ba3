package sessions

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"

	"github.com/headless-auth/headless/store"
)

// A record is a session and its user in few bytes, but for the token's hash and
// the password's, of which it knows only that there is one. Whatever else comes
// out is what went in.
//
// First a word says which numbers and texts follow, and which are zero or
// empty. A number is written as its difference from what it is likely to be. A
// text is written with its length, in the alphabet of text.go.
type record struct {
	session store.Session
	user    store.User
}

// numbers is how many each record has; the bits of the texts follow theirs.
const numbers = 16

// numbersOf are a record's numbers, each less what it is likely to be. A
// session's likely life is in microseconds.
func numbersOf(s *store.Session, u *store.User, life int64) [numbers]int64 {
	seen, made := s.SeenAt.UnixMicro(), s.CreatedAt.UnixMicro()
	return [numbers]int64{
		identifier(s.ID), identifier(u.ID), ipv4(s.IP),
		made - recent, seen - made, s.ExpiresAt.UnixMicro() - seen - life,
		s.Epoch, s.Version, s.Generation, s.RefreshedAt.UnixMicro() - never,
		u.CreatedAt.UnixMicro() - made, u.LastLoginAt.UnixMicro() - made, u.DeactivatedAt.UnixMicro() - never,
		u.Epoch - s.Epoch, u.Version, boolean[u.Disabled],
	}
}

// setNumbers is the reverse of numbersOf, but for those that stand for texts.
func (x *record) setNumbers(n *[numbers]int64, life int64) {
	s, u := &x.session, &x.user
	made := n[3] + recent
	seen := n[4] + made
	s.CreatedAt, s.SeenAt, s.ExpiresAt = moment(made), moment(seen), moment(n[5]+seen+life)
	s.Epoch, s.Version, s.Generation, s.RefreshedAt = n[6], n[7], n[8], moment(n[9]+never)
	u.CreatedAt, u.LastLoginAt, u.DeactivatedAt = moment(n[10]+made), moment(n[11]+made), moment(n[12]+never)
	u.Epoch, u.Version, u.Disabled = n[13]+s.Epoch, n[14], n[15] != 0
}

var (
	boolean = map[bool]int64{true: 1}
	recent  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	never   = time.Time{}.UnixMicro()
)

func moment(micro int64) time.Time { return time.UnixMicro(micro).UTC() }

// identifier reads an id that is a number; of others it makes 0.
func identifier(id string) int64 {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && n > 0 && strconv.FormatInt(n, 10) == id {
		return n
	}
	return 0
}

// ipv4 reads an address; of others than those of version 4 it makes 0.
func ipv4(text string) int64 {
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() && a.String() == text {
		b := a.As4()
		return int64(binary.BigEndian.Uint32(b[:]))
	}
	return 0
}

// The texts of a record, in order. The first three may be numbers.
const (
	textSessionID = iota
	textUserID
	textIP
	textEmail
	textUsername
	textPassword // empty if it is usable
	textMethods
	textUserAgent
	textFirstName
	textLastName
	textFields
	textState
	texts

	hasPassword = 1 << 31
)

func textsOf(s *store.Session, u *store.User, n *[numbers]int64) [texts]string {
	t := [texts]string{
		textSessionID: s.ID, textUserID: u.ID, textIP: s.IP, textEmail: u.Email, textUsername: u.Username, textMethods: string(s.Methods),
		textUserAgent: s.UserAgent, textFirstName: u.FirstName, textLastName: u.LastName, textFields: string(u.Fields), textState: string(s.State),
	}
	for i := range textEmail {
		if n[i] != 0 {
			t[i] = ""
		}
	}
	if !u.Password.Usable() {
		t[textPassword] = string(u.Password)
	}
	return t
}

// encodeRecord appends a session and its user to b.
func encodeRecord(b []byte, s *store.Session, u *store.User, life int64) []byte {
	start, there := len(b), uint32(0)
	b = append(b, 0, 0, 0, 0)
	n := numbersOf(s, u, life)
	for i, v := range n {
		if v != 0 {
			there |= 1 << i
			b = binary.AppendVarint(b, v)
		}
	}
	var known alphabet
	for i, t := range textsOf(s, u, &n) {
		if t != "" {
			there |= 1 << (numbers + i)
			b = known.append(b, t)
		}
		if i == textEmail {
			known = alphabet{u.Email, string(appendLogin(nil, s))}
		}
	}
	if u.Password.Usable() {
		there |= hasPassword
	}
	binary.LittleEndian.PutUint32(b[start:], there)
	return b
}

// appendLogin writes when somebody logged in, as records of authentication do:
// in seconds, without zeros at the end.
func appendLogin(b []byte, s *store.Session) []byte {
	micro := s.CreatedAt.UnixMicro()
	if micro < 0 {
		return b
	}
	b = strconv.AppendInt(b, micro/1e6, 10)
	rest := micro % 1e6
	if rest == 0 {
		return b
	}
	b = append(b, '.')
	for unit := int64(1e5); rest > 0; unit /= 10 {
		b = append(b, byte('0'+rest/unit))
		rest %= unit
	}
	return b
}

// decodeRecord is the reverse of encodeRecord.
func decodeRecord(b []byte, life int64) (*store.Session, *store.User) {
	x := &record{}
	s, u := &x.session, &x.user
	there := binary.LittleEndian.Uint32(b)
	b = b[4:]
	var buf [512]byte
	text := buf[:0]
	var n [numbers]int64
	for i := range n {
		if there&(1<<i) != 0 {
			size := 0
			n[i], size = binary.Varint(b)
			b = b[size:]
		}
	}
	x.setNumbers(&n, life)
	var ends [texts]int
	var email []byte
	for i := range ends {
		switch {
		case there&(1<<(numbers+i)) != 0:
			text, b = x.read(text, b, email)
		case i == textIP && n[i] != 0:
			text = netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n[i])))).AppendTo(text) //nolint:gosec // as it was written
		case i < textIP && n[i] != 0:
			text = strconv.AppendInt(text, n[i], 10)
		}
		if ends[i] = len(text); i == textEmail {
			email = text[ends[textIP]:]
		}
	}
	all := string(text) // all are parts of one
	t := func(i int) string {
		if i == 0 {
			return all[:ends[0]]
		}
		return all[ends[i-1]:ends[i]]
	}
	s.ID, s.IP, s.UserAgent, s.Methods, s.State = t(textSessionID), t(textIP), t(textUserAgent), filled(t(textMethods)), filled(t(textState))
	u.ID, u.Email, u.Username, u.Password = t(textUserID), t(textEmail), t(textUsername), store.PasswordHash(t(textPassword))
	u.FirstName, u.LastName, u.Fields = t(textFirstName), t(textLastName), filled(t(textFields))
	s.UserID = u.ID
	if there&hasPassword != 0 {
		u.Password = store.PasswordNotTold
	}
	return s, u
}

// filled is a text as bytes, and nil if it is empty.
func filled(t string) []byte {
	if t == "" {
		return nil
	}
	return []byte(t)
}
