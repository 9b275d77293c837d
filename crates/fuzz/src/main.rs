//! `annals-fuzz`: lists targets, writes their seeds and dictionaries for a fuzzer, and repeats inputs. It needs neither
//! cargo-fuzz nor a special build.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is its purpose")]

use std::{error::Error, fmt::Write, fs, path::Path, process::ExitCode};

use annals_fuzz::{Target, targets};

const USAGE: &str = "\
usage: annals-fuzz list                          names the targets
       annals-fuzz seeds TARGET FOLDER DICTIONARY  writes a target's seeds and its dictionary for libFuzzer
       annals-fuzz run TARGET FILE...              feeds files to a target
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match work(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        ["list"] => targets().iter().for_each(|target| println!("{}", target.name())),
        ["seeds", name, folder, dictionary] => write_seeds(&find(name)?, Path::new(folder), dictionary)?,
        ["run", name, files @ ..] if !files.is_empty() => {
            let target = find(name)?;
            for file in files {
                println!("{file}");
                target.run(&fs::read(file)?);
            }
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

fn find(name: &str) -> Result<Target, String> {
    let found = targets().into_iter().find(|target| target.name() == name);
    found.ok_or_else(|| format!("there is no target `{name}`: `annals-fuzz list` names them"))
}

fn write_seeds(target: &Target, folder: &Path, dictionary: &str) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for (number, seed) in target.seeds().iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    // libFuzzer refuses an empty dictionary, and seeds that are not text have no words.
    let mut text = "# Words of the seeds.\n".to_owned();
    for word in target.dictionary() {
        text.push('"');
        for byte in word.bytes() {
            match byte {
                b' '..=b'~' if byte != b'"' && byte != b'\\' => text.push(char::from(byte)),
                _ => write!(text, "\\x{byte:02x}")?,
            }
        }
        text.push_str("\"\n");
    }
    fs::write(dictionary, text)?;
    Ok(())
}
