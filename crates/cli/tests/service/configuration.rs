//! `gradus config check`: what is in effect, and what is wrong, before anything is started.

use std::process::Stdio;

use crate::gradus::{Place, Ran};

fn check(place: &Place, arguments: &str, variables: &[(&str, &str)]) -> Ran {
    let arguments = format!("config check {arguments}");
    let mut command = place.command(&arguments);
    let output = command.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap();
    Ran::of(&arguments, output)
}

#[test]
fn every_setting_in_effect_is_shown_but_no_secret_and_nothing_is_made() {
    let place = Place::new();
    place.write(
        "gradus.toml",
        "[server]\nlisten = \"0.0.0.0:80\"\npublic_address = \"https://gradus.example.org\"\n\
         [database]\nlocation = \"postgres://me:hush-one@db/gradus\"\n\
         [blobs]\nlocation = \"s3://bucket\"\naccess_key_id = \"hush-two\"\nsecret_access_key = \"hush-three\"\n\
         [workers.limits]\nleast_free_memory_mib = 77\n[accounts.throttle]\nwindow_minutes = 5\n",
    );
    let before = place.files();
    let variables = [("GRADUS_WORKERS_LIMITS__MOST_LOAD_PER_CORE", "1.5")];
    let ran = check(&place, "--config gradus.toml --json", &variables);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let shown = ran.json_lines().pop().unwrap();
    assert_eq!(shown["server"]["listen"], "0.0.0.0:80");
    assert_eq!(shown["database"]["location"], "postgres://db/gradus");
    assert_eq!(shown["blobs"]["secret_access_key"], "set");
    assert_eq!(shown["workers"]["limits"]["least_free_memory_mib"], 77);
    assert_eq!(shown["workers"]["limits"]["most_load_per_core"], 1.5);
    assert_eq!(shown["accounts"]["throttle"]["window_minutes"], 5);
    assert!(shown["accounts"]["hashing"]["memory_kib"].as_u64().unwrap() > 0);
    assert!(!ran.stdout.contains("hush"), "{ran:?}");
    let people = check(&place, "--config gradus.toml", &variables);
    assert_eq!(people.code, Some(0), "{people:?}");
    assert!(people.stderr.contains("in order") && !people.stdout.contains("hush"), "{people:?}");
    assert_eq!(place.files(), before);
}

/// Arguments, variables, and what is said of them.
type Refused = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn what_a_server_would_not_start_with_is_found() {
    let place = Place::new();
    place.write("misspelt.toml", "[server]\nlisten = \"127.0.0.1:1\"\nlisten_adress = 3\n");
    place.write("named.toml", "[server]\nlisten = \"localhost:8420\"\n");
    let cases: [Refused; 13] = [
        ("--config misspelt.toml", &[], &["misspelt.toml", "line 3", "listen_adress"]),
        ("--config missing.toml", &[], &["cannot read missing.toml"]),
        ("", &[("GRADUS_CONFIG", "missing.toml")], &["cannot read missing.toml"]),
        ("", &[("GRADUS_SERVER_LISTEN", "localhost")], &["GRADUS_SERVER_LISTEN", "such as 127.0.0.1:8420"]),
        ("--config named.toml", &[], &["line 2", "`localhost:8420`", "such as 127.0.0.1:8420"]),
        ("", &[("GRADUS_SERVER_TRUSTED_PROXIES", "::1,ten")], &["[server] trusted_proxies", "`ten`"]),
        ("", &[("GRADUS_WORKERS_HEAVY", "a,b")], &["GRADUS_WORKERS_HEAVY"]),
        ("", &[("GRADUS_SERVER_PUBLIC_ADDRESS", "example.org")], &["[server] public_address"]),
        ("", &[("GRADUS_SERVER_TRUSTED_PROXIES", "[\"ten\"]")], &["[server] trusted_proxies", "ten"]),
        ("", &[("GRADUS_DATABASE_LOCATION", "mysql://me@db/x")], &["[database] location", "mysql"]),
        ("", &[("GRADUS_WORKERS_LEASE_SECONDS", "60")], &["lease_seconds is 60", "use 1 to 25"]),
        ("", &[("GRADUS_ACCOUNTS_SESSION_HOURS", "0")], &["[accounts]", "`session_hours` is 0"]),
        ("", &[("GRADUS_WORKERS_LIMITS__MOST_LOAD_PER_CORE", "0")], &["most_load_per_core", "above 0"]),
    ];
    for (arguments, variables, told) in cases {
        let ran = check(&place, arguments, variables);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.assert_refused(told);
        let mut serve = place.command(&format!("serve --listen 127.0.0.1:0 {arguments}"));
        let ran =
            Ran::of("serve", serve.envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap());
        ran.assert_refused(told);
        assert!(!place.path("data").exists(), "a server with this configuration made something");
    }
}
