//! A PostgreSQL server with nothing in it, on a port of its own, for one run of the tests.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::server::{Plan, Server, free_port, new_directory};
use crate::environment::Environment;
use crate::suite::needs;

const USER: &str = "gradus";
/// Tests run side by side, each with connections of its own.
const MAX_CONNECTIONS: u32 = 300;
/// Another program may take the port that was free a moment ago.
const TRIES: usize = 3;

/// Makes and starts a server; returns the address of a database in it that tests make their own from.
pub(super) fn start(environment: &Environment) -> Result<(Server, String)> {
    let programs = programs(&environment.command_dirs)?;
    let account = Account::for_server()?;
    let mut tries = 1;
    loop {
        match start_once(&programs, &account, &environment.temporary_dir) {
            Err(error) if tries < TRIES => {
                eprintln!("xtask: {error:#}\nxtask: trying another port");
                tries += 1;
            }
            done => return done,
        }
    }
}

fn start_once(programs: &Path, account: &Account, temporary_dir: &Path) -> Result<(Server, String)> {
    let directory = new_directory(temporary_dir, "postgres")?;
    let data = directory.join("data");
    let password = random_word()?;
    account.own(&directory)?;
    make_cluster(programs, account, &directory, &data, &password)
        .inspect_err(|_| drop(fs::remove_dir_all(&directory)))?;

    let port = free_port()?;
    let mut command = account.command(programs.join("postgres"));
    command.extend(["-D".into(), data.into_os_string()]);
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        // As for a user: what is lost by a crash is lost in a test too.
        "fsync=on".to_owned(),
        format!("max_connections={MAX_CONNECTIONS}"),
    ];
    command.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
    let command: Vec<&OsStr> = command.iter().map(OsString::as_os_str).collect();
    // At once, without writing out what is deleted next.
    let mut server = Server::start(Plan { name: "PostgreSQL", command, signal: "QUIT", directory })?;
    server.wait_until(|| {
        let mut question = Command::new(programs.join("pg_isready"));
        question.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
        question.status().is_ok_and(|status| status.success())
    })?;
    Ok((server, format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres")))
}

fn make_cluster(
    programs: &Path,
    account: &Account,
    directory: &Path,
    data: &Path,
    password: &str,
) -> Result<()> {
    let password_file = directory.join("password");
    fs::write(&password_file, password)?;
    account.own(&password_file)?;
    let command = account.command(programs.join("initdb"));
    let mut initdb = Command::new(&command[0]);
    initdb.args(&command[1..]).arg("-D").arg(data).arg("--pwfile").arg(&password_file);
    initdb.args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"]);
    // Nothing is lost if the machine stops here; the server itself does wait for the disk.
    initdb.arg("--no-sync").current_dir(directory).stdout(Stdio::null());
    let status = initdb.status().context("could not start initdb")?;
    ensure!(
        status.success(),
        "initdb ended with {status}; if it may not enter {}, set TMPDIR to a directory that {} can reach",
        directory.display(),
        account.name()
    );
    fs::remove_file(password_file)?;
    Ok(())
}

/// The directory with PostgreSQL's programs: links may lead to it.
fn programs(command_dirs: &[PathBuf]) -> Result<PathBuf> {
    let initdb = needs::find("initdb", command_dirs).context("there is no initdb")?;
    let programs = fs::canonicalize(initdb)?;
    Ok(programs.parent().context("initdb lies in no directory")?.to_path_buf())
}

/// Whom the server runs as: PostgreSQL refuses to run as root.
enum Account {
    Caller,
    Unprivileged { name: &'static str, user: u32, group: u32 },
}

impl Account {
    fn for_server() -> Result<Self> {
        if !needs::is_root() {
            return Ok(Self::Caller);
        }
        let accounts = ["postgres", "nobody"].into_iter();
        let known = accounts.filter_map(|name| Some((name, id("-u", name)?, id("-g", name)?))).next();
        let (name, user, group) = known.context(
            "PostgreSQL refuses to run as root, and there is no user postgres or nobody; run this as another user",
        )?;
        Ok(Self::Unprivileged { name, user, group })
    }

    /// The beginning of a command that runs a program as that account.
    fn command(&self, program: PathBuf) -> Vec<OsString> {
        let mut command: Vec<OsString> = Vec::new();
        if let Self::Unprivileged { user, group, .. } = self {
            command.push("setpriv".into());
            command.extend([format!("--reuid={user}").into(), format!("--regid={group}").into()]);
            command.extend(["--clear-groups".into(), "--".into()]);
        }
        command.push(program.into());
        command
    }

    fn own(&self, path: &Path) -> Result<()> {
        if let Self::Unprivileged { user, group, name } = self {
            chown(path, Some(*user), Some(*group))
                .with_context(|| format!("cannot give {} to {name}", path.display()))?;
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Caller => "you",
            Self::Unprivileged { name, .. } => name,
        }
    }
}

/// What `id` says about a user, if there is such a user.
fn id(what: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([what, name]).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A password for this run: other users of the machine can reach the port.
fn random_word() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_root_the_server_runs_as_somebody_else() {
        let account = Account::Unprivileged { name: "postgres", user: 101, group: 104 };
        let command = account.command("bin/postgres".into());
        assert_eq!(
            command,
            ["setpriv", "--reuid=101", "--regid=104", "--clear-groups", "--", "bin/postgres"]
        );
        assert_eq!(Account::Caller.command("bin/postgres".into()), ["bin/postgres"]);
    }

    #[test]
    fn a_password_is_drawn_anew_for_each_server() {
        let [one, two] = [(); 2].map(|()| random_word().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
    }
}
