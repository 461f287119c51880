//! The command line against a helper that plays a part, on a bus of its own (no privilege needed).
#![cfg(feature = "service")]

mod sstpctl_face;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sstpctl_face::{Bus, HOSTILE, PASSWORD, Ran, World, run, wait_for};

/// Nothing of a hostile text works on a terminal. The sequences of our own colours are no harm.
#[track_caller]
fn assert_harmless(text: &str) {
    assert!(!text.contains("\x1b[2J") && !text.contains("\x1b]0;") && !text.contains(['\x07', '\u{202e}']), "{text:?}");
}

#[test]
fn a_connection_shows_its_phases_and_what_is_connected() {
    let Some(world) = World::new() else { return };
    let out = world.run(&["connect", "work"]).ok();
    let phases =
        ["Looking up the server", "TCP", "TLS", "HTTP", "SSTP call", "PPP link", "Authentication", "Addresses"];
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[0], "Connecting to work");
    for (line, phase) in lines[1..].iter().zip(phases) {
        assert!(line.trim_start().starts_with(phase) && line.ends_with('s'), "{line}");
    }
    assert!(lines[9].starts_with("Connected to works.example (203.0.113.7:443) in "), "{out}");
    for part in ["sstp0", "10.8.0.2/32", "0.0.0.0/0 (all of IPv4)", "DNS             10.8.0.1", "corp.example"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_harmless(&out);
    let [call] = &world.helper.calls("Connect")[..] else { panic!("one call") };
    assert_eq!((call.text.as_str(), call.may_ask), ("work {}", true));
}

