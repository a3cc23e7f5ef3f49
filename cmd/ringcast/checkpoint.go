package main

import (
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

// checkpoint makes a repeat of an import that was cut short go on with it. It is a
// file that holds no more than the import's id, from which every request gets its
// own: what was done already the control plane knows by these, for 24 hours. The
// file is there from before the first request until all were answered.
type checkpoint struct {
	path string // empty: none is kept
	id   string
}

// checkpointFile is the file's JSON.
type checkpointFile struct {
	Version int    `json:"version"`
	Import  string `json:"import"`
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
	var file checkpointFile
	if err := json.Unmarshal(text, &file); err != nil || file.Version != checkpointVersion || len(file.Import) != 2*importIDBytes {
		return nil, fmt.Errorf("%s is no checkpoint of an import that this version knows; remove it to begin anew, or name another by --checkpoint", path)
	}
	return &checkpoint{path, file.Import}, nil
}

func newImportID() string {
	id := make([]byte, importIDBytes)
	rand.Read(id)
	return hex.EncodeToString(id)
}

func beginCheckpoint(path string) (*checkpoint, error) {
	c := &checkpoint{path, newImportID()}
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
