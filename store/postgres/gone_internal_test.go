//go:build linux || darwin || freebsd

package postgres

import (
	"net"
	"testing"
)

// TestGone tells without waiting, also where somebody waits for what comes.
func TestGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ours.Close() }()
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	first, read := make([]byte, 1), make(chan error)
	go func() {
		for range 2 {
			_, err := ours.Read(first)
			read <- err
		}
	}()
	if gone(ours) {
		t.Error("it is there")
	}
	if _, err := theirs.Write([]byte("N")); err != nil || <-read != nil || gone(ours) {
		t.Errorf("it is there: %v", err)
	}
	if err := theirs.Close(); err != nil || <-read == nil || !gone(ours) {
		t.Errorf("it is gone: %v", err)
	}
}
