//! `annals keys`: makes credentials and says what to put into the configuration. Nothing is stored or sent.

use std::{
    io::{self, Read},
    process::ExitCode,
};

use annals_auth::{TOKEN_BYTES_MAX, new_key_pair, new_token, token_sha256};

use crate::{
    cli::{KeysArgs, KeysCommand, NewKeyArgs, RoleName},
    failure::Failure,
    output,
};

pub(super) fn run(arguments: &KeysArgs) -> Result<ExitCode, Failure> {
    let text = match &arguments.command {
        KeysCommand::New(new) if new.signing => key_pair(new),
        KeysCommand::New(new) => token(new),
        KeysCommand::Hash => {
            let mut token = String::new();
            // One byte more than is allowed is enough to know.
            io::stdin()
                .take(TOKEN_BYTES_MAX as u64 + 1)
                .read_to_string(&mut token)
                .map_err(|error| Failure::Refused(format!("cannot read a token from stdin: {error}")))?;
            hash(&token)?
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn token(new: &NewKeyArgs) -> String {
    let token = new_token();
    let digest = token_sha256(&token);
    format!(
        "# The token, for the client. It is shown here once and kept nowhere.\n\
         # {token}\n\
         \n\
         # For the configuration file of the server:\n\
         [[credential]]\n\
         name = {name}\n\
         token_sha256 = \"{digest}\"\n\
         {grants}\n",
        name = quoted(&new.name),
        grants = grants(new),
    )
}

fn key_pair(new: &NewKeyArgs) -> String {
    let (key, secret) = new_key_pair();
    format!(
        "# For the client: the key and the secret below. A secret that checks signatures cannot be kept as a hash, so\n\
         # keep the configuration file readable to the server only.\n\
         \n\
         # For the configuration file of the server:\n\
         [[credential]]\n\
         name = {name}\n\
         key = \"{key}\"\n\
         secret = \"{secret}\"\n\
         {grants}\n",
        name = quoted(&new.name),
        grants = grants(new),
    )
}

fn grants(new: &NewKeyArgs) -> String {
    let role = match new.role {
        RoleName::Reader => "reader",
        RoleName::Writer => "writer",
        RoleName::Admin => "admin",
    };
    let mut grant = format!("role = \"{role}\"");
    for (name, value) in [("organization", &new.organization), ("project", &new.project)] {
        if let Some(value) = value {
            grant.push_str(&format!(", {name} = {}", quoted(value)));
        }
    }
    format!("grants = [{{ {grant} }}]")
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn hash(input: &str) -> Result<String, Failure> {
    let token = input.trim_end_matches(['\n', '\r']);
    if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(Failure::Refused(format!(
            "stdin holds no token: one of 1 to {TOKEN_BYTES_MAX} visible ASCII characters without spaces is expected"
        )));
    }
    Ok(format!("{}\n", token_sha256(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(signing: bool) -> NewKeyArgs {
        NewKeyArgs {
            name: "ci \"prod\"".to_owned(),
            signing,
            role: RoleName::Writer,
            organization: Some("acme".to_owned()),
            project: None,
        }
    }

    #[test]
    fn what_is_printed_can_be_put_into_the_file() {
        let text = token(&new(false));
        let credential = &text.parse::<toml::Table>().unwrap()["credential"][0];
        assert_eq!(credential["name"].as_str(), Some("ci \"prod\""));
        assert_eq!(credential["grants"][0]["role"].as_str(), Some("writer"));
        assert_eq!(credential["grants"][0]["organization"].as_str(), Some("acme"));
        let shown = text.lines().nth(1).unwrap().trim_start_matches("# ");
        assert_eq!(credential["token_sha256"].as_str(), Some(token_sha256(shown).as_str()));

        let text = key_pair(&new(true));
        let credential = &text.parse::<toml::Table>().unwrap()["credential"][0];
        assert!(credential["key"].as_str().unwrap().starts_with("EXO"));
        assert_eq!(credential["secret"].as_str().unwrap().len(), 43);
    }

    #[test]
    fn hashes_one_token() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
        assert_eq!(hash("abc").unwrap(), expected);
        assert_eq!(hash("abc\r\n").unwrap(), expected);
        for bad in ["", "\n", "a b", "a\nb"] {
            assert!(hash(bad).is_err(), "{bad:?}");
        }
    }
}
