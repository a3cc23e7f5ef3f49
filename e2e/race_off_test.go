//go:build !race

package e2e

// raceDetector tells that these tests, and so the binary, have the race detector.
const raceDetector = false
