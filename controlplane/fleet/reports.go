package fleet

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ringcast/ringcast/controlplane"
	"github.com/ringcast/ringcast/internal/sqlitedb"
	"github.com/ringcast/ringcast/internal/wire"
)

// saveEvery is how often new reports are saved.
const saveEvery = 5 * time.Second

// reports is the file with the last report of each edge. Nothing is synced: what is lost
// with the power comes back with the edges, and a damaged file is begun anew.
type reports struct{ db *sqlitedb.DB }

func reportMigrations() []string {
	return []string{`CREATE TABLE reports (
	node     TEXT NOT NULL,
	instance TEXT NOT NULL,
	report   TEXT NOT NULL,
	PRIMARY KEY (node, instance)
) STRICT, WITHOUT ROWID`}
}

func openReports(ctx context.Context, path string) (*reports, error) {
	db, err := sqlitedb.Open(ctx, path, sqlitedb.Options{
		Migrations: reportMigrations(), Synchronous: sqlitedb.Off, MaxReaders: 1, Check: true,
	})
	if err != nil {
		return nil, fmt.Errorf("open reports of edges: %w", err)
	}
	return &reports{db}, nil
}

func (r *reports) close() error {
	if r == nil {
		return nil
	}
	return r.db.Close()
}

// storedReport is a row's report.
type storedReport struct {
	Report
	Heard time.Time
	Lost  time.Time
}

// loadReports sets what the members last reported.
func (f *Fleet) loadReports(ctx context.Context) (err error) {
	if f.cfg.File == "" {
		return nil
	}
	f.saved, err = openReports(ctx, f.cfg.File)
	if sqlitedb.IsDamaged(err) {
		aside, moveErr := sqlitedb.SetAside(f.cfg.File, f.cfg.Now())
		if moveErr != nil {
			return errors.Join(err, moveErr)
		}
		f.cfg.Logger.Error("the file with the edges' last reports is damaged; it was set aside, and they will report anew", "aside", aside, "error", err)
		f.saved, err = openReports(ctx, f.cfg.File)
	}
	if err != nil {
		return err
	}
	rows, err := f.saved.db.Read.QueryContext(ctx, `SELECT node, instance, report FROM reports`)
	if err != nil {
		return fmt.Errorf("read reports of edges: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f.loadReport(rows); err != nil {
			return fmt.Errorf("read reports of edges: %w", err)
		}
	}
	return rows.Err()
}

func (f *Fleet) loadReport(rows *sql.Rows) error {
	var key controlplane.EdgeKey
	var text []byte
	if err := rows.Scan(&key.Node, &key.Instance, &text); err != nil {
		return err
	}
	m := f.members[key]
	if m == nil {
		f.removed = append(f.removed, key)
		return nil
	}
	var stored storedReport
	if err := json.Unmarshal(text, &stored); err != nil {
		f.cfg.Logger.Warn("the last report of an edge makes no sense; it will report anew", "edge", key.String(), "error", err)
		return nil
	}
	if stored.At.Position > f.head { // the log is an older copy
		stored.At = wire.Cursor{}
	}
	m.report, m.reported, m.heard, m.lost = stored.Report, true, stored.Heard, stored.Lost
	return nil
}

// save writes the reports that the file lacks. Those of a save that fails are saved with
// the next report of their edges.
func (f *Fleet) save(ctx context.Context) error {
	if f.saved == nil {
		return nil
	}
	rows, removed := f.toSave()
	if len(rows)+len(removed) == 0 {
		return nil
	}
	tx, err := f.saved.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("save reports of edges: %w", err)
	}
	defer tx.Rollback()
	for _, key := range removed {
		if _, err := tx.ExecContext(ctx, `DELETE FROM reports WHERE node = ? AND instance = ?`, key.Node, key.Instance); err != nil {
			return fmt.Errorf("save reports of edges: %w", err)
		}
	}
	for key, report := range rows {
		text, err := json.Marshal(report)
		if err != nil {
			return fmt.Errorf("save report of %s: %w", key, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO reports VALUES (?, ?, ?)`, key.Node, key.Instance, string(text)); err != nil {
			return fmt.Errorf("save reports of edges: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("save reports of edges: %w", err)
	}
	return nil
}

func (f *Fleet) toSave() (rows map[controlplane.EdgeKey]storedReport, removed []controlplane.EdgeKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows = make(map[controlplane.EdgeKey]storedReport, len(f.unsaved))
	for m := range f.unsaved {
		rows[m.key] = storedReport{m.report, m.heard, m.lost}
	}
	removed = f.removed
	clear(f.unsaved)
	f.removed = nil
	return rows, removed
}
