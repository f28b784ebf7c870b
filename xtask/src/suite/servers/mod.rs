//! The servers that tests talk to: PostgreSQL and S3, both real, both made for one run of the tests and gone
//! after it, and the Python environment that the second of them, and some tests, run in. And clients for them to serve.

mod node;
mod postgres;
mod python;
mod s3;
mod server;

use std::ffi::OsString;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use super::needs;
use crate::environment::Environment;
use server::Server;

/// The packages whose tests talk to servers. A run of other packages alone starts none.
const SERVED: [&str; 5] = ["gradus-app", "gradus-cli", "gradus-store", "gradus-testkit", "gradus-web"];

/// What tests are told, by the variables they read.
pub(super) struct Servers {
    variables: Vec<(&'static str, OsString)>,
    /// They end when this is dropped, or with this process, however it ends.
    _running: Vec<Server>,
}

impl Servers {
    /// Whether tests of these packages talk to servers; no names stand for all packages.
    pub(super) fn are_for(packages: &[&str]) -> bool {
        packages.is_empty() || packages.iter().any(|package| SERVED.contains(package))
    }

    /// Makes and starts what the caller does not have already.
    pub(super) fn start(environment: &Environment) -> Result<Self> {
        let started = Instant::now();
        let given = &environment.test_servers;
        needs::ensure(needs::SERVERS, &environment.command_dirs)?;

        let mut running = Vec::new();
        let python = match &given.python {
            Some(python) => python.clone(),
            None => python::ensure(&environment.data_dir)?.into(),
        };
        // It gets ready while PostgreSQL's files are made.
        let s3 = match &given.s3 {
            Some(_) => None,
            None => Some(s3::start(&python, &environment.temporary_dir)?),
        };
        let node = match &given.node {
            Some(node) => Some(node.clone()),
            None => node::ensure(&environment.data_dir)?.map(OsString::from),
        };
        let postgres = match &given.postgres {
            Some(address) => address.clone(),
            None => {
                let (server, address) = postgres::start(environment)?;
                running.push(server);
                address.into()
            }
        };
        let s3 = match (s3, &given.s3) {
            (Some(s3), _) => {
                let (server, address) = s3.ready()?;
                running.push(server);
                address.into()
            }
            (None, address) => address.clone().unwrap_or_default(),
        };
        println!("servers for the tests: ready after {:.1} s", started.elapsed().as_secs_f64());
        let mut variables =
            vec![("GRADUS_TEST_POSTGRES", postgres), ("GRADUS_TEST_S3", s3), ("GRADUS_TEST_PYTHON", python)];
        variables.extend(node.map(|node| ("GRADUS_TEST_NODE", node)));
        Ok(Self { variables, _running: running })
    }

    /// Tells the tests where the servers are.
    pub(super) fn name_to(&self, tests: &mut Command) {
        tests.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_packages_without_servers_start_none() {
        assert!(Servers::are_for(&[]));
        assert!(Servers::are_for(&["gradus-kernels", "gradus-store"]));
        assert!(!Servers::are_for(&["gradus-kernels", "gradus-domain"]));
    }
}
