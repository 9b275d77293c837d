//! The file of profiles: several servers by name, each with what speaks to it. Unknown keys are errors that name the
//! key. A token that other users of the machine can read is refused, and none is ever shown.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{config, connection::beside, failure::Failure};

/// Bytes of a token, and of what a command prints to tell it; the server takes no longer one.
const TOKEN_BYTES_MAX: u64 = 16 << 10;
/// Permissions of others, of which a file with a secret has none.
const OTHERS: u32 = 0o077;

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Written>,
}

/// One profile as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    url: String,
    token: Option<String>,
    token_file: Option<PathBuf>,
    token_command: Option<Vec<String>>,
    ca_file: Option<PathBuf>,
}

/// Every profile of a file.
pub(crate) struct Profiles {
    path: PathBuf,
    default: Option<String>,
    profiles: BTreeMap<String, Profile>,
}

/// A server, and where its token is.
pub(crate) struct Profile {
    pub(crate) url: String,
    source: Source,
    pub(crate) ca_file: Option<PathBuf>,
}

/// Where a token is.
enum Source {
    None,
    /// In the file of profiles.
    Inline(String),
    /// Alone in a file.
    File(PathBuf),
    /// On the standard output of a program with these arguments.
    Command(Vec<String>),
}

impl Profiles {
    /// Reads a file. Paths in it are relative to its directory; `~/` is `home`.
    ///
    /// # Errors
    /// When it cannot be read, is not such a file, or holds a token and is readable by others.
    pub(crate) fn load(path: &Path, home: Option<&Path>) -> Result<Self, Failure> {
        let bad = |why: String| Failure::Refused(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        let file: File = config::parse_as(&text).map_err(bad)?;
        if file.profiles.values().any(|profile| profile.token.is_some()) {
            refuse_readable(path)?;
        }
        let mut profiles = BTreeMap::new();
        for (name, written) in file.profiles {
            let path_of = |given: &Path| beside(path, home, given);
            let source = match (written.token, written.token_file, written.token_command) {
                (None, None, None) => Source::None,
                (Some(token), None, None) => Source::Inline(token),
                (None, Some(file), None) => Source::File(path_of(&file)),
                (None, None, Some(command)) if command.is_empty() => {
                    return Err(bad(format!(
                        "`profiles.{name}.token_command` is empty: name a program and its arguments"
                    )));
                }
                (None, None, Some(command)) => Source::Command(command),
                _ => {
                    return Err(bad(format!(
                        "profile `{name}` has more than one of `token`, `token_file` and `token_command`: leave one"
                    )));
                }
            };
            let ca_file = written.ca_file.as_deref().map(path_of);
            profiles.insert(name, Profile { url: written.url, source, ca_file });
        }
        if let Some(name) = file.default.as_ref().filter(|name| !profiles.contains_key(*name)) {
            return Err(bad(format!("`default` is `{name}`, and there is no such profile")));
        }
        Ok(Self { path: path.to_owned(), default: file.default, profiles })
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// When there is none; those there are are named.
    pub(crate) fn named(&self, name: &str) -> Result<&Profile, Failure> {
        self.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::Usage(format!(
                "there is no profile `{name}` in {}: there is {known}",
                self.path.display()
            ))
        })
    }

    /// The profile that counts when none is named.
    pub(crate) fn default_one(&self) -> Option<&Profile> {
        self.default.as_ref().and_then(|name| self.profiles.get(name))
    }

    /// Every profile by name, and whether it is the default.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Profile, bool)> {
        let default = self.default.as_deref();
        self.profiles.iter().map(move |(name, profile)| (name.as_str(), profile, default == Some(name)))
    }
}

impl Profile {
    /// Whether it says where a token is.
    pub(crate) const fn has_token(&self) -> bool {
        !matches!(self.source, Source::None)
    }

    /// Where its token is, without the token. A command's arguments may be secret, and are left out.
    pub(crate) fn token_from(&self) -> String {
        match &self.source {
            Source::None => "none".to_owned(),
            Source::Inline(_) => "in the file".to_owned(),
            Source::File(path) => format!("file {}", path.display()),
            Source::Command(command) => {
                format!("command {}", command.first().map(String::as_str).unwrap_or_default())
            }
        }
    }

    /// Its token.
    ///
    /// # Errors
    /// When the file cannot be read or can be read by others, or the command fails.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        match &self.source {
            Source::None => Ok(None),
            Source::Inline(token) => Ok(Some(token.clone())),
            Source::File(path) => {
                let bad = |error: io::Error| {
                    Failure::Refused(format!("cannot read the token in {}: {error}", path.display()))
                };
                refuse_readable(path)?;
                let file = fs::File::open(path).map_err(bad)?;
                only_token(file, &path.display().to_string()).map(Some)
            }
            Source::Command(command) => told(command).map(Some),
        }
    }
}

