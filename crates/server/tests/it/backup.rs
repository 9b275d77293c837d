//! `POST /api/v1/admin/backup`, as a client that takes compressed answers asks for it.

use crate::fixture::{ADMIN, Fixture, event};

#[test]
fn a_compressed_backup_is_whole() {
    let server = Fixture::start();
    server.record(&[event("kept", 1)]);
    let ask = || server.post("/api/v1/admin/backup").token(ADMIN);
    let plain = ask().send();
    assert_eq!((plain.status, plain.header("content-type")), (200, Some("application/x-tar")));
    let zstd = ask().header("accept-encoding", "zstd").send();
    assert_eq!(zstd.header("content-encoding"), Some("zstd"));
    // A tar archive ends with two empty blocks.
    for archive in [&plain.body, &zstd::decode_all(&zstd.body[..]).unwrap()] {
        assert!(archive.len() > 1_024 && archive.ends_with(&[0; 1_024]), "{} bytes", archive.len());
    }
}
