//! Saved searches in the SQLite catalog: a table of their own, which a catalog gets when the first one is saved.

use annals_model::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::CatalogError;
use crate::searches::SavedSearch;

/// A space is one owner's, or that of what is shared; a name is unique in it.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS search (
    space TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    body TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (space, name)
);
";

const SHARED: &str = "shared";

/// The space of one owner's searches; no owner's is that of the shared ones.
fn space_of(owner: &str, is_shared: bool) -> String {
    if is_shared { SHARED.to_owned() } else { format!("own/{owner}") }
}

pub(super) fn list(connection: &Connection, owner: &str) -> Result<Vec<SavedSearch>, CatalogError> {
    let exists: bool = connection
        .prepare_cached("SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'search'")?
        .query_row([], |row| row.get(0))?;
    if !exists {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(
        "SELECT space, name, owner, body, changed FROM search WHERE space IN (?1, ?2) ORDER BY name, space",
    )?;
    let rows = statement.query_map(params![space_of(owner, false), SHARED], |row| {
        Ok(SavedSearch {
            shared: row.get::<_, String>(0)? == SHARED,
            name: row.get(1)?,
            owner: row.get(2)?,
            body: row.get(3)?,
            changed: Timestamp::from_nanos(row.get(4)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn save(
    transaction: Transaction<'_>,
    search: &SavedSearch,
    most: usize,
) -> Result<bool, CatalogError> {
    transaction.execute_batch(SCHEMA)?;
    let space = space_of(&search.owner, search.shared);
    let other = space_of(&search.owner, !search.shared);
    let others: u64 = transaction
        .prepare_cached("SELECT count(*) FROM search WHERE space = ?1 AND name <> ?2")?
        .query_row(params![space, search.name], |row| row.get::<_, i64>(0))?
        .unsigned_abs();
    if others >= most as u64 {
        return Ok(false);
    }
    // Sharing a search, or no longer sharing it, moves it.
    transaction
        .prepare_cached("DELETE FROM search WHERE space = ?1 AND name = ?2 AND owner = ?3")?
        .execute(params![other, search.name, search.owner])?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO search (space, name, owner, body, changed) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![space, search.name, search.owner, search.body, search.changed.nanos()])?;
    transaction.commit()?;
    Ok(true)
}

pub(super) fn delete(
    transaction: Transaction<'_>,
    owner: &str,
    name: &str,
    is_shared: bool,
) -> Result<bool, CatalogError> {
    transaction.execute_batch(SCHEMA)?;
    let removed = transaction
        .prepare_cached("DELETE FROM search WHERE space = ?1 AND name = ?2")?
        .execute(params![space_of(owner, is_shared), name])?;
    transaction.commit()?;
    Ok(removed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(owner: &str, name: &str, shared: bool, body: &str) -> SavedSearch {
        SavedSearch {
            owner: owner.into(),
            name: name.into(),
            shared,
            body: body.into(),
            changed: Timestamp::from_nanos(-1),
        }
    }

    fn connection() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn save(catalog: &mut Connection, search: &SavedSearch, most: usize) -> Result<bool, CatalogError> {
        super::save(catalog.transaction().unwrap(), search, most)
    }

    fn delete(
        catalog: &mut Connection,
        owner: &str,
        name: &str,
        is_shared: bool,
    ) -> Result<bool, CatalogError> {
        super::delete(catalog.transaction().unwrap(), owner, name, is_shared)
    }

    #[test]
    fn everybody_has_their_own_and_what_is_shared() {
        let mut catalog = connection();
        assert_eq!(list(&catalog, "ann").unwrap(), []);
        for one in [
            search("ann", "b", false, "1"),
            search("ann", "a", false, "2"),
            search("bob", "a", false, "3"),
            search("bob", "b", true, "4"),
        ] {
            assert!(save(&mut catalog, &one, 9).unwrap());
        }
        let names = |owner: &str| -> Vec<String> {
            let found = list(&catalog, owner).unwrap();
            found.iter().map(|one| format!("{}{}{}", one.name, one.owner, one.body)).collect()
        };
        assert_eq!(names("ann"), ["aann2", "bann1", "bbob4"]);
        assert_eq!(names("bob"), ["abob3", "bbob4"]);
        assert_eq!(names("shared"), ["bbob4"], "no name of an owner leads to another space");
    }

    #[test]
    fn saving_replaces_and_sharing_moves() {
        let mut catalog = connection();
        save(&mut catalog, &search("ann", "a", false, "1"), 9).unwrap();
        save(&mut catalog, &search("ann", "a", false, "2"), 9).unwrap();
        assert_eq!(list(&catalog, "ann").unwrap(), [search("ann", "a", false, "2")]);
        save(&mut catalog, &search("ann", "a", true, "3"), 9).unwrap();
        assert_eq!(list(&catalog, "ann").unwrap(), [search("ann", "a", true, "3")]);
        // Another's shared search is not taken away by one's own of that name.
        save(&mut catalog, &search("bob", "a", false, "4"), 9).unwrap();
        assert_eq!(list(&catalog, "bob").unwrap().len(), 2);
        save(&mut catalog, &search("ann", "a", false, "5"), 9).unwrap();
        assert_eq!(list(&catalog, "ann").unwrap(), [search("ann", "a", false, "5")]);
        assert!(delete(&mut catalog, "ann", "a", false).unwrap());
        assert!(
            !delete(&mut catalog, "ann", "a", false).unwrap()
                && !delete(&mut catalog, "ann", "a", true).unwrap()
        );
        assert_eq!(list(&catalog, "bob").unwrap().len(), 1);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut catalog = connection();
        for name in ["a", "b"] {
            assert!(save(&mut catalog, &search("ann", name, false, "1"), 2).unwrap());
        }
        assert!(!save(&mut catalog, &search("ann", "c", false, "1"), 2).unwrap());
        assert!(save(&mut catalog, &search("ann", "a", false, "2"), 2).unwrap(), "replacing needs no room");
        assert!(save(&mut catalog, &search("bob", "c", false, "1"), 2).unwrap());
        assert!(save(&mut catalog, &search("ann", "c", true, "1"), 2).unwrap());
    }
}
