package natkit

// #include "bridge.h"
import "C"

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
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

// callbackID is what C has of a callback; 0: none.
type callbackID uintptr

// registry has callbacks by what C has of them. What is closed while a call is
// at work on it is gone from here when that call asks for it.
var registry struct {
	sync.Map
	last atomic.Uintptr
}

func register(callback any) callbackID {
	id := callbackID(registry.last.Add(1))
	registry.Store(id, callback)
	return id
}

// callbacks are what C calls back.
type callbacks struct {
	random callbackID
	logger callbackID
}

func newCallbacks(random io.Reader, logger Logger) callbacks {
	var made callbacks
	if random != nil {
		made.random = register(random)
	}
	if logger != nil {
		made.logger = register(logger)
	}
	return made
}

func (c callbacks) free() {
	registry.Delete(c.random)
	registry.Delete(c.logger)
}

// generateKey has C make a key of these random bytes.
func generateKey(random []byte, out []byte) C.int {
	given := newCallbacks(bytes.NewReader(random), nil)
	defer given.free()
	return C.natkit_go_key_generate(C.uintptr_t(given.random), pointerTo(out))
}

//export natkitGoFill
func natkitGoFill(source C.uintptr_t, out *C.uint8_t, size C.size_t) {
	guarded(func() {
		random := rand.Reader
		if given, ok := registry.Load(callbackID(source)); ok {
			random = given.(io.Reader)
		}
		if _, err := io.ReadFull(random, unsafe.Slice((*byte)(out), int(size))); err != nil {
			panic("the random source failed: " + err.Error())
		}
	})
}

//export natkitGoLog
func natkitGoLog(logger C.uintptr_t, level C.int, text *C.char) {
	guarded(func() {
		if given, ok := registry.Load(callbackID(logger)); ok {
			given.(Logger)(LogLevel(level), C.GoString(text))
		}
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
