//go:build !natkit_environment && !natkit_static

package natkit

// #cgo pkg-config: natkit
import "C"
