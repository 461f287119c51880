//! What only a person can answer: on the call that asks, or known before it does.

mod support;

use std::time::Duration;

use nm_sstp::session::{Answer, AuthProtocol, Config, Error, Methods, Question};
use sstp_test_server::Event;
use support::{PASSWORD, Pair, client, server};
use zeroize::Zeroizing;

const MSCHAPV2: Methods = Methods { pap: false, chap_md5: false, mschapv2: true, eap: false };

/// A client with MS-CHAPv2, a password, and a person to ask.
fn asking(password: &str) -> Config {
    Config { methods: MSCHAPV2, password: Zeroizing::new(password.to_owned()), may_ask: true, ..client() }
}

/// The longest that a server waits for the end of the authentication (MS-SSTP 3.2.2.1), and the end of the call after it.
const PATIENCE: Duration = Duration::from_secs(65);

#[test]
fn another_password_on_the_same_call() {
    let mut pair = Pair::new(asking("wrong"), server("retry-on-auth-failure"));
    assert!(matches!(pair.asked(), Question::Password { .. }));
    pair.run_for(Duration::from_secs(20));
    pair.answer("wrong again");
    assert!(matches!(pair.asked(), Question::Password { .. }));
    pair.answer(PASSWORD);
    assert_eq!(pair.up().authentication, Some(AuthProtocol::MsChapV2));
}

#[test]
fn an_expired_password_is_changed_on_the_same_call() {
    let mut pair = Pair::new(asking(PASSWORD), server("password-expired"));
    assert_eq!(pair.asked(), Question::NewPassword { refused: None });
    pair.answer("a newer horse");
    // the server checks the crypto binding with the key of the new password
    pair.up();
    assert!(pair.server_events.iter().any(|event| matches!(event, Event::Authenticated { .. })));
}

#[test]
fn a_new_password_that_is_not_good_enough() {
    let mut pair = Pair::new(asking(PASSWORD), server("password-expired-refused"));
    assert_eq!(pair.asked(), Question::NewPassword { refused: None });
    pair.answer("pony");
    assert!(matches!(pair.asked(), Question::NewPassword { refused: Some(_) }));
    pair.answer("a newer horse");
    pair.up();
}

#[test]
fn an_answer_that_is_known_already_is_not_asked_for() {
    let question = Question::NewPassword { refused: None };
    let answers = vec![Answer { question, text: Zeroizing::new("a newer horse".to_owned()) }];
    let config = Config { answers, may_ask: false, ..asking(PASSWORD) };
    Pair::new(config, server("password-expired")).up();
}

#[test]
fn nobody_may_be_asked() {
    for (password, behaviour, expected) in
        [("wrong", "retry-on-auth-failure", 691), (PASSWORD, "password-expired", 648)]
    {
        let mut pair = Pair::new(Config { may_ask: false, ..asking(password) }, server(behaviour));
        let error = pair.closed().unwrap_err();
        assert!(matches!(error, Error::AuthenticationFailed { code: Some(code), .. } if code == expected), "{error}");
        assert!(pair.elapsed() < Duration::from_secs(3), "{:?}", pair.elapsed());
    }
}

#[test]
fn a_person_who_takes_too_long() {
    let mut pair = Pair::new(asking(PASSWORD), server("password-expired"));
    let question = pair.asked();
    let error = pair.closed().unwrap_err();
    assert_eq!(error, Error::AnswerTooLate(question));
    assert!(pair.elapsed() <= PATIENCE, "{:?}", pair.elapsed());
    assert!(error.to_string().contains("connect again"), "{error}");
    // a wrong password stays one
    let mut pair = Pair::new(asking("wrong"), server("retry-on-auth-failure"));
    pair.asked();
    let error = pair.closed().unwrap_err();
    assert!(matches!(error, Error::AuthenticationFailed { code: Some(691), .. }), "{error}");
    assert!(pair.elapsed() <= PATIENCE, "{:?}", pair.elapsed());
}

#[test]
fn an_answer_after_the_end_or_without_a_question_does_nothing() {
    let mut pair = Pair::new(asking(PASSWORD), server(""));
    pair.answer("nobody asked");
    pair.up();
    pair.answer("nobody asked");
    pair.close();
    assert_eq!(pair.closed(), Ok(()));
    pair.answer("nobody is there");
}

/// MS-SSTP 3.2.4.1: whoever signed on elsewhere is not asked again, and the key of the crypto binding is zero.
#[test]
fn a_cookie_in_the_place_of_authentication() {
    let cookie = "ClientHTTPCookie=a1b2c3";
    let front_end = || sstp_test_server::Config { bypass_cookie: Some(cookie.to_owned()), ..server("") };
    let config = |cookie: &str| Config { http_cookie: Some(Zeroizing::new(cookie.to_owned())), ..asking(PASSWORD) };
    assert_eq!(Pair::new(config(cookie), front_end()).up().authentication, None);
    let mut pair = Pair::new(config("ClientHTTPCookie=stale"), front_end());
    assert!(pair.closed().is_err());
    // a server that takes no cookies asks as ever
    assert_eq!(Pair::new(config(cookie), server("")).up().authentication, Some(AuthProtocol::MsChapV2));
}
