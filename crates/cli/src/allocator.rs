//! Where memory comes from: jemalloc, which gives back to the system what is free again. The store fills and frees tens
//! of megabytes a second while it is loaded, from several threads; the C library's allocator keeps most of that, and
//! more of it every minute.

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Free memory goes back half a second after its last use, all of it, by a thread of jemalloc's own.
const OPTIONS: &[u8] = b"background_thread:true,dirty_decay_ms:500,muzzy_decay_ms:0\0";

/// The start of [`OPTIONS`], read by jemalloc before the first allocation; `_RJEM_MALLOC_CONF` of the environment comes
/// before it. See "TUNING" in jemalloc(3).
#[expect(
    unsafe_code,
    reason = "jemalloc looks for a pointer to a C string under this name, which nothing else has"
)]
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: &u8 = &OPTIONS[0];
