//go:build !linux

package main

import (
	"errors"
	"time"
)

var errNotLinux = errors.New("this runs on Linux alone")

// poller is for epoll, which is not here.
type poller struct{}

func newPoller() (*poller, error)              { return nil, errNotLinux }
func (*poller) add(int, int) error             { return errNotLinux }
func (*poller) wait() ([]int, error)           { return nil, errNotLinux }
func (*poller) close() error                   { return nil }
func (*poller) drop(int)                       {}
func newTicker(time.Duration) (int, error)     { return -1, errNotLinux }
func dialRaw(string) (int, error)              { return -1, errNotLinux }
func unbuffer(int) error                       { return errNotLinux }
func readRaw(int, []byte) (int, error)         { return 0, errNotLinux }
func discardRaw(int, []byte) (int, error)      { return 0, errNotLinux }
func writeRaw(int, []byte) (int, error)        { return 0, errNotLinux }
func closeRaw(int)                             {}
func cpuOfSelf() time.Duration                 { return 0 }
func pinProcess(int) (func() error, error)     { return nil, errNotLinux }
func onCPU(_ int, fn func() error) (err error) { return errNotLinux }