/// Refuses a file with a secret that others can read.
fn refuse_readable(path: &Path) -> Result<(), Failure> {
    let metadata = fs::metadata(path)
        .map_err(|error| Failure::Refused(format!("cannot read {}: {error}", path.display())))?;
    // Pipes and the like (`/dev/fd/3`) are nobody else's whatever their permissions say.
    if metadata.is_file() && metadata.permissions().mode() & OTHERS != 0 {
        let path = path.display();
        return Err(Failure::Refused(format!(
            "{path} holds a token and others may read it: run chmod 600 {path}"
        )));
    }
    Ok(())
}

/// What a command prints. It may ask something on the terminal: its errors go to ours.
fn told(command: &[String]) -> Result<String, Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::Refused("`token_command` is empty".to_owned()));
    };
    let bad = |why: String| Failure::Refused(format!("the token command `{program}` {why}"));
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| bad(format!("cannot be run: {error}")))?;
    let token = child.stdout.take().map(|stdout| only_token(stdout, &format!("the output of `{program}`")));
    let status = child.wait().map_err(|error| bad(format!("cannot be waited for: {error}")))?;
    if !status.success() {
        return Err(bad(format!("failed: {status}")));
    }
    token.unwrap_or_else(|| Err(bad("printed nothing".to_owned())))
}

/// A token that stands alone, but for blanks around it.
fn only_token(from: impl Read, place: &str) -> Result<String, Failure> {
    let bad = |why: &str| Failure::Refused(format!("the token in {place} {why}"));
    let mut text = String::new();
    from.take(TOKEN_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| bad(&format!("cannot be read: {error}")))?;
    if text.len() as u64 > TOKEN_BYTES_MAX {
        return Err(bad(&format!("is longer than {TOKEN_BYTES_MAX} bytes")));
    }
    match text.trim() {
        "" => Err(bad("is missing")),
        token if token.contains(char::is_whitespace) => Err(bad("does not stand alone")),
        token => Ok(token.to_owned()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Takes a file's permissions from everybody else.
    pub(crate) fn only_for_us(path: &Path) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn load(text: &str, mode: u32) -> Result<Profiles, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("profiles.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Profiles::load(&path, None).map_err(|failure| failure.to_string())
    }

    fn error(text: &str) -> String {
        load(text, 0o600).err().unwrap()
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_is_shown() {
        let unknown = error("[profiles.a]\nurl = \"http://a\"\ntokn = \"hunter2\"\n");
        assert!(unknown.contains("line 3") && unknown.contains("unknown field `tokn`"), "{unknown}");
        assert!(unknown.contains("in [profiles.a]") && !unknown.contains("hunter2"), "{unknown}");
        let kind = error("[profiles.a]\nurl = \"http://a\"\ntoken = 271828\n");
        assert!(kind.contains("expected a string") && !kind.contains("271828"), "{kind}");
        let torn = error("[profiles.a]\nurl = \"http://a\"\ntoken = \"hunter2\n");
        assert!(torn.contains("line 3") && !torn.contains("hunter2"), "{torn}");
        assert!(error("profile = 1\n").contains("unknown field `profile`"));
        assert!(error("[profiles.a]\ntoken = \"x\"\n").contains("missing field `url`"));
        assert!(error("default = \"b\"\n").contains("`default` is `b`, and there is no such profile"));
        let two = error("[profiles.a]\nurl = \"http://a\"\ntoken = \"hunter2\"\ntoken_file = \"b\"\n");
        assert!(two.contains("profile `a` has more than one of") && !two.contains("hunter2"), "{two}");
        assert!(
            error("[profiles.a]\nurl = \"http://a\"\ntoken_command = []\n")
                .contains("token_command` is empty")
        );
    }

    #[test]
    fn a_token_that_others_can_read_is_refused() {
        let text = "[profiles.a]\nurl = \"http://a\"\ntoken = \"hunter2\"\n";
        let refused = load(text, 0o640).err().unwrap();
        assert!(refused.contains("others may read it: run chmod 600"), "{refused}");
        assert!(load(text, 0o600).is_ok());
        // A file without a token may be read by everybody.
        assert!(load("[profiles.a]\nurl = \"http://a\"\n", 0o644).is_ok());

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, " hunter2\n").unwrap();
        let profile = Profile { url: String::new(), source: Source::File(path.clone()), ca_file: None };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(profile.token().unwrap_err().to_string().contains("others may read it"));
        only_for_us(&path);
        assert_eq!(profile.token().unwrap().as_deref(), Some("hunter2"));
    }

    #[test]
    fn a_command_tells_the_token() {
        let profile = |command: &[&str]| Profile {
            url: String::new(),
            source: Source::Command(command.iter().map(|word| (*word).to_owned()).collect()),
            ca_file: None,
        };
        assert_eq!(profile(&["echo", "hunter2"]).token().unwrap().as_deref(), Some("hunter2"));
        assert_eq!(profile(&["echo", "hunter2"]).token_from(), "command echo");
        for (command, why) in [
            (vec!["false"], "failed: "),
            (vec!["true"], "is missing"),
            (vec!["echo", "a", "b"], "does not stand alone"),
            (vec!["annals-no-such-program"], "cannot be run"),
        ] {
            let error = profile(&command).token().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
