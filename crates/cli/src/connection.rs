//! Where the server is and how to speak to it: what flags, the environment and profiles say, and what follows of it.
//!
//! A flag comes before the environment, the environment before a profile. A profile that a flag names counts as a flag:
//! whoever says `--profile staging` means staging, whatever the environment holds. A profile's token goes to that
//! profile's address and nowhere else.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{
    failure::Failure,
    profiles::{Profile, Profiles},
};

/// Where a server is if nothing says so.
const URL_DEFAULT: &str = "http://127.0.0.1:8650";

/// Where the server is and how to speak to it, as the command line says. The variables of the environment are read
/// apart, because what was chosen by a flag comes before them.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Address of the server [env: ANNALS_URL] [default: that of the profile, else http://127.0.0.1:8650]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Token of a credential; better in the environment or a profile, where other users of the machine do not see it
    /// [env: ANNALS_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Certificates (PEM) to trust instead of the public ones [env: ANNALS_CA_FILE]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Profile of the server [env: ANNALS_PROFILE] [default: the one that the file names]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    #[command(flatten)]
    pub(crate) file: ProfilesFile,
    /// How often a request is repeated when the server is busy or cannot be reached
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) retries: u32,
}

/// Where profiles are.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ProfilesFile {
    /// File of profiles [env: ANNALS_PROFILES] [default: annals/profiles.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) profiles: Option<PathBuf>,
}

impl ProfilesFile {
    /// The profiles; none when there is no file and nothing names one.
    ///
    /// # Errors
    /// When the file cannot be read, or says what it must not.
    pub(crate) fn load(&self, environment: &Environment) -> Result<Option<Profiles>, Failure> {
        if let Some(path) = self.profiles.clone().or_else(|| environment.path("ANNALS_PROFILES")) {
            return Profiles::load(&path, environment.home().as_deref()).map(Some);
        }
        match environment.profiles_by_default().filter(|path| path.exists()) {
            Some(path) => Profiles::load(&path, environment.home().as_deref()).map(Some),
            None => Ok(None),
        }
    }
}

/// The variables of the environment; empty ones count as absent.
pub(crate) struct Environment(fn(&str) -> Option<String>);

impl Environment {
    /// That of the process.
    pub(crate) const OURS: Self = Self(|name| env::var(name).ok());

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    fn home(&self) -> Option<PathBuf> {
        self.path("HOME")
    }

    /// Where profiles are if nothing says so.
    pub(crate) fn profiles_by_default(&self) -> Option<PathBuf> {
        // A relative path there is to be ignored: <https://specifications.freedesktop.org/basedir/latest/>.
        let config = self.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        let config = config.or_else(|| self.home().map(|home| home.join(".config")))?;
        Some(config.join("annals").join("profiles.toml"))
    }
}

/// A server to speak to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) retries: u32,
}

impl Connection {
    /// The server that flags, the environment and profiles say.
    ///
    /// # Errors
    /// When there is no such profile, or what it says cannot be had.
    pub(crate) fn resolve(&self, environment: &Environment) -> Result<Server, Failure> {
        let named = self.profile.clone().or_else(|| environment.get("ANNALS_PROFILE"));
        let profiles = match (&self.url, &named, &self.file.profiles) {
            // Everything is said: what a file would say is no reason to fail.
            (Some(_), None, None) => None,
            _ => self.file.load(environment)?,
        };
        let chosen = match (&profiles, named) {
            (Some(profiles), Some(name)) => Some(profiles.named(&name)?),
            (Some(profiles), None) => profiles.default_one(),
            (None, Some(name)) => {
                let path = environment.profiles_by_default().unwrap_or_default();
                return Err(Failure::Usage(format!(
                    "there is no profile `{name}`, because there is no file {}",
                    path.display()
                )));
            }
            (None, None) => None,
        };
        let by_flag = self.profile.is_some();
        let url = pick(
            self.url.clone(),
            environment.get("ANNALS_URL"),
            chosen.map(|profile| profile.url.clone()),
            by_flag,
        )
        .unwrap_or_else(|| URL_DEFAULT.to_owned());
        let same = |profile: &&Profile| profile.url.trim_end_matches('/') == url.trim_end_matches('/');
        let chosen = chosen.filter(same);
        let (flag, variable) = (self.token.clone(), environment.get("ANNALS_TOKEN"));
        let has_token = chosen.is_some_and(Profile::has_token);
        let token = match (flag, variable) {
            (Some(token), _) => Some(token),
            (None, Some(token)) if !(by_flag && has_token) => Some(token),
            _ => chosen.map(Profile::token).transpose()?.flatten(),
        };
        let ca_file = pick(
            self.ca_file.clone(),
            environment.path("ANNALS_CA_FILE"),
            chosen.and_then(|profile| profile.ca_file.as_deref().map(Path::to_owned)),
            by_flag,
        );
        Ok(Server { url, token, ca_file, retries: self.retries })
    }
}

