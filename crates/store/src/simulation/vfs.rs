//! SQLite on a simulated disk: its interface to the operating system (<https://www.sqlite.org/c3ref/vfs.html>), in the
//! terms of [`Mount`]. What SQLite's own interface to Unix does beyond reading and writing is done here too: the first
//! sync of a new log or journal also syncs the directory it is in.
#![expect(unsafe_code, reason = "SQLite is C: only through this is it tested on a disk that fails")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    io,
    path::{Path, PathBuf},
    ptr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use annals_testkit::{DiskFile, Mount};
use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

/// Longest path.
const PATH_BYTES_MAX: c_int = 512;
/// As SQLite has it on Unix.
const BLOCK_BYTES: c_int = 4_096;

/// SQLite's way to a disk, as long as it lives. Every connection must be closed before.
pub(super) struct Vfs {
    name: CString,
    raw: *mut sqlite3_vfs,
}

// SAFETY: SQLite locks its list of these, and a mount is used by any thread.
unsafe impl Send for Vfs {}

/// An open file as SQLite holds it: memory that SQLite owns, with what we own behind it.
#[repr(C)]
struct Handle {
    base: sqlite3_file,
    open: *mut Open,
}

struct Open {
    file: DiskFile,
    mount: Mount,
    path: PathBuf,
    removes_itself: bool,
    /// Whether the next sync is to sync the directory as well.
    syncs_directory: bool,
    /// What processes would share; one does here.
    shared: Vec<Vec<u64>>,
}