#[test]
fn a_connection_without_a_profile_has_settings() {
    let Some(world) = World::new() else { return };
    let line = ["connect", "--gateway", "works.example:8443", "--user", "alice", "--set", "mtu=1400"];
    assert!(world.run(&line).ok().starts_with("Connecting to works.example:8443\n"));
    let expected = r#" {"gateway": "works.example:8443", "mtu": "1400", "user": "alice"}"#;
    assert_eq!(world.helper.calls("Connect")[0].text, expected);
    for (setting, sentence) in [
        ("mtuu=1400", "There is no setting \"mtuu\": did you mean \"mtu\"?"),
        ("routes=some", "It can only be one of these: full, split, none, auto."),
        ("proxy-password=hunter2", "is a secret"),
        ("gateway=x", "The setting gateway is given twice."),
        ("proxy-server=https://x", "TLS to the proxy itself is not supported"),
    ] {
        let error = world.run(&["connect", "--gateway", "works.example", "--set", setting]).fails(2);
        assert!(error.contains(sentence), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let ran = world.run(&["connect", "--gateway", "works.example", "--user", "a", "--set", "ignore-cert-warn=yes"]);
    assert!(ran.err.starts_with("sstpctl: warning: the server's certificate is not verified"), "{}", ran.err);
    assert_eq!(world.helper.calls("Connect").len(), 2, "what is wrong is not sent");
}

#[test]
fn files_that_settings_name_are_handed_over_opened() {
    let Some(world) = World::new() else { return };
    let path = world.file("ca.pem", "an authority");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("our own file");
    let name = path.to_str().expect("a path");
    let absolute = format!("ca-cert={name}");
    let connect = ["connect", "--gateway", "works.example", "--user", "alice", "--set"];
    for (setting, home) in [(absolute.as_str(), "/"), ("ca-cert=ca.pem", "/"), ("ca-cert=~/ca.pem", "")] {
        let home = if home.is_empty() { path.parent().expect("a directory") } else { home.as_ref() };
        let mut command = world.command(&[&connect[..], &[setting]].concat());
        run(command.current_dir(path.parent().expect("a directory")).env("HOME", home)).ok();
        let calls = world.helper.calls("Connect");
        let call = calls.last().expect("a call");
        assert!(call.text.contains(&format!("\"ca-cert\": {name:?}")), "{}", call.text);
        assert_eq!(call.files, [(name.to_owned(), "an authority".to_owned())].into(), "{setting}");
    }
    world.run(&["probe", "vpn.example.com", "--set", &absolute]).ok();
    assert_eq!(world.helper.calls("Probe")[0].files.len(), 1);
    world.run(&["connect", "work"]).ok();
    assert!(world.helper.calls("Connect")[3].files.is_empty(), "those of stored profiles are not ours to read");

    std::fs::remove_file(&path).expect("our own file");
    let sentence = format!("The file {name} cannot be read for the setting ca-cert: there is no such file.");
    for line in
        [&["connect", "--gateway", "works.example", "--set", &absolute][..], &["probe", "x", "--set", &absolute]]
    {
        assert!(world.run(line).fails(2).contains(&sentence));
    }
    assert_eq!((world.helper.calls("Connect").len(), world.helper.calls("Probe").len()), (4, 1), "nothing was sent");
}

#[test]
fn the_exit_code_says_who_is_at_fault() {
    let Some(world) = World::new() else { return };
    for (gateway, code, sentence) in [
        ("denied.example", 4, "The policy of this machine says no."),
        ("refuses.example", 5, "The server says: "),
        ("asks.example", 5, "The secret password is needed, and there is nobody to ask."),
        ("unreachable.example", 6, "Nobody answers at 203.0.113.7:443."),
        ("full.example", 7, "The route to 10.0.0.0/8 could not be set."),
        ("empty.example", 7, "The server gave no address."),
    ] {
        let error = world.run(&["connect", "--gateway", gateway, "--user", "alice"]).fails(code);
        assert!(error.contains(sentence), "{error}");
        assert_harmless(&error);
    }
    for line in ["connect nobody", "status nobody", "disconnect nobody", "disconnect", "profile show nobody"] {
        world.run(&line.split(' ').collect::<Vec<_>>()).fails(8);
    }
    let ran = world.run(&["connect", "--gateway", "unreachable.example"]);
    assert!(ran.out.contains("TCP connection ...              failed\n"), "{}", ran.out);
    for line in ["connect", "nonsense", "connect work --set a=b", "status --nonsense"] {
        world.run(&line.split(' ').collect::<Vec<_>>()).fails(2);
    }
}

#[test]
fn without_a_helper_it_says_what_to_do() {
    let Some(bus) = Bus::start() else { return };
    let error = bus.run(&["status"]).fails(3);
    assert!(error.contains("systemctl start nm-sstp") && error.contains("install nm-sstp"), "{error}");
    assert_eq!(bus.run(&["version"]).ok().lines().nth(1), Some("nm-sstp-service does not run"));
    let mut command = bus.command(&["list"]);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent");
    assert!(run(&mut command).fails(3).contains("is dbus running?"));
}

#[test]
fn a_helper_that_goes_away_is_noticed() {
    let Some(mut world) = World::new() else { return };
    let mut command = world.command(&["connect", "--gateway", "hangs.example"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    wait_for(|| !world.helper.calls("Connect").is_empty(), "the call");
    world.helper.leave();
    let error = Ran::from(child.wait_with_output().expect("a child")).fails(3);
    assert!(error.contains("The helper went away"), "{error}");
}

/// Whoever is on the bus can send the program messages that look like the helper's.
#[test]
fn only_the_helper_is_listened_to() {
    let Some(world) = World::new() else { return };
    let mut terminal = world.on_terminal(&["connect", "--gateway", "hangs.example", "--user", "alice"]);
    terminal.expect("TLS ...");
    let caller = world.helper.calls("Connect")[0].caller.clone();
    world.bus.as_somebody_else(async |intruder| {
        let (path, interface) = ("/org/sstpd/session/1", "org.sstpd.Session1");
        let question = (1u32, "Your password, please", &["password"][..]);
        let end = ("connect", "an intruder says so");
        for to in [None, Some(caller.as_str())] {
            intruder.emit_signal(to, path, interface, "SecretsRequired", &question).await.expect("the bus");
            intruder.emit_signal(to, path, interface, "Closed", &end).await.expect("the bus");
        }
    });
    std::thread::sleep(Duration::from_millis(300));
    let screen = terminal.screen();
    assert!(!screen.contains("Your password") && !screen.contains("intruder"), "{screen}");
    terminal.type_in("\x03");
    assert_eq!(terminal.ends(), 10);
}

#[test]
fn secrets_are_asked_for_on_the_terminal_and_not_shown() {
    let Some(world) = World::new() else { return };
    let mut terminal = world.on_terminal(&["connect", "--gateway", "everything.example"]);
    terminal.expect("User name: ");
    assert!(terminal.echoes(), "a name may be seen");
    assert!(terminal.screen().contains("evil"), "the message of the server is shown");
    terminal.type_in("alice\n");
    terminal.expect("Password: ");
    wait_for(|| !terminal.echoes(), "a terminal that hides");
    terminal.type_in(&format!("{PASSWORD}\n"));
    terminal.expect("One-time code: ");
    assert!(terminal.echoes());
    terminal.type_in("123456\n");
    terminal.expect("Connected");
    assert_eq!(terminal.ends(), 0, "{}", terminal.screen());
    assert!(!terminal.screen().contains(PASSWORD), "{}", terminal.screen());
    assert_harmless(&terminal.screen());
    let calls = world.helper.calls("ProvideSecrets");
    let expected = [("password", PASSWORD), ("user", "alice")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((calls[0].text.as_str(), &calls[0].secrets), ("1", &expected.into()));
    assert_eq!(calls[1].secrets.get("x-dynamic-challenge-echo:otp").map(String::as_str), Some("123456"));
    assert_eq!(world.helper.calls("Connect")[0].option, Some(true), "it can ask");
}

#[test]
fn a_new_password_is_asked_for_twice_until_it_is_the_same() {
    let Some(world) = World::new() else { return };
    let mut terminal = world.on_terminal(&["connect", "--gateway", "expired.example", "--user", "alice"]);
    for (prompt, answer) in [
        ("The password has expired.\r\nNew password: ", "one"),
        ("Repeat the new password: ", "other"),
        ("not the same. Once more, please.\r\nNew password: ", "new"),
        ("please.\r\nNew password: \r\nRepeat the new password: ", "new"),
    ] {
        terminal.expect(prompt);
        wait_for(|| !terminal.echoes(), "a terminal that hides");
        terminal.type_in(&format!("{answer}\n"));
    }
    assert_eq!(terminal.ends(), 0, "{}", terminal.screen());
    let secrets = &world.helper.calls("ProvideSecrets")[0].secrets;
    assert_eq!((secrets["password"].as_str(), secrets["password-again"].as_str()), ("new", "new"));
}

#[test]
fn a_question_ends_with_its_session_and_with_the_input() {
    let Some(world) = World::new() else { return };
    let mut terminal = world.on_terminal(&["connect", "--gateway", "gives-up.example", "--user", "alice"]);
    terminal.expect("Password: ");
    assert_eq!(terminal.ends(), 6, "{}", terminal.screen());
    assert!(terminal.echoes(), "the terminal is as it was");
    assert!(terminal.screen().contains("The server closed the connection."), "{}", terminal.screen());

    let mut terminal = world.on_terminal(&["connect", "home"]);
    terminal.expect("Password: ");
    terminal.type_in("\x04");
    assert_eq!(terminal.ends(), 10);
    assert_eq!(world.helper.calls("Disconnect").len(), 1);
    assert!(terminal.echoes());
}

#[test]
fn a_question_before_the_first_phase_stands_before_it() {
    let Some(world) = World::new() else { return };
    let mut terminal = world.on_terminal(&["connect", "--gateway", "asks-first.example", "--user", "alice"]);
    terminal.expect("Password: ");
    wait_for(|| !terminal.echoes(), "a terminal that hides");
    terminal.type_in("x\n");
    assert_eq!(terminal.ends(), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    let at = |text: &str| screen.find(text).unwrap_or_else(|| panic!("no {text}: {screen}"));
    assert!(at("Who are you?") < at("Looking up") && at("Looking up") < at("TCP connection"), "{screen}");
}

#[test]
fn ctrl_c_disconnects() {
    let Some(world) = World::new() else { return };
    for (gateway, at) in [("hangs.example", "TLS ..."), ("asks.example", "Password: ")] {
        let mut terminal = world.on_terminal(&["connect", "--gateway", gateway, "--user", "alice"]);
        terminal.expect(at);
        terminal.type_in("\x03");
        assert_eq!(terminal.ends(), 10, "{}", terminal.screen());
        assert!(terminal.screen().contains("Disconnecting"), "{}", terminal.screen());
        assert!(terminal.echoes());
    }
    assert_eq!(world.helper.calls("Disconnect").len(), 2);
    assert_eq!(world.run(&["status"]).ok(), "There is no session.\n");
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_the_helper() {
    let Some(world) = World::new() else { return };
    let mut terminal = world.on_terminal(&["connect", "--gateway", "deaf.example", "--user", "alice"]);
    terminal.expect("TLS ...");
    terminal.type_in("\x03");
    terminal.expect("Disconnecting");
    wait_for(|| !world.helper.calls("Disconnect").is_empty(), "the call");
    terminal.type_in("\x03");
    assert_eq!(terminal.ends(), 10, "{}", terminal.screen());
}

#[test]
fn waiting_has_an_end() {
    let Some(world) = World::new() else { return };
    let error = world.run(&["connect", "--gateway", "hangs.example", "--user", "a", "--wait", "1"]).fails(9);
    assert!(error.contains("longer than --wait allows"), "{error}");
    assert_eq!(world.helper.calls("Disconnect").len(), 1);
    let out = world.run(&["connect", "--gateway", "hangs.example", "--user", "a", "--wait", "0"]).ok();
    assert!(out.contains("Session 2 goes on in the background"), "{out}");
    assert_eq!(world.helper.calls("Connect")[1].option, Some(false), "nobody stays to be asked");
}

#[test]
fn a_password_comes_from_a_file_or_from_standard_input() {
    let Some(world) = World::new() else { return };
    let path = world.file("password", &format!("{PASSWORD}\n"));
    let path = path.to_str().expect("text");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("our file");
    let out = world.run(&["connect", "home", "--password-file", path]).ok();
    assert!(!out.contains(PASSWORD));
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).expect("our file");
    let ran = world.run(&["connect", "home", "--password-file", path]);
    assert!(ran.code == 0 && ran.err.contains("others may read the password"), "{}", ran.err);
    let input = std::fs::File::open(path).expect("our file");
    let output = world.command(&["connect", "home", "--password-stdin"]).stdin(input).output().expect("the program");
    Ran::from(output).ok();
    for call in world.helper.calls("Connect") {
        assert_eq!(call.secrets.get("password").map(String::as_str), Some(PASSWORD));
    }
    world.run(&["connect", "home", "--no-ask"]).fails(5);
}

/// As the unit nm-sstp@.service runs it.
#[test]
fn in_the_foreground_it_stays_and_tells_systemd() {
    let Some(world) = World::new() else { return };
    let credentials = world.bus.directory.join("credentials");
    std::fs::create_dir(&credentials).expect("a directory");
    std::fs::write(credentials.join("password"), PASSWORD).expect("a file");
    let socket = world.bus.directory.join("notify");
    let notified = UnixDatagram::bind(&socket).expect("a socket");
    notified.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let child = world
        .bus
        .bare_command(&["connect", "home", "--foreground", "--no-ask"])
        .env("CREDENTIALS_DIRECTORY", &credentials)
        .env("NOTIFY_SOCKET", &socket)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let expect = |text: &str| {
        let mut octets = [0; 512];
        loop {
            let length = notified.recv(&mut octets).expect("a message");
            if String::from_utf8_lossy(&octets[..length]).contains(text) {
                return;
            }
        }
    };
    expect("READY=1");
    let arguments = std::fs::read(format!("/proc/{}/cmdline", child.id())).expect("a running program");
    assert!(!String::from_utf8_lossy(&arguments).contains(PASSWORD));
    assert!(world.helper.calls("Disconnect").is_empty(), "it stays");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("a running program");
    expect("STOPPING=1");
    let out = Ran::from(child.wait_with_output().expect("a child")).ok();
    assert!(out.ends_with("Disconnecting\n"), "{out}");
    assert_eq!(world.helper.calls("Disconnect").len(), 1);
}

#[test]
fn in_the_foreground_the_end_of_the_session_is_its_end() {
    let Some(world) = World::new() else { return };
    let ran = world.run(&["connect", "--gateway", "drops.example", "--user", "alice", "--foreground"]);
    assert!(ran.out.contains("Connected to"), "{}", ran.out);
    assert!(ran.fails(6).contains("The server went away."));
}

#[test]
fn the_status_tells_everything() {
    let Some(world) = World::new() else { return };
    assert_eq!(world.run(&["status"]).ok(), "There is no session.\n");
    world.run(&["connect", "work"]).ok();
    world.run(&["connect", "--gateway", "private.example"]).ok();
    let out = world.run(&["status"]).ok();
    for part in [
        "works.example at 203.0.113.7:443",
        "work: connected for ",
        "since 2025-11-26 10:57:15 UTC",
        "sstp0, MTU 1400",
        "2001:db8::2/128",
        "TLS 1.3, TLS_AES_256_GCM_SHA384",
        "SHA-256 AB:CD:EF:01",
        "MS-CHAPv2",
        "MiB, 12,345 datagrams",
        "4.00 KiB, 1 datagram\n",
        "23.4 ms",
        "Details         only for its owner and for administrators",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert_harmless(&out);
    assert!(!out.contains('\x1b'), "no colours in a pipe");
    let one = world.run(&["status", "work"]).ok();
    assert!(one.contains("work: connected") && !one.contains("session 2"), "{one}");

    let json = world.run(&["status", "--json", "1"]).json();
    let session = &json["sessions"][0];
    assert_eq!((&session["profile"], &session["rx_packets"]), (&"work".into(), &12_345.into()));
    assert_eq!(session["domains"][1], HOSTILE, "JSON has all of it");
    assert_harmless(&world.run(&["status", "--json"]).ok());
}

#[test]
fn watching_redraws_in_place_and_leaves_the_terminal_as_it_was() {
    let Some(world) = World::new() else { return };
    world.run(&["connect", "work"]).ok();
    let mut terminal = world.on_terminal(&["status", "--watch"]);
    terminal.expect("\x1b[?1049h");
    terminal.expect("██");
    let screen = terminal.screen();
    assert!(
        screen.contains("Receiving") && screen.contains("MiB/s") && screen.matches("\x1b[H").count() >= 2,
        "{screen}"
    );
    assert_harmless(&screen);
    terminal.type_in("\x03");
    assert_eq!(terminal.ends(), 0);
    let screen = terminal.screen();
    let (_, after) = screen.split_once("\x1b[?25h\x1b[?1049l").expect("the first screen again");
    assert!(after.contains("Receiving"), "what was seen last stays: {after}");
}

#[test]
fn watching_in_a_pipe_repeats_and_ends_with_its_session() {
    let Some(world) = World::new() else { return };
    world.run(&["connect", "work"]).ok();
    let watch = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program")
    };
    let (plain, json) = (watch(&["status", "-w", "work"]), watch(&["status", "--watch", "--json", "work"]));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(world.run(&["disconnect", "work"]).ok(), "Disconnected work\n");
    let plain = Ran::from(plain.wait_with_output().expect("a child")).ok();
    assert!(plain.matches("work: connected").count() >= 2 && !plain.contains('\x1b'), "{plain}");
    let json = Ran::from(json.wait_with_output().expect("a child")).ok();
    let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.len() >= 2 && lines.iter().all(|line| line["sessions"][0]["session"] == "1"), "{json}");
}

#[test]
fn sessions_are_ended_by_any_of_their_names() {
    let Some(world) = World::new() else { return };
    let connect = || world.run(&["connect", "work"]).ok();
    connect();
    assert_eq!(world.run(&["disconnect"]).ok(), "Disconnected work\n", "there is only one");
    connect();
    connect();
    assert!(world.run(&["disconnect"]).fails(2).contains("Name one, or give --all."));
    assert_eq!(world.run(&["disconnect", "2"]).ok(), "Disconnected work\n");
    assert_eq!(world.run(&["disconnect", "--all"]).ok(), "Disconnected work\n");
    assert_eq!(world.run(&["disconnect", "--all"]).ok(), "");
    assert!(world.helper.calls("Disconnect").iter().all(|call| call.may_ask));
}

#[test]
fn profiles_are_listed_with_their_sessions() {
    let Some(world) = World::new() else { return };
    world.helper.add_profile("bad name", &[("gateway", HOSTILE), ("proxy-password", "hunter2")]);
    world.run(&["connect", "work"]).ok();
    let out = world.run(&["list"]).ok();
    assert!(out.contains("work      works.example"), "{out}");
    assert!(out.contains("alice  connected  1, sstp0\n") && out.contains("alice  -\n"), "{out}");
    assert_harmless(&out);
    let json = world.run(&["list", "--json"]).json();
    assert_eq!(json["profiles"][2]["sessions"][0]["interface"], "sstp0");
    assert!(!json.to_string().contains("hunter2"));
    assert_eq!(world.run(&["list", "--names"]).ok(), "home\nwork\n");
    assert!(!world.helper.calls("Profiles")[2].may_ask, "a completion asks nobody");
}

#[test]
fn a_probe_says_what_is_wrong() {
    let Some(world) = World::new() else { return };
    let out = world.run(&["probe", "vpn.example.com"]).ok();
    for part in
        ["203.0.113.7:443", "TLS 1.3", "*.vpn.example.com", "2100-01-01", "AB:CD:EF", "SHA256, SHA1", "MS-CHAPv2"]
    {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(out.ends_with("A connection can be tried.\n"), "{out}");
    assert_harmless(&out);
    for (host, sentence) in [
        ("forged.example", "not trusted: it is signed by itself."),
        ("web.example", "but not SSTP"),
        ("silent.example", "Nobody answers"),
    ] {
        assert!(world.run(&["probe", host]).fails(6).contains(sentence));
        let ran = world.run(&["probe", host, "--json"]);
        assert_eq!((ran.code, ran.err.as_str()), (6, ""));
        let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        assert_eq!(json["usable"], false);
    }
    let ran = world.run(&["probe", "forged.example", "--set", "ignore-cert-warn=yes"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn profiles_are_added_changed_shown_and_removed() {
    let Some(world) = World::new() else { return };
    let path = world.file("password", PASSWORD);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("our file");
    let path = path.to_str().expect("text");
    let add = ["profile", "add", "new", "--gateway", "a.example", "--user", "bob", "--set", "mtu=1400"];
    let ran = world.run(&[&add[..], &["--password-file", path]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (0, "Stored the profile new: sstpctl connect new\n"));
    assert_eq!(ran.err, "sstpctl: warning: a notice of the helper\n");
    let [call] = &world.helper.calls("ImportProfile")[..] else { panic!("one call") };
    assert_eq!((call.secrets["password"].as_str(), call.option, call.may_ask), (PASSWORD, Some(false), true));
    assert!(world.run(&add).fails(1).contains("There is a profile"));
    world.run(&["profile", "add", "../new", "--gateway", "a.example"]).fails(2);

    let ran = world.run(&["profile", "edit", "new", "--set", "mtu=1300", "--set", "routes=split", "--unset", "user"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(
        world.run(&["profile", "show", "new"]).ok(),
        "new\n  gateway         a.example\n  mtu             1300\n  routes          split\n"
    );
    assert_eq!(world.run(&["profile", "show", "new", "--json"]).json()["settings"]["mtu"], "1300");
    world.run(&["profile", "edit", "new", "--unset", "user"]).fails(2);
    world.run(&["profile", "remove", "new"]).ok();
    assert!(!world.helper.profiles().contains_key("new"));
    world.run(&["profile", "remove", "new"]).fails(8);
}

#[test]
fn an_edited_profile_is_checked_before_it_is_stored() {
    let Some(world) = World::new() else { return };
    world.helper.add_profile("mine", &[("gateway", "a.example"), ("user", "bob"), ("proxy-password", "hunter2")]);
    let edit = |editor: &std::path::Path| {
        let mut command = world.command(&["profile", "edit", "mine"]);
        run(command.env("EDITOR", format!("{} now", editor.display())).env("XDG_RUNTIME_DIR", &world.bus.directory))
    };
    let good = world.script(
        "good",
        "#!/bin/sh\nstat -c %a \"$2\" >\"$0.mode\"; cp \"$2\" \"$0.seen\"\necho 'mtu = 1400' >>\"$2\"\n",
    );
    let ran = edit(&good);
    assert_eq!((ran.code, ran.out.as_str()), (0, "Changed the profile mine\n"), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(world.bus.directory.join("good.mode")).expect("a file"), "600\n");
    let seen = std::fs::read_to_string(world.bus.directory.join("good.seen")).expect("a file");
    assert!(seen.contains("user = \"bob\"") && !seen.contains("hunter2"), "{seen}");
    let stored = &world.helper.profiles()["mine"];
    assert_eq!((stored["mtu"].as_str(), stored["proxy-password"].as_str()), ("1400", "hunter2"));

    let bad = world.script("bad", "#!/bin/sh\necho 'mtuu = 1400' >>\"$2\"\n");
    let error = edit(&bad).fails(2);
    assert!(
        error.contains("did you mean \"mtu\"?") && error.contains("profile import --replace --name mine"),
        "{error}"
    );
    let kept = error.split("What you wrote is in ").nth(1).and_then(|rest| rest.split(';').next()).expect("a path");
    assert!(std::fs::read_to_string(kept).expect("it is kept").contains("mtuu"));

    let broken = world.script("broken", "#!/bin/sh\nexit 1\n");
    assert!(!edit(&broken).fails(10).contains("What you wrote"), "nothing was written");
    let left = std::fs::read_dir(&world.bus.directory).expect("a directory").filter_map(Result::ok);
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("sstpctl-mine-")).count();
    assert_eq!(left, 1, "only what has something to be mended");

    let nothing = world.script("nothing", "#!/bin/sh\n");
    assert_eq!(edit(&nothing).ok(), "Nothing was changed in the profile mine\n");
    assert_eq!(world.helper.calls("ImportProfile").len(), 1);
}

#[test]
fn profiles_come_from_files_and_go_to_files() {
    let Some(world) = World::new() else { return };
    let exported = world.bus.directory.join("exported.toml");
    let exported = exported.to_str().expect("text");
    world.run(&["profile", "export", "work", "--output", exported]).ok();
    assert_eq!(std::fs::metadata(exported).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(exported).expect("a file"), "gateway = \"works.example\"\nuser = \"alice\"\n");
    world.run(&["profile", "export", "work", "--output", exported]).fails(1);
    let ran = world.run(&["profile", "import", exported, "--name", "again"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(world.helper.profiles()["again"], world.helper.profiles()["work"]);

    let text = "[connection]\nid=Old one\nautoconnect=true\n[vpn]\nservice-type=org.freedesktop.NetworkManager.sstp\n\
        gateway=old.example\nuser=bob\n[vpn-secrets]\npassword=hunter2\n[ipv4]\ndns-search=x;\n";
    let file = world.file("old.nmconnection", text);
    let ran = world.run(&["profile", "import", file.to_str().expect("text")]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "Stored the profile Old-one: sstpctl connect Old-one\n"));
    assert!(ran.err.contains("ipv4.dns-search was not carried over") && !ran.err.contains("hunter2"), "{}", ran.err);
    assert_eq!(world.helper.calls("ImportProfile")[1].secrets["password"], "hunter2");
    let hostile = world.file("x.nmconnection", "[vpn]\nservice-type=\x1b[2J\n");
    assert_harmless(&world.run(&["profile", "import", hostile.to_str().expect("text")]).fails(2));
}

#[test]
fn a_phone_book_has_several_connections() {
    let Some(world) = World::new() else { return };
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exchange/rasphone.pbk");
    let error = world.run(&["profile", "import", book]).fails(2);
    assert!(error.contains("Work, Branch office, B\u{fc}ro K\u{f6}ln") && error.contains("--entry"), "{error}");
    world.run(&["profile", "import", book, "--entry", "Tunnel two"]).fails(2);
    assert_eq!(world.helper.calls("ImportProfile").len(), 0);

    let ran = world.run(&["profile", "import", book, "--entry", "Branch office"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "Stored the profile Branch-office: sstpctl connect Branch-office\n"));
    for part in ["warning: NumNrptRules", "warning: The route to 172.16.0.0/12"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    assert!(!ran.err.contains("Broadband"), "another was meant: {}", ran.err);
    let stored = &world.helper.profiles()["Branch-office"];
    for (key, value) in
        [("gateway", "vpn.example.net:8443"), ("routes", "split"), ("dns", "none"), ("route-metric", "15")]
    {
        assert_eq!(stored[key], value, "{key}");
    }
    let ran = world.run(&["profile", "import", book, "--all"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 1), "the second is there already: {}", ran.err);
    assert!(ran.err.contains("The entry Broadband is no VPN."), "{}", ran.err);
    let ran = world.run(&["profile", "import", book, "--all", "--replace"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 5), "{}", ran.err);
    assert!(ran.err.contains("warning: Branch-office: NumNrptRules"), "{}", ran.err);
}

#[test]
fn profiles_are_written_for_other_programs() {
    let Some(world) = World::new() else { return };
    let edit = ["profile", "edit", "work", "--set", "routes=split", "--set", "kill-switch=yes"];
    assert_eq!(world.run(&edit).code, 0);
    for (format, begins, part) in [
        ("toml", "gateway = ", "routes = \"split\""),
        ("nmconnection", "[connection]\nid=work\n", "never-default=true"),
        ("pbk", "[work]\r\n", "IpPrioritizeRemote=0\r\n"),
        ("routeros", "# kill-switch was left out", "\n/interface sstp-client\nadd add-default-route=no "),
        ("peers", "# kill-switch was left out", "\n# work: pppd call work\n"),
    ] {
        let ran = world.run(&["profile", "export", "work", "--format", format]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.starts_with(begins) && ran.out.contains(part), "{}", ran.out);
        let is_told = ran.err.contains("kill-switch was left out");
        assert_eq!(is_told, ["pbk", "routeros", "peers"].contains(&format), "{format}: {}", ran.err);
    }
    let file = world.bus.directory.join("work.nmconnection");
    let file = file.to_str().expect("text");
    world.run(&["profile", "export", "work", "-o", file]).ok();
    assert!(std::fs::read_to_string(file).expect("a file").starts_with("[connection]\n"), "by the ending of its name");
    world.run(&["profile", "export", "work", "--format", "sstpc"]).fails(2);
}

#[test]
fn logs_are_journalctls() {
    let Some(world) = World::new() else { return };
    world.run(&["connect", "work"]).ok();
    world.run(&["connect", "--gateway", "works.example"]).ok();
    world.script("journalctl", "#!/bin/sh\nprintf '%s|' \"$@\"\n");
    let path = std::env::var("PATH").unwrap_or_default();
    let logs = |arguments: &[&str]| {
        let mut command = world.command(&[&["logs"], arguments].concat());
        run(command.env("PATH", format!("{}:{path}", world.bus.directory.display()))).ok()
    };
    assert_eq!(logs(&[]), "--identifier=nm-sstp-service|");
    assert_eq!(logs(&["-f", "work"]), "--identifier=nm-sstp-service|--follow|SSTP_PROFILE=work|");
    assert_eq!(logs(&["2"]), "--identifier=nm-sstp-service|SSTP_SESSION=2|");
    assert_eq!(logs(&["gone; reboot"]), "--identifier=nm-sstp-service|SSTP_PROFILE=gone; reboot|");
}

#[test]
fn a_terminal_has_colours_unless_nobody_wants_them() {
    let Some(world) = World::new() else { return };
    let mut terminal = world.on_terminal(&["list"]);
    assert_eq!(terminal.ends(), 0);
    assert!(terminal.screen().contains("\x1b[1mPROFILE\x1b[0m"), "{}", terminal.screen());
    let mut command = world.command(&["list"]);
    command.env("NO_COLOR", "1");
    let mut terminal = sstpctl_face::Terminal::start(command);
    assert_eq!(terminal.ends(), 0);
    assert!(!terminal.screen().contains('\x1b'), "{}", terminal.screen());
}

#[test]
fn versions_are_told() {
    let Some(world) = World::new() else { return };
    let expected = format!("sstpctl {}\nnm-sstp-service 9.9.9\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(world.run(&["version"]).ok(), expected);
}
