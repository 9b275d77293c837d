//! What the disk promises, and what it does not.

use super::*;

const NAME: &str = "/a";

fn written(seed: u64) -> (Disk, DiskFile) {
    let disk = Disk::new(seed);
    let file = disk.mount().open(Path::new(NAME), true).unwrap();
    assert_eq!(file.write_at(0, &[1; 2_000]).unwrap(), 2_000);
    (disk, file)
}

fn contents(disk: &Disk) -> Option<Vec<u8>> {
    disk.mount().open(Path::new(NAME), false).ok()?.contents().ok()
}

#[test]
fn what_was_synced_survives_the_loss_of_power() {
    for seed in 0..50 {
        let (disk, file) = written(seed);
        file.sync().unwrap();
        disk.mount().sync_directory(Path::new("/")).unwrap();
        file.write_at(2_000, &[2; 2_000]).unwrap();
        disk.lose_power();
        let found = contents(&disk).unwrap();
        assert!(found.len() >= 2_000 && found[..2_000] == [1; 2_000]);
        assert!(file.length().is_err(), "the process is over");
    }
}

#[test]
fn what_was_not_synced_is_kept_lost_or_torn() {
    let outcomes: BTreeSet<Option<usize>> = (0..300)
        .map(|seed| {
            let (disk, _) = written(seed);
            disk.lose_power();
            contents(&disk).map(|found| found.iter().filter(|byte| **byte == 1).count())
        })
        .collect();
    for wanted in [None, Some(0), Some(2_000)] {
        assert!(outcomes.contains(&wanted), "{outcomes:?}");
    }
    assert!(outcomes.len() > 5, "torn at several places: {outcomes:?}");
}

#[test]
fn a_failed_sync_is_not_made_good_by_another() {
    let lost = (0..100).filter(|&seed| {
        let (disk, file) = written(seed);
        disk.mount().sync_directory(Path::new("/")).unwrap();
        disk.plan(0, Accident::Error);
        assert!(file.sync().is_err());
        file.sync().unwrap();
        assert_eq!(file.contents().unwrap(), [1; 2_000], "the cache has it still");
        disk.lose_power();
        contents(&disk).unwrap() != [1; 2_000]
    });
    assert!(lost.count() > 50);
}

#[test]
fn a_rename_is_whole_or_not_at_all() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..100 {
        let (disk, file) = written(seed);
        file.sync().unwrap();
        disk.mount().sync_directory(Path::new("/")).unwrap();
        disk.mount().rename(Path::new(NAME), Path::new("/b")).unwrap();
        disk.lose_power();
        match disk.files()[..] {
            [(ref path, 2_000)] if path == Path::new(NAME) => lost += 1,
            [(ref path, 2_000)] if path == Path::new("/b") => kept += 1,
            ref other => panic!("{other:?}"),
        }
    }
    assert!(kept > 10 && lost > 10);
}

#[test]
fn a_full_disk_takes_what_fits() {
    let (disk, file) = written(1);
    disk.set_capacity(2_500);
    assert_eq!(disk.mount().free_bytes().unwrap(), 500);
    assert_eq!(file.write_at(1_000, &[3; 2_000]).unwrap(), 1_500);
    let error = file.write_at(2_500, &[3]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.write_at(0, &[4; 2_000]).unwrap(), 2_000, "what is there can be written over");
    disk.set_capacity(u64::MAX);
    assert_eq!(file.write_at(2_500, &[3]).unwrap(), 1);
}

#[test]
fn accidents_happen_where_they_are_planned_and_faults_as_often_as_they_shall() {
    let (disk, file) = written(1);
    disk.plan(1, Accident::Error);
    file.write_at(0, &[1]).unwrap();
    assert!(file.write_at(0, &[1]).is_err());
    file.write_at(0, &[1]).unwrap();
    assert!(!disk.forget_plan());
    disk.plan(0, Accident::Kill);
    assert!(file.write_at(0, &[9]).is_err());
    assert!(file.length().is_err());
    assert_eq!(contents(&disk).unwrap()[0], 9);
    disk.set_faults(Faults { reads: 1_000, ..Faults::default() });
    assert!(contents(&disk).is_none());
    disk.set_faults(Faults { writes: 500, short_writes: 500, ..Faults::default() });
    let file = disk.mount().open(Path::new(NAME), false).unwrap();
    let counts: Vec<_> = (0..200).map(|_| file.write_at(0, &[5; 1_500]).ok()).collect();
    assert!(counts.iter().filter(|count| count.is_none()).count() > 50);
    assert!(counts.iter().flatten().filter(|&&count| count < 1_500).count() > 20);
}

#[test]
fn the_same_operations_leave_the_same_trace() {
    let run = |seed, length| {
        let (disk, file) = written(seed);
        file.write_at(0, &vec![1; length]).unwrap();
        disk.trace()
    };
    assert_eq!(run(1, 5), run(2, 5));
    assert_ne!(run(1, 5), run(1, 6));
}

#[test]
fn rot_is_on_the_disk() {
    let (disk, file) = written(1);
    file.sync().unwrap();
    disk.mount().sync_directory(Path::new("/")).unwrap();
    assert!(disk.rot(Path::new(NAME), 7, 0x80));
    assert!(!disk.rot(Path::new(NAME), 2_000, 0x80));
    let copy = disk.copy(5);
    disk.lose_power();
    assert_eq!(contents(&disk).unwrap()[7], 0x81);
    assert_eq!(contents(&copy).unwrap()[7], 0x81);
}

#[test]
fn one_process_at_a_time_holds_a_lock() {
    let disk = Disk::new(1);
    let path = Path::new("/LOCK");
    let lock = disk.mount().lock(path).unwrap();
    assert!(lock.is_some() && disk.mount().lock(path).unwrap().is_none());
    drop(lock);
    let lost = disk.mount().lock(path).unwrap();
    disk.kill();
    let next = disk.mount().lock(path).unwrap();
    assert!(next.is_some());
    drop(lost);
    assert!(disk.mount().lock(path).unwrap().is_none(), "a dead process unlocks nothing");
}
