//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// server is a process of our own.
type server struct {
	kind string
	addr string
	cmd  *exec.Cmd
	in   io.WriteCloser
}

func start(ctx context.Context, e environment) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{kind: e.kind, cmd: exec.CommandContext(ctx, self, "-serve", e.kind)} //nolint:gosec // ourselves
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), e.vars()...), os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the %s server did not start: %w", e.kind, err)
	}
	s.addr = strings.TrimSpace(line)
	return s, nil
}

// profile makes the server write a profile of what it does from now on.
func (s *server) profile(name string) { _, _ = fmt.Fprintln(s.in, name) }

func (s *server) stop() {
	_ = s.in.Close()
	_ = s.cmd.Wait()
}

// used is the processor time that the server has had so far, by the kernel's
// clock of that process, which is exact: see clock_getcpuclockid(3).
func (s *server) used() time.Duration {
	var t syscall.Timespec
	clock := uintptr(^s.cmd.Process.Pid<<3 | 2) //nolint:gosec // as in the kernel's posix-timers.h
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0
	}
	return time.Duration(t.Nano())
}

// memory is what the server holds, in bytes, and how much of it is not of a file
// such as the program itself.
func (s *server) memory() (all, own int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	var size, resident, shared int64
	_, _ = fmt.Sscan(string(b), &size, &resident, &shared)
	page := int64(os.Getpagesize())
	return resident * page, (resident - shared) * page
}

// person is somebody who is logged in as an app and as a browser.
type person struct {
	email, token, access, refresh, session string
	cookies                                string
}

const passphrase = "Correct-Horse-9-Battery"

// call makes one request, outside of what is measured.
func (s *server) call(method, path, body string, header ...string) (map[string]any, http.Header, error) {
	rq, err := http.NewRequest(method, "http://"+s.addr+path, strings.NewReader(body)) //nolint:noctx // it is short
	if err != nil {
		return nil, nil, err
	}
	rq.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		rq.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var v map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil || resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s %s: %d %v %w", method, path, resp.StatusCode, v, err)
	}
	return v, resp.Header, nil
}

const (
	app     = "/_allauth/app/v1"
	browser = "/_allauth/browser/v1"
)

// signUp makes people, and logs each in.
func (s *server) signUp(n int) ([]*person, error) {
	l := make([]*person, n)
	for i := range l {
		p := &person{email: fmt.Sprintf("bench%d-%d@example.org", time.Now().UnixNano(), i)}
		l[i] = p
		body := fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, passphrase)
		v, _, err := s.call("POST", app+"/auth/signup", body)
		if err != nil {
			return nil, err
		}
		meta := v["meta"].(map[string]any)
		p.token, p.access, p.refresh = meta["session_token"].(string), meta["access_token"].(string), meta["refresh_token"].(string)
		if v, _, err = s.call("GET", app+"/auth/sessions", "", "X-Session-Token", p.token); err != nil {
			return nil, err
		}
		p.session = fmt.Sprintf("%.0f", v["data"].([]any)[0].(map[string]any)["id"])
		_, h, err := s.call("GET", browser+"/config", "")
		if err != nil {
			return nil, err
		}
		csrf := cookies(h)["csrftoken"]
		if _, h, err = s.call("POST", browser+"/auth/login", body, "Cookie", "csrftoken="+csrf, "X-CSRFToken", csrf, "Origin", "http://127.0.0.1"); err != nil {
			return nil, err
		}
		for name, value := range cookies(h) {
			p.cookies += name + "=" + value + "; "
		}
		p.cookies = strings.TrimSuffix(p.cookies, "; ")
	}
	return l, nil
}

func cookies(h http.Header) map[string]string {
	m := map[string]string{}
	for _, c := range (&http.Response{Header: h}).Cookies() {
		m[c.Name] = c.Value
	}
	return m
}

// a request, as it goes over the line.
type request []byte

func render(method, path, body string, header ...string) request {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, path)
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", header[i], header[i+1])
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// sample is a turn of a server.
type sample struct {
	perSecond float64
	cpu       time.Duration // for each request
	p50, p99  time.Duration
	errors    int
}

// drive sends requests over n connections for a while, each as soon as the one
// before is answered. next makes the i-th request of a connection; seen gets its
// answer, if it is not nil.
func (s *server) drive(n int, d time.Duration, next func(conn, i int) request, seen func(conn int, body []byte)) (sample, error) {
	took := make([][]time.Duration, n)
	failed := make([]int, n)
	errs := make([]error, n)
	before, begin := s.used(), time.Now()
	var wg sync.WaitGroup
	for c := range n {
		wg.Go(func() {
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				errs[c] = err
				return
			}
			defer func() { _ = conn.Close() }()
			r := bufio.NewReader(conn)
			for i := 0; time.Since(begin) < d; i++ {
				at := time.Now()
				if _, err := conn.Write(next(c, i)); err != nil {
					errs[c] = err
					return
				}
				status, body, err := read(r)
				if err != nil {
					errs[c] = err
					return
				}
				took[c] = append(took[c], time.Since(at))
				if status != http.StatusOK {
					failed[c]++
				} else if seen != nil {
					seen(c, body)
				}
			}
		})
	}
	wg.Wait()
	elapsed, cpu := time.Since(begin), s.used()-before
	var all []time.Duration
	x := sample{}
	for c := range n {
		if errs[c] != nil {
			return x, errs[c]
		}
		all = append(all, took[c]...)
		x.errors += failed[c]
	}
	if len(all) == 0 {
		return x, fmt.Errorf("no request was answered in %v", d)
	}
	x.perSecond = float64(len(all)) / elapsed.Seconds()
	x.cpu = cpu / time.Duration(len(all))
	x.p50, x.p99 = quantile(all, 0.5), quantile(all, 0.99)
	return x, nil
}

// read reads an answer with a Content-Length.
func read(r *bufio.Reader) (status int, body []byte, err error) {
	length := 0
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		switch {
		case first && len(line) > 12:
			status, _ = strconv.Atoi(string(line[9:12]))
		case len(line) == 2:
			body = make([]byte, length)
			_, err := io.ReadFull(r, body)
			return status, body, err
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			length, _ = strconv.Atoi(string(bytes.TrimSpace(line[16:])))
		}
	}
}
