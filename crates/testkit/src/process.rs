//! The real server as a child process: for tests that kill it, and for benchmarks.

use std::{
    fs, io,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a start may take, with recovery, on a slow machine.
const START_MAX: Duration = Duration::from_secs(60);
/// How often a starting server is asked whether it is ready.
const POLL: Duration = Duration::from_millis(2);
/// How long one answer of a probe may take.
const PROBE_MAX: Duration = Duration::from_secs(10);
/// The token that [`ServerProcess`] writes into the configuration, with the role `admin` over everything.
const TOKEN: &str = "testkit-admin";

/// `annals serve` on a directory of its own and a free loopback port. Killed when dropped.
#[derive(Debug)]
pub struct ServerProcess {
    binary: PathBuf,
    directory: PathBuf,
    address: SocketAddr,
    child: Child,
}

impl ServerProcess {
    /// Starts `binary` (an `annals` executable) on `directory` and waits until it is ready. `settings` is added to the
    /// configuration file: further tables, as in `[store]\nseal_events = 100\n`.
    ///
    /// # Errors
    /// When it cannot be started, ends at once, or is not ready within a minute.
    pub fn start(binary: &Path, directory: &Path, settings: &str) -> io::Result<Self> {
        // Between this moment and the server's own bind somebody else could take the port; the start then fails and
        // says so.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let config = format!(
            "listen = \"{address}\"\ndata_dir = {:?}\n\n[[credential]]\nname = \"testkit\"\ntoken = \"{TOKEN}\"\n\
             grants = [{{ role = \"admin\" }}]\n\n{settings}",
            directory.join("data")
        );
        fs::write(directory.join("annals.toml"), config)?;
        let child = spawn(binary, directory)?;
        let mut process = Self { binary: binary.to_owned(), directory: directory.to_owned(), address, child };
        process.wait_until_ready()?;
        Ok(process)
    }

    /// The URL of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A value for `Authorization` that may do everything.
    pub fn authorization(&self) -> String {
        format!("Bearer {TOKEN}")
    }

    /// The directory that holds its data.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it by SIGKILL, as a power cut would end it (but for what the operating system still holds), and waits
    /// until it is gone.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks it to stop by SIGTERM and waits until it has.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn terminate(&mut self) -> io::Result<ExitStatus> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()
    }

    /// Starts it again on the same data after [`ServerProcess::kill`] or [`ServerProcess::terminate`]; gives the time
    /// until it was ready.
    ///
    /// # Errors
    /// As for [`ServerProcess::start`].
    pub fn start_again(&mut self) -> io::Result<Duration> {
        let begun = Instant::now();
        self.child = spawn(&self.binary, &self.directory)?;
        self.wait_until_ready()?;
        Ok(begun.elapsed())
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < START_MAX {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("the server ended while starting: {status}")));
            }
            if self.is_ready() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("the server was not ready after {START_MAX:?}")))
    }

    fn is_ready(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(PROBE_MAX))?;
            write!(stream, "GET /readyz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)?;
            let mut status_line = [0; b"HTTP/1.1 200".len()];
            stream.read_exact(&mut status_line)?;
            io::Result::Ok(status_line == *b"HTTP/1.1 200")
        };
        ask().unwrap_or(false)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may be gone already, and then that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &Path, directory: &Path) -> io::Result<Child> {
    let log = fs::OpenOptions::new().create(true).append(true).open(directory.join("annals.log"))?;
    Command::new(binary)
        .args(["serve", "--config"])
        .arg(directory.join("annals.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
}
