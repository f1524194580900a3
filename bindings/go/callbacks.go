package natkit

// #include "bridge.h"
import "C"

import (
	"io"
	"runtime/cgo"
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
// within calls on what it was given to, and must not use that itself.
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

func generateKey(source cgo.Handle, out []byte) C.int {
	return C.natkit_go_key_generate(C.uintptr_t(source), pointerTo(out))
}

//export natkitGoFill
func natkitGoFill(source C.uintptr_t, out *C.uint8_t, size C.size_t) {
	random := cgo.Handle(source).Value().(io.Reader)
	if _, err := io.ReadFull(random, unsafe.Slice((*byte)(out), int(size))); err != nil {
		panic("natkit: the random source failed: " + err.Error())
	}
}

//export natkitGoLog
func natkitGoLog(logger C.uintptr_t, level C.int, text *C.char) {
	cgo.Handle(logger).Value().(Logger)(LogLevel(level), C.GoString(text))
}
