//! Who has a connection, and who gives way when there are too many.
//!
//! A connection is at work from a request's head until its answer is on its way, and for good once it
//! is a WebSocket. Else it is idle: between two requests, before the first one, and with half a head.
//! When all seats are taken and somebody else comes, the one that has been idle for the longest time is
//! cut, so that a flood of those keeps nobody waiting; who is at work is never cut. Where all are at
//! work, the newcomer waits for a moment, and is then told so.
//!
//! How many seats there are is bounded by the descriptors that the process may have, as far as the
//! system says so: a connection may need two more, for a file and a backend.
//!
//! [`Seats`] decides, of values and time; [`Room`] is shared, and waits.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::timeout_at};
use tokio_util::sync::CancellationToken;

/// How many connections may be open. A tab holds one for its socket and up to six more.
const MOST: usize = 4096;

/// How long one is left alone: what it sent may not have been read yet.
const YOUNG: Duration = Duration::from_millis(100);

/// How long a newcomer waits while all are at work.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What is to be done for a newcomer.
#[derive(Debug)]
enum Next {
    /// It has this seat.
    Take(u64),
    /// Nothing before somebody leaves, rests, or this time.
    Wait(Option<Instant>),
}

/// The seats, and who is idle since when.
#[derive(Debug)]
struct Seats {
    most: usize,
    number: u64,
    /// Since when each is idle; nothing of those at work.
    taken: HashMap<u64, Option<Instant>>,
    /// The idle ones, and what cuts them.
    idle: BTreeMap<(Instant, u64), CancellationToken>,
    /// How many were cut and are still to leave.
    leaving: usize,
}

impl Seats {
    fn new(most: usize) -> Self {
        Self { most, number: 0, taken: HashMap::new(), idle: BTreeMap::new(), leaving: 0 }
    }

    /// Gives a newcomer its seat, if there is one, or else cuts somebody.
    fn next(&mut self, now: Instant, cut: &CancellationToken) -> Next {
        if self.taken.len() < self.most {
            self.number += 1;
            self.taken.insert(self.number, Some(now));
            self.idle.insert((now, self.number), cut.clone());
            return Next::Take(self.number);
        }
        if self.leaving > 0 {
            return Next::Wait(None);
        }
        let young = |since: Instant| since + YOUNG;
        match self.idle.first_entry() {
            Some(longest) if young(longest.key().0) <= now => {
                longest.remove().cancel();
                self.leaving += 1;
                Next::Wait(None)
            }
            Some(longest) => Next::Wait(Some(young(longest.key().0))),
            None => Next::Wait(None),
        }
    }

    /// Somebody is at work; gives whether it may be, or was cut.
    fn work(&mut self, number: u64) -> bool {
        let Some(idle) = self.taken.get_mut(&number) else { return false };
        let Some(since) = *idle else { return true };
        let stays = self.idle.remove(&(since, number)).is_some();
        if stays {
            *idle = None;
        }
        stays
    }

    /// Somebody is through with its work.
    fn rest(&mut self, number: u64, now: Instant, cut: &CancellationToken) {
        if let Some(idle @ None) = self.taken.get_mut(&number) {
            *idle = Some(now);
            self.idle.insert((now, number), cut.clone());
        }
    }

    fn leave(&mut self, number: u64) {
        let idle = self.taken.remove(&number).flatten();
        if idle.is_some_and(|since| self.idle.remove(&(since, number)).is_none()) {
            self.leaving -= 1;
        }
    }

    /// Cuts one, whether there are seats or not; gives whether there was one to cut.
    fn cut(&mut self) -> bool {
        let longest = self.idle.pop_first();
        if let Some((_, cut)) = &longest {
            cut.cancel();
            self.leaving += 1;
        }
        longest.is_some()
    }
}

/// The seats, as all connections share them.
#[derive(Debug)]
pub(super) struct Room {
    seats: Mutex<Seats>,
    /// Somebody left, or is idle now. Only the one who accepts waits for it.
    changed: Notify,
}

impl Room {
    pub(super) fn new() -> Arc<Self> {
        Self::of(descriptors().map_or(MOST, |most| (most / 3).clamp(1, MOST)))
    }

    fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { seats: Mutex::new(Seats::new(most)), changed: Notify::new() })
    }

    /// How many seats there are.
    pub(super) fn most(&self) -> usize {
        self.seats().most
    }

    /// A seat for a newcomer; nothing if all were at work all this time.
    pub(super) async fn seat(self: &Arc<Self>, patience: Duration) -> Option<Arc<Seat>> {
        let (cut, end) = (CancellationToken::new(), Instant::now() + patience);
        loop {
            let now = Instant::now();
            let next = self.seats().next(now, &cut);
            let until = match next {
                Next::Take(number) => {
                    let (room, answered) = (Arc::clone(self), AtomicBool::new(false));
                    return Some(Arc::new(Seat { room, number, cut, answered }));
                }
                Next::Wait(until) => until.map_or(end, |until| until.min(end)),
            };
            if now >= end {
                return None;
            }
            // Too late is found out above.
            let _ = timeout_at(until.into(), self.changed.notified()).await;
        }
    }

    /// Cuts whoever has been idle for the longest time; gives whether anybody was.
    pub(super) fn cut(&self) -> bool {
        self.seats().cut()
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's seat, which is free when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    number: u64,
    cut: CancellationToken,
    /// The answer is made, and perhaps not sent yet.
    answered: AtomicBool,
}

impl Seat {
    /// Ends when it has to give way.
    pub(super) async fn cut(&self) {
        self.cut.cancelled().await;
    }

    /// There is a request. Gives whether it may be answered: who was cut is about to be gone.
    pub(super) fn work(&self) -> bool {
        self.answered.store(false, Ordering::Relaxed);
        self.room.seats().work(self.number)
    }

    /// Nothing is left to be made of the answer.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// All that was written is on its way: with it the answer, if that is made.
    pub(super) fn flushed(&self) {
        if self.answered.swap(false, Ordering::Relaxed) {
            self.room.seats().rest(self.number, Instant::now(), &self.cut);
            self.room.changed.notify_one();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.seats().leave(self.number);
        self.room.changed.notify_one();
    }
}

/// How many descriptors the process may have, where the system says so in a file.
fn descriptors() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio_util::sync::CancellationToken;

    use super::{Next, Room, Seats, YOUNG};

    const LONG: Duration = Duration::from_mins(1);

    /// Takes a seat, which is there.
    fn take(seats: &mut Seats, now: Instant) -> (u64, CancellationToken) {
        let cut = CancellationToken::new();
        match seats.next(now, &cut) {
            Next::Take(number) => (number, cut),
            wait @ Next::Wait(_) => panic!("{wait:?}"),
        }
    }

    /// What a newcomer finds that gets no seat.
    fn wait(seats: &mut Seats, now: Instant) -> Option<Instant> {
        match seats.next(now, &CancellationToken::new()) {
            Next::Wait(until) => until,
            take @ Next::Take(_) => panic!("{take:?}"),
        }
    }

    #[test]
    fn whoever_is_idle_for_the_longest_time_gives_way() {
        let (mut seats, began) = (Seats::new(3), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        let (first, first_cut) = take(&mut seats, at(0));
        let (second, second_cut) = take(&mut seats, at(1));
        let (third, third_cut) = take(&mut seats, at(2));
        // The first one had a request, and is younger than the others since.
        assert!(seats.work(first));
        seats.rest(first, at(3), &first_cut);
        assert_eq!(wait(&mut seats, at(4)), None);
        assert!(
            second_cut.is_cancelled() && !first_cut.is_cancelled() && !third_cut.is_cancelled()
        );
        // One is enough, and what it asks for now is not answered.
        assert_eq!(wait(&mut seats, at(4)), None);
        assert!(!third_cut.is_cancelled());
        assert!(!seats.work(second));
        seats.leave(second);
        take(&mut seats, at(4));
        // Who is at work is not cut, however long that takes.
        assert!(seats.work(third) && seats.work(third));
        wait(&mut seats, at(4) + LONG);
        assert!(first_cut.is_cancelled() && !third_cut.is_cancelled());
    }

    #[test]
    fn who_has_just_come_is_left_alone() {
        let (mut seats, now) = (Seats::new(1), Instant::now());
        let (number, cut) = take(&mut seats, now);
        assert_eq!(wait(&mut seats, now), Some(now + YOUNG));
        assert!(!cut.is_cancelled());
        wait(&mut seats, now + YOUNG);
        assert!(cut.is_cancelled());
        seats.leave(number);
        let (number, cut) = take(&mut seats, now);
        assert!(seats.work(number));
        assert_eq!(wait(&mut seats, now + LONG), None);
        assert!(!cut.is_cancelled());
        seats.leave(number);
        take(&mut seats, now);
    }

    #[tokio::test]
    async fn a_newcomer_waits_for_those_at_work_and_not_for_ever() {
        let room = Room::of(1);
        let seat = room.seat(LONG).await.unwrap();
        assert!(seat.work());
        assert!(room.seat(Duration::from_millis(1)).await.is_none());
        let waiting = tokio::spawn({
            let room = room.clone();
            async move { room.seat(LONG).await.is_some() }
        });
        // It is idle when its answer was made, and then written.
        seat.flushed();
        seat.answered();
        seat.flushed();
        seat.cut().await;
        drop(seat);
        assert!(waiting.await.unwrap());
        assert!(!room.cut(), "nobody is left");
    }
}
