//go:build natkit_static

package natkit

// #cgo pkg-config: natkit-static
import "C"
