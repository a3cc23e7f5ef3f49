package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// checkpointSuffix names an import's checkpoint after its list.
const checkpointSuffix = ".import"

// checkpoint makes a repeat of an import that was cut short go on with it. Its file
// has the import's id, from which every request gets its own: what was done already
// the control plane knows by these, for 24 hours. Of requests that it refused it
// knows nothing, and so the file has these too: what was banned of their other lines
// went by ids that depend on which lines were refused. The file is there from before
// the first request until all were answered.
type checkpoint struct {
	path string // empty: none is kept
	id   string
	// refused is what earlier runs were told, by the requests' ids.
	refused map[string][]refusedBan
}

// checkpointFile begins the file, in JSON.
type checkpointFile struct {
	Version int    `json:"version"`
	Import  string `json:"import"`
}

// checkpointRefusal is one of those that may follow.
type checkpointRefusal struct {
	Request string       `json:"request"`
	Refused []refusedBan `json:"refused"`
}

const (
	checkpointVersion = 1
	// importIDBytes makes an accidental repeat of an import's id impossible.
	importIDBytes = 16
)

// openCheckpoint reads a checkpoint, or begins one. Without a path the import has
// an id but cannot be gone on with.
func openCheckpoint(path string) (*checkpoint, error) {
	if path == "" {
		return &checkpoint{id: newImportID()}, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return beginCheckpoint(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	return readCheckpoint(path, text)
}

// readCheckpoint passes over what follows the last whole refusal: it is from a write
// that did not end, and the lines beside those refused had not been sent.
func readCheckpoint(path string, text []byte) (*checkpoint, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	var begin checkpointFile
	if err := in.Decode(&begin); err != nil || begin.Version != checkpointVersion || len(begin.Import) != 2*importIDBytes {
		return nil, fmt.Errorf("%s is no checkpoint of an import that this version knows; remove it to begin anew, or name another by --checkpoint", path)
	}
	c := &checkpoint{path: path, id: begin.Import, refused: make(map[string][]refusedBan)}
	whole := in.InputOffset()
	for {
		var entry checkpointRefusal
		if in.Decode(&entry) != nil || entry.Request == "" {
			break
		}
		c.refused[entry.Request] = entry.Refused
		whole = in.InputOffset()
	}
	if whole < int64(len(bytes.TrimRight(text, "\n"))) {
		if err := os.Truncate(path, whole); err != nil {
			return nil, fmt.Errorf("repair checkpoint: %w", err)
		}
	}
	return c, nil
}

func newImportID() string {
	id := make([]byte, importIDBytes)
	rand.Read(id)
	return hex.EncodeToString(id)
}

func beginCheckpoint(path string) (*checkpoint, error) {
	c := &checkpoint{path: path, id: newImportID()}
	text, err := json.Marshal(checkpointFile{checkpointVersion, c.id})
	if err != nil {
		return nil, fmt.Errorf("write checkpoint: %w", err)
	}
	if err := writeDurably(path, append(text, '\n')); err != nil {
		return nil, fmt.Errorf("write checkpoint: %w; name a file that can be written by --checkpoint", err)
	}
	return c, nil
}

// writeDurably makes a file that is whole or not there, whenever the machine
// stops.
func writeDurably(path string, text []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name()) // the error at hand says more
		}
	}()
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// apply takes out of a chunk what earlier runs were told to be refused of it, so
// that the rest has the id that it had then.
func (c *checkpoint) apply(to *chunk) {
	for refused := c.refused[to.id]; len(refused) > 0; refused = c.refused[to.id] {
		to.without(refused)
	}
}

// refuse notes which bans of a request were refused. The rest may be sent once that
// is durable.
func (c *checkpoint) refuse(request string, refused []refusedBan) error {
	if c.path == "" {
		return nil
	}
	text, err := json.Marshal(checkpointRefusal{request, refused})
	if err == nil {
		err = appendDurably(c.path, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return nil
}

func appendDurably(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// end removes the file: the import is complete, and a repeat is another.
func (c *checkpoint) end() error {
	if c.path == "" {
		return nil
	}
	if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove checkpoint: %w", err)
	}
	return nil
}
