package natkit

// #include "bridge.h"
import "C"

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime/cgo"
	"runtime/debug"
	"unsafe"
)

// LogLevel is how much a log line matters.
type LogLevel int

const (
	// LogDebug: for who looks for a fault.
	LogDebug LogLevel = C.NATKIT_LOG_DEBUG
	// LogInfo: what happened.
	LogInfo LogLevel = C.NATKIT_LOG_INFO
	// LogWarning: something is not as it should be; natkit copes.
	LogWarning LogLevel = C.NATKIT_LOG_WARNING
	// LogError: something does not work.
	LogError LogLevel = C.NATKIT_LOG_ERROR
)

// Logger takes one log line: it holds no secrets and no line end. It is called
// within calls on what it was given to, and must not use that itself. The
// program ends if it panics or calls runtime.Goexit.
type Logger func(level LogLevel, text string)

// callbacks are what C calls back; to be freed when C no longer can.
type callbacks struct {
	random cgo.Handle
	logger cgo.Handle
}

func newCallbacks(random io.Reader, logger Logger) callbacks {
	var made callbacks
	if random != nil {
		made.random = cgo.NewHandle(random)
	}
	if logger != nil {
		made.logger = cgo.NewHandle(logger)
	}
	return made
}

func (c *callbacks) free() {
	if c.random != 0 {
		c.random.Delete()
	}
	if c.logger != 0 {
		c.logger.Delete()
	}
	*c = callbacks{}
}

// generateKey has C make a key of these random bytes.
func generateKey(random []byte, out []byte) C.int {
	source := cgo.NewHandle(io.Reader(bytes.NewReader(random)))
	defer source.Delete()
	return C.natkit_go_key_generate(C.uintptr_t(source), pointerTo(out))
}

//export natkitGoFill
func natkitGoFill(source C.uintptr_t, out *C.uint8_t, size C.size_t) {
	guarded(func() {
		random := cgo.Handle(source).Value().(io.Reader)
		if _, err := io.ReadFull(random, unsafe.Slice((*byte)(out), int(size))); err != nil {
			panic("the random source failed: " + err.Error())
		}
	})
}

//export natkitGoLog
func natkitGoLog(logger C.uintptr_t, level C.int, text *C.char) {
	guarded(func() {
		cgo.Handle(logger).Value().(Logger)(LogLevel(level), C.GoString(text))
	})
}

// guarded runs what C called. It must come back there: the frames of C hold
// locks and half of a change, and a panic that is recovered from further up
// would leave them so. Hence the program ends, whatever its functions recover.
func guarded(callback func()) {
	hasReturned := false
	defer func() {
		if !hasReturned {
			fmt.Fprintf(os.Stderr, "natkit: a callback panicked or called Goexit: %v\n%s",
				recover(), debug.Stack())
			os.Exit(2)
		}
	}()
	callback()
	hasReturned = true
}
