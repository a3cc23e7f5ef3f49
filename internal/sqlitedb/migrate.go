package sqlitedb

import (
	"context"
	"database/sql"
	"fmt"
)

// schemaVersion reads the number of migrations that the file has seen.
func schemaVersion(ctx context.Context, db *sql.DB) (int, error) {
	var version int
	err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	return version, err
}

// migrate applies the migrations that the file has not seen.
func migrate(ctx context.Context, db *sql.DB, version int, migrations []string) error {
	for ; version < len(migrations); version++ {
		if err := step(ctx, db, version+1, migrations[version]); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
	}
	return nil
}

// step applies one migration and its version number, both or neither.
func step(ctx context.Context, db *sql.DB, version int, migration string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// After a commit this does nothing, and before it the first error says more.
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, migration); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}
