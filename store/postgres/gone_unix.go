//go:build linux || darwin || freebsd

package postgres

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
)

// gone reports that the server has ended a connection that it owes no answer,
// as far as the kernel has heard already: nobody gets what is sent there.
func gone(c net.Conn) bool {
	encrypted, is := c.(*tls.Conn)
	if is {
		c = encrypted.NetConn()
	}
	s, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	ended := false
	// Not raw.Read: the driver may be waiting in one.
	_ = raw.Control(func(fd uintptr) {
		var first [1]byte
		n, _, err := syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK) //nolint:gosec // a descriptor is an int
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR): // all is quiet
		case err == nil && n > 0: // an error that nobody has asked for is the last word
			ended = encrypted == nil && first[0] == 'E'
		default:
			ended = true
		}
	})
	return ended
}
