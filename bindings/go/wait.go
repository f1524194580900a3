package natkit

// #include "bridge.h"
import "C"

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// pollable is a duplicate of a descriptor that the runtime's poller watches.
func pollable(original C.int) (*os.File, error) {
	// Closed upon exec from the beginning: other goroutines may start programs.
	fd, _, code := syscall.Syscall(syscall.SYS_FCNTL, uintptr(original),
		syscall.F_DUPFD_CLOEXEC, 0)
	if code != 0 {
		return nil, os.NewSyscallError("fcntl", code)
	}
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		syscall.Close(int(fd))
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(fd, "natkit")
	if err := file.SetReadDeadline(time.Time{}); err != nil { // the poller cannot
		file.Close()
		return nil, err
	}
	return file, nil
}

// deadline is when the shorter of two times is over: limit in milliseconds, of
// C, and longest. Negative times have no end.
func deadline(limit C.int, longest time.Duration) time.Time {
	own := time.Duration(limit) * time.Millisecond
	switch {
	case limit < 0 && longest < 0:
		return time.Time{}
	case limit < 0 || longest >= 0 && longest < own:
		return time.Now().Add(longest)
	}
	return time.Now().Add(own)
}

// awaitReadable waits until there is something to read or the deadline of the
// file has come.
func awaitReadable(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	err = raw.Read(func(fd uintptr) bool {
		return C.natkit_go_is_readable(C.int(fd)) == 1
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
