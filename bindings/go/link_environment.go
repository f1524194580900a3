//go:build natkit_environment

package natkit

// #cgo LDFLAGS: -lnatkit
import "C"
