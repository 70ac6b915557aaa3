//! Signals that are deferred until a call, and their siginfo then.

use crate::replay::{record, same};
use crate::stage::{Stage, installed};

/// A timer expires during a computation, and the next call blocks the signal in order to wait for
/// it.
const TIMER: &str = r#"
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <time.h>
static volatile int handled;
static void handle(int number) { handled = number; }
int main(void) {
    signal(SIGUSR1, handle);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4242};
    timer_t timer;
    struct itimerspec soon = {.it_value = {0, 3000000}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, 0)) return 1;
    // Longer than the timer takes, shorter than a signal is held.
    for (volatile long i = 0; i < 20000000; i++) continue;
    sigprocmask(SIG_BLOCK, &set, 0);
    siginfo_t info = {0};
    int number = sigtimedwait(&set, &info, &(struct timespec){0});
    printf("%d: signal %d, code %d, value %d\n", handled, number, info.si_code, info.si_value.sival_int);
    return 0;
}"#;

#[test]
fn a_deferred_signal_keeps_its_siginfo() {
    if !installed("a_deferred_signal_keeps_its_siginfo", &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("t.c", TIMER);
    assert!(stage.sh("gcc -O1 -o t t.c").status.success());
    // On a busy machine the timer may expire before the computation; then the signal is handled
    // there.
    let recorded = (0..20)
        .map(|_| record(&stage, &["./t"]))
        .find(|recorded| recorded.text().starts_with("0: "))
        .expect("the timer rings in the computation");
    // SIGUSR1, and SI_TIMER (signal(7), sigaction(2)).
    assert_eq!(recorded.text(), "0: signal 10, code -2, value 4242\n");
    same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
}
