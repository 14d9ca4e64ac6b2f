//! Tests of the connection limiter, with paused time.

use std::{sync::Arc, time::Duration};

use tokio::time::advance;

use super::{Close, ConnectionLimiter, Permit};

const LONG: Duration = Duration::from_mins(1);

async fn admit(limiter: &Arc<ConnectionLimiter>) -> Arc<Permit> {
    limiter.admit(Duration::ZERO).await.expect("a free permit")
}

/// Finishes a request, after which the connection is idle.
fn respond(permit: &Permit) {
    permit.response_completed();
    permit.flushed();
}

#[tokio::test(start_paused = true)]
async fn the_connection_that_is_idle_longest_is_evicted() {
    let limiter = ConnectionLimiter::with_limits(3, 1);
    let first = admit(&limiter).await;
    advance(Duration::from_secs(1)).await;
    let second = admit(&limiter).await;
    advance(Duration::from_secs(1)).await;
    let third = admit(&limiter).await;
    // The first one has had a request since, so the second one is idle longest.
    assert!(first.request_started());
    respond(&first);
    assert!(third.request_started());
    advance(LONG).await;
    let (new, ()) = tokio::join!(limiter.admit(LONG), async {
        assert_eq!(second.close_requested().await, Close::Now);
        assert!(!second.request_started(), "an evicted connection starts no request");
        drop(second);
    });
    let _new = new.unwrap();
    // A busy one is never evicted.
    assert!(limiter.evict_longest_idle());
    assert_eq!(first.close_requested().await, Close::Now);
    assert!(limiter.evict_longest_idle(), "the new one");
    assert!(!limiter.evict_longest_idle(), "the third one is busy");
    assert!(third.request_started());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_evicted_right_after_it_became_idle() {
    let limiter = ConnectionLimiter::with_limits(1, 1);
    let first = admit(&limiter).await;
    assert!(limiter.admit(super::MIN_IDLE / 2).await.is_none());
    let (new, close) = tokio::join!(limiter.admit(LONG), async {
        let close = first.close_requested().await;
        drop(first);
        close
    });
    assert!(new.is_some() && close == Close::Now);
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_waits_for_a_busy_one_until_the_timeout() {
    let limiter = ConnectionLimiter::with_limits(1, 1);
    let busy = admit(&limiter).await;
    assert!(busy.request_started());
    assert!(limiter.admit(LONG).await.is_none());
    let (new, ()) = tokio::join!(limiter.admit(LONG), async {
        busy.flushed();
        busy.response_completed();
        assert!(!limiter.evict_longest_idle(), "the response is not written yet");
        busy.flushed();
        busy.close_requested().await;
        drop(busy);
    });
    assert!(new.is_some());
    drop(new);
    assert!(limiter.is_empty() && !limiter.evict_longest_idle());
}

#[tokio::test]
async fn upgraded_connections_have_a_limit_of_their_own() {
    let limiter = ConnectionLimiter::with_limits(1, 1);
    let upgraded = admit(&limiter).await;
    assert!(upgraded.request_started() && upgraded.upgrade());
    let second = admit(&limiter).await;
    assert!(second.request_started() && !second.upgrade(), "the limit is reached");
    drop(upgraded);
    assert!(second.upgrade());
    admit(&limiter).await;
    assert!(limiter.is_empty());
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_after_the_timeout() {
    let limiter = ConnectionLimiter::with_limits(3, 1);
    let (old, busy) = (admit(&limiter).await, admit(&limiter).await);
    assert!(busy.request_started());
    advance(LONG).await;
    let new = admit(&limiter).await;
    limiter.close_idle(LONG);
    assert_eq!(old.close_requested().await, Close::Now);
    assert!(busy.request_started() && new.request_started());
}

#[tokio::test]
async fn all_connections_are_closed_at_shutdown() {
    let limiter = ConnectionLimiter::with_limits(1, 1);
    let permit = admit(&limiter).await;
    limiter.close_all(Close::Gracefully);
    assert_eq!(permit.close_requested().await, Close::Gracefully);
    limiter.close_all(Close::Now);
    assert_eq!(permit.close_requested().await, Close::Now);
}
