package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
)

// bareServer answers every request on its connections with one answer that is
// ready. Nothing that looks at a request can be quicker on one CPU, so that it
// shows what the load itself can do.
type bareServer struct {
	listener *net.TCPListener
	address  string
	answer   []byte
	done     chan error
}

// startBare serves one object on a CPU of its own, to as many connections as it is
// told, and ends with the last of them.
func startBare(cpu, connections int, o object, bodies bodies) (*bareServer, error) {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("start bare server: %w", err)
	}
	s := &bareServer{listener: listener, address: listener.Addr().String(), done: make(chan error, 1)}
	s.answer = append(appendHeader(nil, o), bodies.of(o)...)
	serve := func() error { return s.serve(connections) }
	go func() {
		if cpu < 0 {
			s.done <- serve()
		} else {
			s.done <- onCPU(cpu, serve)
		}
	}()
	return s, nil
}

func (s *bareServer) serve(connections int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	poll, err := newPoller()
	if err != nil {
		return err
	}
	defer func() { _ = poll.close() }() // nothing is to come
	for range connections {
		file, err := s.accept()
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // nothing is under way
		fd := int(file.Fd())
		if err := errors.Join(unbuffer(fd), poll.add(fd, fd)); err != nil {
			return err
		}
	}
	return s.reply(poll, connections)
}

// accept gives a connection without the runtime's own poller.
func (s *bareServer) accept() (*os.File, error) {
	conn, err := s.listener.AcceptTCP()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // the file is a copy
	return conn.File()
}

// reply ends when all connections have.
func (s *bareServer) reply(poll *poller, connections int) error {
	buffer := make([]byte, firstRead)
	for connections > 0 {
		ready, err := poll.wait()
		if err != nil {
			return err
		}
		for _, fd := range ready {
			n, err := readRaw(fd, buffer)
			if err != nil {
				connections--
				poll.drop(fd)
				continue
			}
			for range bytes.Count(buffer[:n], []byte("\r\n\r\n")) {
				if _, err := writeRaw(fd, s.answer); err != nil {
					return fmt.Errorf("answer: %w", err)
				}
			}
		}
	}
	return nil
}

// stop waits for the end of the connections, which the load closes.
func (s *bareServer) stop() error {
	err := s.listener.Close()
	if served := <-s.done; err == nil {
		err = served
	}
	return err
}
