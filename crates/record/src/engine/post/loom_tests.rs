//! All orders of what tracers tell each other, under loom.

use super::{Idle, Post};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

/// A tracer: sends its messages, then handles those that come until all is over. Each message
/// below 10 is passed on once, to the next tracer.
fn work(post: &Post<usize>, at: usize, count: usize, own: usize, received: &AtomicUsize) {
    for message in 0..own {
        post.send((at + 1) % count, message);
    }
    loop {
        while let Some(message) = post.receive(at) {
            received.fetch_add(1, Ordering::Relaxed);
            if message < 10 {
                post.send((at + 1) % count, message + 10);
            }
        }
        // Without a time: nothing but a message or the end wakes it.
        if post.idle(at, None) == Idle::Over {
            return;
        }
    }
}

/// Every message is received once, and all tracers end.
fn model(own: &'static [usize]) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let count = own.len();
        let (post, received) = (Arc::new(Post::new(count)), Arc::new(AtomicUsize::new(0)));
        let others: Vec<_> = (1..count)
            .map(|at| {
                let (post, received) = (Arc::clone(&post), Arc::clone(&received));
                thread::spawn(move || work(&post, at, count, own[at], &received))
            })
            .collect();
        work(&post, 0, count, own[0], &received);
        others.into_iter().for_each(|other| other.join().unwrap());
        let sent: usize = own.iter().sum();
        assert_eq!(received.load(Ordering::Relaxed), 2 * sent);
    });
}

#[test]
fn loom_two_tracers_receive_all_messages_and_end() {
    model(&[1, 1]);
    model(&[2, 0]);
}

#[test]
fn loom_three_tracers_receive_all_messages_and_end() {
    model(&[1, 0, 0]);
}

/// A tracer that has ended, with an error say, keeps no other from ending.
#[test]
fn loom_nobody_waits_for_a_tracer_that_has_ended() {
    loom::model(|| {
        let post = Arc::new(Post::<usize>::new(2));
        let other = {
            let post = Arc::clone(&post);
            thread::spawn(move || while post.idle(1, None) == Idle::Look {})
        };
        post.leave();
        other.join().unwrap();
    });
}