impl Vfs {
    pub(super) fn new(mount: Mount) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = CString::new(format!("simulated-{}", NUMBER.fetch_add(1, Relaxed))).unwrap();
        let raw = Box::into_raw(Box::new(sqlite3_vfs {
            iVersion: 1,
            szOsFile: size_of::<Handle>() as c_int,
            mxPathname: PATH_BYTES_MAX,
            pNext: ptr::null_mut(),
            zName: name.as_ptr(),
            pAppData: Box::into_raw(Box::new(mount)).cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_path),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: None,
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: it stays where it is until it is unregistered.
        assert_eq!(unsafe { ffi::sqlite3_vfs_register(raw, 0) }, ffi::SQLITE_OK);
        Self { name, raw }
    }

    pub(super) fn name(&self) -> &CStr {
        &self.name
    }
}

impl Drop for Vfs {
    fn drop(&mut self) {
        // SAFETY: made in `new`, and nobody has a connection any more.
        unsafe {
            ffi::sqlite3_vfs_unregister(self.raw);
            let vfs = Box::from_raw(self.raw);
            drop(Box::from_raw(vfs.pAppData.cast::<Mount>()));
        }
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(check_lock),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shared_map),
    xShmLock: Some(shared_lock),
    xShmBarrier: Some(shared_barrier),
    xShmUnmap: Some(shared_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn code(result: io::Result<()>, otherwise: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => ffi::SQLITE_FULL,
        Err(_) => otherwise,
    }
}

/// # Safety
/// As SQLite calls the methods of a VFS.
unsafe fn mount_of<'v>(vfs: *mut sqlite3_vfs) -> &'v Mount {
    // SAFETY: `pAppData` is a mount as long as the VFS lives.
    unsafe { &*(*vfs).pAppData.cast::<Mount>() }
}

/// # Safety
/// As SQLite calls the methods of an open file: one thread at a time.
unsafe fn open_of<'f>(file: *mut sqlite3_file) -> &'f mut Open {
    // SAFETY: `open` put it there, and `close` has not been called.
    unsafe { &mut *(*file.cast::<Handle>()).open }
}

/// # Safety
/// `name` is a C string.
unsafe fn path_of(name: *const c_char) -> PathBuf {
    // SAFETY: by the caller.
    PathBuf::from(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    static TEMPORARY: AtomicU64 = AtomicU64::new(0);
    // SAFETY: SQLite's contract for xOpen.
    unsafe {
        (*file).pMethods = ptr::null();
        let mount = mount_of(vfs).clone();
        let path = if name.is_null() {
            PathBuf::from(format!("/temporary-{}", TEMPORARY.fetch_add(1, Relaxed)))
        } else {
            path_of(name)
        };
        let makes = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let Ok(opened) = mount.open(&path, makes) else { return ffi::SQLITE_CANTOPEN };
        let journals = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
        let state = Box::new(Open {
            file: opened,
            mount,
            path,
            removes_itself: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
            syncs_directory: makes && flags & journals != 0,
            shared: Vec::new(),
        });
        (*file.cast::<Handle>()).open = Box::into_raw(state);
        (*file).pMethods = &raw const METHODS;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    // SAFETY: SQLite's contract for xDelete.
    let (mount, path) = unsafe { (mount_of(vfs), path_of(name)) };
    match mount.remove(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(_) => return ffi::SQLITE_IOERR_DELETE,
        Ok(()) => {}
    }
    if sync_directory == 0 {
        return ffi::SQLITE_OK;
    }
    code(mount.sync_directory(parent(&path)), ffi::SQLITE_IOERR_DIR_FSYNC)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

unsafe extern "C" fn access(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    _flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite's contract for xAccess.
    unsafe {
        let Ok(exists) = mount_of(vfs).exists(&path_of(name)) else { return ffi::SQLITE_IOERR_ACCESS };
        *out = c_int::from(exists);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_path(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a C string and room for `room` bytes.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > room as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_vfs: *mut sqlite3_vfs, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite gives room for `room` bytes.
    unsafe { ptr::write_bytes(out, 7, room as usize) };
    room
}

unsafe extern "C" fn sleep(_vfs: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time(_vfs: *mut sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite gives room for a number.
    unsafe { *out = 2_460_000.5 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: `open` made it, and SQLite closes a file once.
    let state = unsafe { Box::from_raw((*file.cast::<Handle>()).open) };
    if state.removes_itself {
        let _ = state.mount.remove(&state.path);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives room for `amount` bytes.
    let (state, into) =
        unsafe { (open_of(file), std::slice::from_raw_parts_mut(into.cast::<u8>(), amount as usize)) };
    match state.file.read_at(at as u64, into) {
        Err(_) => ffi::SQLITE_IOERR_READ,
        Ok(count) if count == into.len() => ffi::SQLITE_OK,
        Ok(count) => {
            into[count..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives `amount` bytes.
    let (state, mut bytes) =
        unsafe { (open_of(file), std::slice::from_raw_parts(from.cast::<u8>(), amount as usize)) };
    let mut at = at as u64;
    while !bytes.is_empty() {
        match state.file.write_at(at, bytes) {
            Err(error) => return code(Err(error), ffi::SQLITE_IOERR_WRITE),
            Ok(count) => {
                bytes = &bytes[count..];
                at += count as u64;
            }
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: sqlite3_int64) -> c_int {
    // SAFETY: SQLite's contract.
    code(unsafe { open_of(file) }.file.truncate(length as u64), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite's contract.
    let state = unsafe { open_of(file) };
    if state.file.sync().is_err() {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    if state.syncs_directory {
        // As SQLite does it on Unix: once, and whether it worked or not.
        state.syncs_directory = false;
        let _ = state.mount.sync_directory(parent(&state.path));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives room for a number.
    unsafe {
        let Ok(length) = open_of(file).file.length() else { return ffi::SQLITE_IOERR_FSTAT };
        *out = length as sqlite3_int64;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(_file: *mut sqlite3_file, _level: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_lock(_file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite gives room for a number.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(_file: *mut sqlite3_file, _operation: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut sqlite3_file) -> c_int {
    BLOCK_BYTES
}

unsafe extern "C" fn characteristics(_file: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shared_map(
    file: *mut sqlite3_file,
    region: c_int,
    bytes: c_int,
    extends: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite's contract; a region stays where it is because it is a vector of its own that never grows.
    unsafe {
        let state = open_of(file);
        while extends != 0 && state.shared.len() <= region as usize {
            state.shared.push(vec![0; bytes as usize / size_of::<u64>()]);
        }
        *out = state
            .shared
            .get_mut(region as usize)
            .map_or(ptr::null_mut(), |region| region.as_mut_ptr().cast::<c_void>());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shared_lock(
    _file: *mut sqlite3_file,
    _offset: c_int,
    _count: c_int,
    _flags: c_int,
) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn shared_barrier(_file: *mut sqlite3_file) {}

unsafe extern "C" fn shared_unmap(file: *mut sqlite3_file, _deletes: c_int) -> c_int {
    // SAFETY: SQLite's contract.
    unsafe { open_of(file) }.shared.clear();
    ffi::SQLITE_OK
}
