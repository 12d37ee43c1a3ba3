package faultproxy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Fault is what happens at a statement. Where another protocol than
// PostgreSQL's is spoken, a statement is what the client sends at once.
type Fault int

const (
	// Before ends the connection: the server never hears of the statement.
	Before Fault = iota + 1
	// After ends the connection when the server has run the statement: nobody
	// hears the answer.
	After
	// Outage ends all connections, as Before, and refuses new ones.
	Outage
	// Hole falls silent from the statement on.
	Hole
	// Slow keeps the statement back for [Plan].Delay.
	Slow
	// LostCommit is After, and counts commits alone.
	LostCommit
)

// Plan is a fault and the number of the statement that it comes with, from 1.
type Plan struct {
	Fault Fault
	At    int
	Delay time.Duration
	// Then, if set, is called as it happens, from the proxy's goroutine; after
	// the statement, where that is what the fault is.
	Then func()
}

// Arm begins to count, and has something go wrong.
func (p *Proxy) Arm(plan Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.seen, p.turns, p.fired, p.committing = plan, 0, 0, false, false
}

// AtCommit reports whether what it has gone wrong at was a commit, or was sent
// with one.
func (p *Proxy) AtCommit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.committing
}

// Fired reports whether it has gone wrong since the proxy was armed, and how
// many statements were seen.
func (p *Proxy) Fired() (fired bool, seen int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired, p.seen
}

// Turns tells how often the server has answered all that it was asked since the
// proxy was armed: the times that the way had to be gone and come back.
func (p *Proxy) Turns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.turns
}

// A message is a type, a length that includes itself, and that much less 4.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
func message(r *bufio.Reader, typed bool) (kind byte, whole []byte, err error) {
	head := make([]byte, 4, 5)
	if typed {
		head = head[:5]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[len(head)-4:])
	if n < 4 || n > 64<<20 {
		return 0, nil, fmt.Errorf("a message of %d bytes", n)
	}
	whole = make([]byte, len(head)+int(n)-4)
	copy(whole, head)
	_, err = io.ReadFull(r, whole[len(head):])
	return head[0], whole, err
}

// statements carries what the client says, and counts.
func (l *link) statements() {
	r := bufio.NewReaderSize(l.client, 1<<16)
	var out []byte
	var unit []bool                      // the statements that are sent together: which are commits
	commits := map[string]bool{}         // which prepared statements are
	commit := false                      // whether the next one to be run is
	for typed := false; ; typed = true { // the first message has no type
		kind, whole, err := message(r, typed)
		if err != nil {
			return
		}
		if typed {
			first, rest, _ := strings.Cut(string(whole[5:]), "\x00")
			switch kind {
			case 'P': // a name, and the statement
				commits[first] = isCommit(rest)
			case 'B': // a portal, and a statement's name
				name, _, _ := strings.Cut(rest, "\x00")
				commit = commits[name]
			case 'E':
				unit = append(unit, commit)
			case 'Q':
				unit = append(unit, isCommit(first))
			}
		}
		out = append(out, whole...)
		if typed && strings.IndexByte("PBDEC", kind) >= 0 && len(out) < 1<<20 {
			continue // a Sync will follow
		}
		for _, commit := range unit {
			if l.step(commit, slices.Contains(unit, true)) != nil {
				return
			}
		}
		unit = unit[:0]
		// What is sent together goes together: one batch is one packet.
		if r.Buffered() > 0 && len(out) < 1<<20 {
			continue
		}
		if l.write(l.server, out, true) != nil {
			return
		}
		out = out[:0]
	}
}

func isCommit(statement string) bool {
	return strings.HasPrefix(strings.ToLower(statement), "commit")
}

// step counts a statement, and does what is planned for it. A commit may be among
// what is sent with it.
func (l *link) step(commit, committing bool) error {
	p := l.proxy
	p.mu.Lock()
	plan := p.plan
	if plan.Fault == LostCommit && !commit || l.over {
		p.mu.Unlock()
		return nil
	}
	p.seen++
	if plan.Fault == 0 || p.fired || p.seen != plan.At {
		p.mu.Unlock()
		return nil
	}
	p.fired, p.committing = true, committing
	var err error
	switch plan.Fault {
	case Before:
		l.end()
		err = errPlanned
	case After, LostCommit:
		l.deaf, l.then = true, plan.Then
		plan.Then = nil
	case Outage:
		p.set(Cut)
		err = errPlanned
	case Hole:
		p.set(Silent)
	}
	p.mu.Unlock()
	if plan.Then != nil {
		plan.Then()
	}
	if plan.Fault == Slow {
		time.Sleep(plan.Delay) // the network's part, which is what is tested
	}
	return err
}

// answers carries what the server says. A deaf link ends once the server is
// ready for more.
func (l *link) answers() {
	r := bufio.NewReader(l.server)
	for {
		kind, whole, err := message(r, true)
		if err != nil {
			return
		}
		l.proxy.mu.Lock()
		if kind == 'Z' { // ReadyForQuery
			l.proxy.turns++
		}
		deaf := l.deaf
		l.proxy.mu.Unlock()
		if deaf {
			if kind == 'Z' {
				return
			}
			continue
		}
		if l.write(l.client, whole, false) != nil {
			return
		}
	}
}
