//go:build !natkit_environment

package natkit

// #cgo pkg-config: natkit
import "C"