/// The first that there is of a flag, the environment and the profile; a profile that a flag names comes before the
/// environment.
fn pick<T>(flag: Option<T>, variable: Option<T>, profile: Option<T>, by_flag: bool) -> Option<T> {
    if by_flag { flag.or(profile).or(variable) } else { flag.or(variable).or(profile) }
}

/// The path of a file that a profile names, from the directory of the file of profiles.
pub(crate) fn beside(file: &Path, home: Option<&Path>, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => file.parent().unwrap_or(Path::new("")).join(path),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::profiles;

    const NOTHING: Environment = Environment(|_| None);
    const VARIABLES: Environment = Environment(|name| match name {
        "ANNALS_URL" => Some("http://variable".to_owned()),
        "ANNALS_TOKEN" => Some("of-variable".to_owned()),
        _ => None,
    });

    fn file(text: &str) -> (tempfile::TempDir, ProfilesFile) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("profiles.toml");
        fs::write(&path, text).unwrap();
        profiles::tests::only_for_us(&path);
        (directory, ProfilesFile { profiles: Some(path) })
    }

    const TWO: &str = "default = \"a\"\n[profiles.a]\nurl = \"http://a\"\ntoken = \"of-a\"\n\
                       [profiles.b]\nurl = \"http://b\"\ntoken = \"of-b\"\nca_file = \"ca.pem\"\n\
                       [profiles.bare]\nurl = \"http://bare\"\n";

    #[test]
    fn flags_come_before_the_environment_and_that_before_the_profile() {
        let (directory, profiles_file) = file(TWO);
        let with = |url: Option<&str>, token: Option<&str>, profile: Option<&str>| Connection {
            url: url.map(str::to_owned),
            token: token.map(str::to_owned),
            profile: profile.map(str::to_owned),
            file: profiles_file.clone(),
            ..Connection::default()
        };
        let found = |connection: Connection, environment: &Environment| {
            let server = connection.resolve(environment).unwrap();
            (server.url, server.token.unwrap_or_default())
        };
        let pair = |url: &str, token: &str| (url.to_owned(), token.to_owned());
        assert_eq!(found(with(None, None, None), &NOTHING), pair("http://a", "of-a"));
        assert_eq!(found(with(None, None, Some("b")), &NOTHING), pair("http://b", "of-b"));
        assert_eq!(found(with(None, Some("t"), Some("b")), &NOTHING), pair("http://b", "t"));
        // The environment comes before the profile that the file chooses, not before the one that a flag names.
        assert_eq!(found(with(None, None, None), &VARIABLES), pair("http://variable", "of-variable"));
        assert_eq!(found(with(None, None, Some("b")), &VARIABLES), pair("http://b", "of-b"));
        assert_eq!(found(with(None, None, Some("bare")), &VARIABLES), pair("http://bare", "of-variable"));
        // A profile's token goes to its own address only.
        assert_eq!(found(with(Some("http://x"), None, Some("b")), &NOTHING), pair("http://x", ""));
        assert_eq!(found(with(Some("http://b/"), None, Some("b")), &NOTHING), pair("http://b/", "of-b"));
        let server = with(None, None, Some("b")).resolve(&NOTHING).unwrap();
        assert_eq!(server.ca_file, Some(directory.path().join("ca.pem")));
        assert_eq!(with(Some("http://x"), None, Some("b")).resolve(&NOTHING).unwrap().ca_file, None);
    }

    #[test]
    fn without_profiles_there_is_a_default() {
        let server = Connection::default().resolve(&NOTHING).unwrap();
        assert_eq!((server.url.as_str(), server.token), (URL_DEFAULT, None));
        let named = Connection { profile: Some("a".to_owned()), ..Connection::default() };
        assert!(
            matches!(named.resolve(&NOTHING), Err(Failure::Usage(text)) if text.contains("no profile `a`"))
        );
    }

    #[test]
    fn a_profile_that_there_is_not_is_named_with_those_there_are() {
        let (_directory, file) = file(TWO);
        let connection = Connection { profile: Some("c".to_owned()), file, ..Connection::default() };
        let Err(Failure::Usage(text)) = connection.resolve(&NOTHING) else { panic!("no error of usage") };
        assert!(text.contains("no profile `c`") && text.contains("a, b, bare"), "{text}");
    }

    #[test]
    fn files_are_found_from_the_file_that_names_them() {
        let found = |path: &str| beside(Path::new("/x/p.toml"), Some(Path::new("/home/u")), Path::new(path));
        assert_eq!(found("t"), Path::new("/x/t"));
        assert_eq!(found("/t"), Path::new("/t"));
        assert_eq!(found("~/t"), Path::new("/home/u/t"));
    }
}
