//! Which waits nothing in the recording can end.

use sysreel_inspect::calls::Time;

use super::found::{Living, Wait};
use super::object::{Cause, Object};

/// Returns for each wait whether all tasks that could end it wait as well, and none of these waits
/// can be ended from outside of them: the largest set of waits of which each depends on the others
/// alone.
pub(super) fn stuck(
    waits: &[(Living, Wait, Time, Object)],
    living: &[(Living, Option<String>)],
) -> Vec<bool> {
    let mut stuck: Vec<bool> = waits
        .iter()
        .map(|(_, _, _, object)| {
            // A wait without known others is not stuck: the log may lack those who can end it.
            let is_known = !object.others.is_empty() || object.cause() == Cause::Futex;
            object.is_internal() && is_known
        })
        .collect();
    loop {
        let can_act = |living: &Living| {
            waits.iter().zip(&stuck).all(|((task, ..), stuck)| task.id != living.id || !stuck)
        };
        let next: Vec<bool> = waits
            .iter()
            .zip(&stuck)
            .map(|((_, _, _, object), is_stuck)| {
                let could = |task: &Living| could_end(object, task);
                *is_stuck && !living.iter().any(|(task, _)| could(task) && can_act(task))
            })
            .collect();
        if next == stuck {
            return stuck;
        }
        stuck = next;
    }
}

/// Whether a task could end a wait.
fn could_end(object: &Object, task: &Living) -> bool {
    object.others.iter().any(|other| match object.cause() {
        // Any thread of the process could end the others.
        Cause::Futex => other.task == task.id,
        _ => other.pid == task.pid,
    })
}

/// Returns for each wait that is stuck the number of its deadlock: waits of which one could end the
/// other belong to the same.
pub(super) fn deadlocks(
    waits: &[(Living, Wait, Time, Object)],
    stuck: &[bool],
) -> Vec<Option<usize>> {
    let mut numbers: Vec<Option<usize>> = vec![None; waits.len()];
    let depend = |one: usize, other: usize| {
        let ((one, .., of_one), (other, .., of_other)) = (&waits[one], &waits[other]);
        could_end(of_one, other) || could_end(of_other, one)
    };
    let mut count = 0_usize;
    for first in 0..waits.len() {
        if !stuck[first] || numbers[first].is_some() {
            continue;
        }
        count = count.saturating_add(1);
        numbers[first] = Some(count);
        let mut next = vec![first];
        while let Some(one) = next.pop() {
            for other in 0..waits.len() {
                if stuck[other] && numbers[other].is_none() && depend(one, other) {
                    numbers[other] = Some(count);
                    next.push(other);
                }
            }
        }
    }
    numbers
}
